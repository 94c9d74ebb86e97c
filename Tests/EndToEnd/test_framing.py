# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Framing: every byte of a request belongs to exactly one request, whatever the client sends."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import framing_cases as f
from checks import assert_error_answer, memory_bound
from events import chat
from wire import Closed, Connection, Silent, converse, render

REFUSALS = {400, 411, 413, 417, 431, 501, 505}


@pytest.fixture(autouse=True)
def healthy_afterwards(strict):
    yield
    strict.assert_healthy()


def assert_outcome(case, talk):
    statuses = talk.statuses
    assert len(statuses) <= 1, f"{len(statuses)} answers: {statuses}, {[a.body[:80] for a in talk.answers]}"
    for answer in talk.answers:
        assert answer.complete
        if answer.status >= 400:
            assert_error_answer(answer)
    refused = not statuses or statuses[0] in REFUSALS
    if case.outcome == f.REFUSED:
        assert refused and talk.closed, (statuses, talk.closed)
    elif case.outcome == f.ONE_THEN_CLOSE:
        assert talk.closed and (refused or statuses == [200]), (statuses, talk.closed)
    elif case.outcome == f.BAD:
        assert statuses and statuses[0] in (400, 501, 505) and talk.closed, (statuses, talk.closed)
    elif case.outcome == f.TAKEN:
        assert statuses == [200], talk
    elif case.outcome == f.TAKEN_OR_BAD:
        assert statuses in ([200], [400]), statuses
    else:
        assert case.outcome == f.AT_MOST_ONE
        assert statuses in ([200], [400], []), statuses


@pytest.mark.parametrize("case", f.BODIES, ids=lambda case: case.id)
def test_an_ambiguous_body_never_becomes_a_second_request(strict, case):
    assert_outcome(case, converse(strict.address, case.data))


@pytest.mark.parametrize("case", f.HEADS, ids=lambda case: case.id)
def test_a_malformed_head_is_refused(strict, case):
    assert_outcome(case, converse(strict.address, case.data))


@pytest.mark.parametrize("case", f.UNREAD_BODIES, ids=lambda case: case.id)
def test_a_body_nobody_reads_is_not_the_next_request(strict, case):
    with Connection(strict.address) as connection:
        connection.send(case.data)
        first = connection.response()
        assert first.status in REFUSALS | {200, 204, 401, 404, 405}, first
        assert b"smuggled" not in first.body
        if first.status >= 400:
            assert_error_answer(first)
        connection.send(render("GET", "/v1/models/no-such-model"))
        try:
            second = connection.response(timeout=3)
        except Closed:
            return
        # Only the request sent last may be answered now: a healthy answer would be the smuggled one's.
        assert second.status == 404, second


def test_F45_an_oversized_chunk_extension_is_cut_early(strict):
    started = time.monotonic()
    talk = converse(strict.address, f.P + f.TE + b"\r\n" + f.x + b";" + b"a" * 4_000_000)
    assert talk.closed and talk.statuses in ([400], [413], [])
    assert time.monotonic() - started < 3


def test_F47_a_content_length_in_a_trailer_does_not_reframe(strict):
    trailer = b"Content-Length: %d\r\n\r\n" % len(f.S)
    body = f.x + b"\r\n" + f.B + b"\r\n0\r\n" + trailer
    talk = converse(strict.address, f.P + f.TE + b"\r\n" + body + f.S)
    assert talk.statuses in ([200, 200], [400]), talk


def test_F85_an_absolute_target_to_a_foreign_host_is_not_proxied(strict):
    target = b"GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n"
    talk = converse(strict.address, target + f.CLOSE + f.AUTH + b"\r\n")
    assert len(talk.answers) == 1 and talk.statuses[0] in (400, 403, 404, 421), talk
    assert_error_answer(talk.answers[0])


def test_F86_an_upgrade_to_h2c_is_ignored(strict):
    head = b"GET /healthz HTTP/1.1\r\nHost: gw\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    talk = converse(strict.address, head + b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
    assert talk.statuses in ([200], [400]), talk


def test_F91_every_odd_spelling_of_transfer_encoding_gets_at_most_one_answer(strict):
    def answers(data):
        return data, converse(strict.address, data, quiet=0.3)

    with ThreadPoolExecutor(24) as pool:
        for data, talk in pool.map(answers, f.mutated_encodings()):
            assert len(talk.answers) <= 1, (data, talk.statuses)
            assert all(answer.status in REFUSALS for answer in talk.answers), (data, talk.statuses)


def test_F94_authorization_in_a_trailer_does_not_authenticate(strict):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" + f.JSON + f.TE + b"\r\n"
    body = f.x + b"\r\n" + f.B + b"\r\n0\r\n" + f.AUTH + b"\r\n"
    talk = converse(strict.address, head + body)
    assert talk.statuses in ([401], [400]), talk


def test_F95_an_endless_trailer_section_is_cut(strict):
    before = strict.rss()
    trailer = b"".join(b"X-%d: %b\r\n" % (number, b"t" * 1000) for number in range(8000))
    talk = converse(strict.address, f.P + f.TE + b"\r\n" + f.x + b"\r\n" + f.B + b"\r\n0\r\n" + trailer)
    assert talk.closed and len(talk.answers) <= 1
    assert talk.statuses in ([], [400], [413], [431]), talk.statuses
    assert strict.rss() - before < memory_bound(8_000_000)


def test_F96_three_pipelined_requests_get_three_answers_in_order(strict):
    paths = ["/healthz", "/v1/models", "/v1/models/no-such-model"]
    with Connection(strict.address) as connection:
        connection.send(b"".join(render("GET", path) for path in paths))
        first, second, third = (connection.response() for _ in paths)
    assert (first.status, second.status, third.status) == (200, 200, 404)
    assert second.json()["object"] == "list" and third.error["code"] == "model_not_found"


def test_F97_a_request_pipelined_behind_a_stream_waits_its_turn(strict):
    body = chat("ok-slow", metadata={"delay": "0.05", "count": "6"})
    with Connection(strict.address) as connection:
        connection.send(
            render("POST", "/v1/chat/completions", body) + render("GET", "/v1/models/no-such-model")
        )
        stream = connection.response()
        assert stream.status == 200 and stream.body.rstrip().endswith(b"data: [DONE]")
        try:
            assert connection.response().status == 404
        except Closed:
            pass  # closing behind a stream is an orderly answer too


def test_F98_a_body_in_tiny_chunks_does_not_stall_the_loop(strict):
    body = f.B.ljust(200_000)
    data = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with ThreadPoolExecutor(1) as pool:
        talk = pool.submit(converse, strict.address, f.P + f.TE + b"\r\n" + data, 0.2, 10)
        while not talk.done():
            strict.assert_healthy(0.5)
            time.sleep(0.02)
        assert talk.result().statuses in ([200], [400], [413], [408])


def test_F100_a_head_request_with_a_body_stays_in_step(strict):
    with Connection(strict.address) as connection:
        connection.send(b"HEAD /v1/models HTTP/1.1\r\nHost: gw\r\n" + f.AUTH + f.LENGTH_OF_S + f.S)
        assert connection.response("HEAD").status in (200, 400, 405, 413)
        connection.send(render("GET", "/v1/models/no-such-model"))
        try:
            assert connection.response(timeout=3).status == 404
        except (Closed, Silent):
            assert connection.is_closed(0.1)
