# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Limits on heads, bodies, connections and time: a hostile client is cut early and cheaply."""

import base64
import json
import time

import pytest

import framing_cases as f
from checks import assert_error_answer, memory_bound
from events import ask, assert_whole, chat, read_stream
from wire import Closed, Connection, Silent, converse, render, wait_until


@pytest.fixture(autouse=True)
def healthy_afterwards(strict):
    yield
    strict.assert_healthy()


def filler(size):
    return b"a" * size


REQUEST = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\n" + f.AUTH
OVERSIZED_HEADS = {
    "L01 target of 64 KB": b"GET /" + filler(65536) + b" HTTP/1.1\r\nHost: gw\r\n" + f.AUTH + b"\r\n",
    "L02 target of 2 MB": b"GET /" + filler(2_000_000) + b" HTTP/1.1\r\nHost: gw\r\n\r\n",
    "L03 header value of 128 KB": REQUEST + b"X-A: " + filler(131072) + b"\r\n\r\n",
    "L04 header name of 64 KB": REQUEST + filler(65536) + b": b\r\n\r\n",
    "L05 20 000 headers": REQUEST + b"".join(b"X-%d: b\r\n" % number for number in range(20000)) + b"\r\n",
    "L07 16 MB of header without a newline": REQUEST + b"X-A: " + filler(16_000_000),
    "L08 endless chunk-size line": f.P + f.TE + b"\r\n" + b"0" * 16_000_000,
    "L09 endless request line": b"GET /" + filler(16_000_000),
}


@pytest.mark.parametrize("name", OVERSIZED_HEADS, ids=lambda name: name.split()[0])
def test_an_oversized_head_is_cut_early(strict, name):
    before = strict.rss()
    talk = converse(strict.address, OVERSIZED_HEADS[name])
    assert talk.closed
    assert talk.statuses in ([], [400], [413], [414], [431]), talk.statuses
    for answer in talk.answers:
        assert_error_answer(answer)
    assert strict.rss() - before < memory_bound(4_000_000), "the refused bytes stayed in memory"


def test_L11_a_declared_body_of_1_TB_is_refused_before_any_byte_of_it(strict):
    with strict.connect() as connection:
        connection.send(f.P + b"Content-Length: 1099511627776\r\n\r\n")
        started = time.monotonic()
        assert_error_answer(connection.response(), 413)
        assert time.monotonic() - started < 0.5
        assert connection.is_closed()


def test_L12_no_100_continue_for_a_body_that_will_be_refused(strict):
    with strict.connect() as connection:
        connection.send(f.P + b"Expect: 100-continue\r\nContent-Length: 1099511627776\r\n\r\n")
        answer = connection.response()
        assert answer.status in (413, 417) and not answer.interim
        assert_error_answer(answer)


def test_no_100_continue_without_a_key(strict):
    with strict.connect() as connection:
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        )
        answer = connection.response()
        assert answer.status == 401 and answer.interim == []


def test_a_100_continue_is_answered_where_the_body_is_welcome(strict):
    with strict.connect() as connection:
        connection.send(f.P + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % f.N)
        assert connection.line(time.monotonic() + 0.8).startswith(b"HTTP/1.1 100")
        assert connection.line(time.monotonic() + 0.8) == b""
        connection.send(f.B)
        assert connection.response().status == 200


def test_L13_a_body_of_50_MB_is_refused_and_stalls_nobody(strict):
    with strict.connect() as connection:
        connection.send(f.P + b"Content-Length: 50000000\r\n\r\n")
        assert_error_answer(connection.response(), 413)


def test_a_chunked_body_over_the_limit_is_refused(strict):
    before = strict.rss()
    talk = converse(strict.address, f.P + f.TE + b"\r\n" + (b"100000\r\n" + filler(1 << 20) + b"\r\n") * 40)
    assert talk.closed and talk.statuses in ([413], []), talk.statuses
    wait_until(lambda: strict.rss() - before < memory_bound(40_000_000), what="memory within the body limit")


def test_L15_an_image_of_4_MB_arrives_upstream_unchanged(sluice, upstream):
    image = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 12288).decode()
    parts = [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": image}}]
    body = {"model": "ok-other", "messages": [{"role": "user", "content": parts}]}
    started = time.monotonic()
    assert sluice.post(body).status == 200
    assert time.monotonic() - started < 0.9, "libcurl waits a second for a 100 if it may ask for one"
    assert json.loads(upstream.last("ok-other")["body"])["messages"] == body["messages"]


def test_L16_an_unauthenticated_body_is_refused_before_it_is_read(strict):
    with strict.connect() as connection:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" + f.JSON
        connection.send(head + b"Content-Length: 30000000\r\n\r\n")
        answer = connection.response(timeout=0.8)
        assert answer.status in (401, 413)
        assert_error_answer(answer)
        assert connection.is_closed()


def test_L17_clients_without_a_key_cannot_park_bodies_in_memory(strict):
    before = strict.rss()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" + f.JSON + f.TE + b"\r\n"
    connections = [strict.connect(2) for _ in range(12)]
    for connection in connections:
        connection.send(head)
        for _ in range(6):
            if not connection.send(b"100000\r\n" + filler(1 << 20) + b"\r\n"):
                break
    assert strict.rss() - before < memory_bound(6_000_000)
    for connection in connections:
        connection.close()


def test_L20_connections_beyond_the_cap_are_turned_away_and_streams_stay_whole(make_sluice):
    gateway = make_sluice(limits={"max_connections": 40})
    with gateway.open_stream("ok-slow", metadata={"delay": "0.1", "count": "15"}) as streaming:
        streaming.socket.settimeout(5)
        crowd = [gateway.connect(3) for _ in range(120)]
        time.sleep(0.2)
        assert gateway.fds() < 120
        for connection in crowd:
            connection.close()
        assert_whole(read_stream(streaming, 10))
    wait_until(lambda: gateway.get("/healthz").status == 200, what="service after the crowd")


def test_L21_2000_connections_in_a_row_leak_nothing(strict):
    strict.assert_healthy()
    before, started = strict.fds(), time.monotonic()
    for _ in range(2000):
        assert strict.get("/healthz", key=None).status == 200
    assert time.monotonic() - started < 20
    wait_until(lambda: strict.fds() <= before + 1, what="descriptors back to the start")


def test_L22_a_connection_serves_3000_requests_without_growth(strict):
    connection, before = strict.connect(), None
    for number in range(3000):
        connection.send(render("GET", "/v1/models/no-such-model"))
        answer = connection.response()
        assert answer.status == 404
        if number == 500:
            before = strict.rss()
        if answer.header("connection", "").lower() == "close":
            connection = strict.connect()
    connection.close()
    assert strict.rss() - before < memory_bound(1_500_000)


def test_L24_a_head_in_one_byte_segments_costs_linear_time(sluice):
    head = render("GET", "/v1/models/no-such-model", headers=[(f"X-{n}", "v" * 500) for n in range(60)])
    before = sluice.cpu()
    with sluice.connect(20) as connection:
        for byte in head:
            connection.send(bytes([byte]))
        assert connection.response().status == 404
    assert sluice.cpu() - before < 2


def drip(connection, data, seconds, limit):
    """Sends a byte now and then until the peer closes; returns (seconds until then, what it answered)."""
    started, position = time.monotonic(), 0
    while time.monotonic() - started < limit:
        try:
            connection.receive(time.monotonic() + seconds)
            if connection.buffer:
                answer = connection.response(timeout=1)
                assert connection.is_closed()
                return time.monotonic() - started, answer
        except Silent:
            if position < len(data) and connection.send(data[position : position + 1]):
                position += 1
        except Closed:
            return time.monotonic() - started, None
    raise AssertionError(f"still open after {limit} s")


SLOW = {
    "W01 one header byte at a time": (b"", REQUEST + b"X-A: " + filler(1000)),
    "W03 one body byte at a time": (f.P + b"Content-Length: %d\r\n\r\n" % f.N, f.B),
    "W04 one chunk at a time": (f.P + f.TE + b"\r\n1\r\n{\r\n", b"1\r\n \r\n" * 1000),
    "W06 half a request line": (b"GET /v1/mo", b""),
    "a connection that never says anything": (b"", b""),
}


@pytest.mark.parametrize("name", SLOW, ids=lambda name: name.split()[0])
def test_a_slow_client_is_cut_at_a_total_deadline(strict, name):
    at_once, then = SLOW[name]
    with strict.connect() as connection:
        connection.send(at_once)
        taken, answer = drip(connection, then, 0.1, 4)
    assert 0.7 < taken < 2.5, f"cut after {taken:.2f} s"
    if answer:
        assert_error_answer(answer, 408)


def test_W07_an_idle_connection_is_closed_after_one_answer(strict):
    with strict.connect() as connection:
        connection.send(render("GET", "/healthz"))
        assert connection.response().status == 200
        started = time.monotonic()
        assert connection.is_closed(4)
        assert 0.7 < time.monotonic() - started < 2.5


def test_W08_a_hundred_slow_clients_hold_up_nobody(strict):
    crowd = [strict.connect() for _ in range(100)]
    for connection in crowd:
        connection.send(b"GET /v1/models HT")
    for _ in range(20):
        strict.assert_healthy(0.5)
    assert_whole(ask(strict.address, "ok"))
    for connection in crowd:
        connection.close()


def test_W09_a_request_in_one_byte_segments_is_understood(sluice):
    with sluice.connect() as connection:
        for byte in render("POST", "/v1/chat/completions", chat("ok", stream=False)):
            connection.send(bytes([byte]))
        assert connection.response().status == 200


def test_W10_a_stream_outlives_every_deadline_of_its_connection(strict):
    stream = ask(strict.address, "ok-slow", metadata={"delay": "0.4", "count": "8"})
    assert_whole(stream)
    assert stream.arrivals[-1] - stream.sent > 3


def test_W11_a_silence_longer_than_the_idle_deadline_does_not_end_a_stream(strict):
    assert_whole(ask(strict.address, "ok-think", metadata={"silence": "2.5"}))


def test_two_requests_on_one_connection_have_a_deadline_each(strict):
    with Connection(strict.address) as connection:
        for _ in range(3):
            body = chat("ok-slow", stream=False, metadata={"delay": "0.1", "count": "4"})
            connection.send(render("POST", "/v1/chat/completions", body))
            assert connection.response().status == 200
            time.sleep(0.5)
