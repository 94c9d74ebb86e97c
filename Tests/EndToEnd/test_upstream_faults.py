# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Upstream faults: what the client sees of each, before its first byte and after it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from checks import assert_error_answer, memory_bound
from events import ask, assert_broken_off, assert_whole, chat
from upstream_modes import INJECTION, SPLIT_TEXT, TEXT
from upstream_stream_faults import XSS
from wire import request, wait_until


@pytest.fixture(scope="module")
def gateway(make_sluice):
    """Gives up on a silent upstream after a second."""
    return make_sluice(timeouts={"connect": "1s", "first_byte": "1s", "idle": "1s"})


@pytest.fixture(autouse=True)
def healthy_afterwards(gateway):
    yield
    gateway.assert_healthy()


# Before the first byte: model, status, code, type (None: not laid down).
BEFORE_THE_FIRST_BYTE = [
    ("refused", 502, "upstream_unreachable", None),
    ("fault-close-immediately", 502, "upstream_closed", None),
    ("fault-rst-immediately", 502, "upstream_closed", None),
    ("fault-garbage", 502, "upstream_invalid", None),
    ("fault-http09", 502, "upstream_invalid", None),
    ("fault-partial-status", 502, "upstream_closed", None),
    ("fault-partial-headers", 502, "upstream_invalid", None),
    ("fault-hang-headers", 504, "upstream_timeout", None),
    ("fault-400", 400, "invalid_value", "invalid_request_error"),
    ("fault-401", 502, "upstream_auth", None),
    ("fault-403", 502, "upstream_auth", None),
    ("fault-404", 404, "model_not_found", None),
    ("fault-no-such-script", 404, "model_not_found", None),
    ("fault-409", 409, None, None),
    ("fault-413", 413, None, None),
    ("fault-422", (400, 422), None, None),
    ("fault-408", 504, None, None),
    ("fault-429", 429, "rate_limit_exceeded", "requests"),
    ("fault-429-huge", 429, None, "requests"),
    ("fault-429-date", 429, None, "requests"),
    ("fault-429-quota", 429, "insufficient_quota", None),
    ("fault-500", (500, 502), None, None),
    ("fault-502", 502, None, None),
    ("fault-503", (502, 503), None, None),
    ("fault-504", (502, 504), None, None),
    ("fault-529", (502, 503, 529), None, None),
    ("fault-html-502", 502, None, None),
    ("fault-html-200", 502, None, None),
    ("fault-empty-500", (500, 502), None, None),
    ("fault-error-array", 400, None, None),
    ("fault-error-big", 400, None, None),
    ("fault-204", 502, None, None),
    ("fault-redirect-metadata", 502, None, None),
    ("fault-redirect-loop", 502, None, None),
    ("fault-weird-status", 502, None, None),
    ("fault-log-injection", 400, None, None),
    ("fault-br", 502, None, None),
    ("fault-gzip", 502, None, None),
    ("fault-gzip-bomb", 502, None, None),
    ("fault-empty-stream", 502, None, None),
    ("fault-only-done", 502, None, None),
    ("fault-error-event-first", (500, 502, 503), None, None),
]

# What only an answer that is streamed can show.
STREAMED_ONLY = {"fault-empty-stream", "fault-only-done", "fault-error-event-first"}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("row", BEFORE_THE_FIRST_BYTE, ids=lambda row: row[0])
def test_a_fault_before_the_first_byte_is_a_status_and_a_json_error(gateway, row, stream):
    model, status, code, kind = row
    if not stream and model in STREAMED_ONLY:
        stream = True
    before, started = gateway.rss(), time.monotonic()
    answer = gateway.post(chat(model, stream=stream))
    assert answer.status in (status if isinstance(status, tuple) else (status,)), (
        answer.status,
        answer.body[:300],
    )
    assert_error_answer(answer, code=code, kind=kind)
    assert len(answer.body) < 20_000, "the upstream's body was passed on whole"
    assert time.monotonic() - started < (2.5 if "hang" in model else 1)
    assert gateway.rss() - before < memory_bound(8_000_000)


def test_U11_a_429_keeps_its_retry_after(gateway):
    assert gateway.post(chat("fault-429")).header("retry-after") == "7"
    assert gateway.post(chat("fault-429-huge")).header("retry-after") == "86400"
    assert gateway.post(chat("fault-429-date")).header("retry-after")


def test_N01_a_closed_port_is_told_at_once(gateway):
    started = time.monotonic()
    assert_error_answer(gateway.post(chat("refused")), 502, "upstream_unreachable")
    assert time.monotonic() - started < 0.5


def test_N02_a_name_that_does_not_resolve_blocks_nobody(gateway):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(gateway.post, chat("unresolved"))
        while not answer.done():
            gateway.assert_healthy(0.5)
            time.sleep(0.02)
    assert answer.result().status in (502, 504)
    assert_error_answer(answer.result())


def test_U25_a_redirect_is_not_followed(gateway, upstream):
    before = upstream.count("fault-redirect-loop")
    assert gateway.post(chat("fault-redirect-loop")).status == 502
    assert upstream.count("fault-redirect-loop") == before + 1


def test_the_error_of_a_refused_gateway_key_says_nothing_of_the_key(gateway):
    answer = gateway.post(chat("fault-401"))
    assert b"secret" not in answer.body and b"Incorrect API key" not in answer.body


# Model, text, finish: the client sees a normal stream.
WHOLE = [
    ("ok", TEXT),
    ("ok-keepalive-comments", TEXT),
    ("ok-unknown-fields", TEXT),
    ("fault-1xx-flood", TEXT),
    ("fault-http10-close", TEXT),
    ("fault-wrong-ct", TEXT),
    ("fault-set-cookie", TEXT),
    ("fault-close-late", TEXT),
    ("fault-extra-body", TEXT),
    ("fault-dup-done", TEXT),
    ("fault-after-done", TEXT),
    ("fault-no-done", TEXT),
    ("fault-no-last-chunk", TEXT),
    ("fault-two-finish", TEXT),
    ("fault-last-event-unterminated", TEXT),
    ("fault-split-utf8", SPLIT_TEXT),
    ("fault-coalesced", "".join(f"{n} " for n in range(2000))),
    ("fault-crlf", TEXT),
    ("fault-cr", TEXT),
    ("fault-crlf-split", TEXT),
    ("fault-bom", TEXT),
    ("fault-no-space", TEXT),
    ("fault-multiline-data", TEXT),
    ("fault-sse-injection", INJECTION),
    ("fault-xss", XSS),
    ("fault-empty-choices", TEXT),
    ("fault-usage-missing", TEXT),
    ("fault-usage-every-chunk", TEXT),
    ("fault-invalid-json", TEXT),
    ("fault-invalid-utf8", TEXT),
    ("fault-json-scalar", TEXT),
    ("fault-json-for-stream", TEXT),
]


@pytest.mark.parametrize("model, text", WHOLE, ids=[model for model, _ in WHOLE])
def test_an_odd_but_complete_answer_is_a_normal_stream(gateway, model, text):
    assert_whole(ask(gateway.address, model), text)


CUT = ("upstream_closed", "upstream_truncated")

# Model, text that had come before, code of the error event (None: not laid down).
BROKEN_OFF = [
    ("fault-rst-midstream", "Ten deltas of t", CUT),
    ("fault-rst-midchunk", "Ten deltas of t", CUT),
    ("fault-truncate-chunk", "Ten deltas of t", CUT),
    ("fault-bad-chunk-size", "Ten deltas of t", None),
    ("fault-http10-cut", "Ten deltas of text, ", CUT),
    ("fault-hang-midstream", "Ten deltas of t", "upstream_timeout"),
    ("fault-hang-after-role", "", "upstream_timeout"),
    ("fault-error-event", "Ten deltas of t", "overloaded"),
    ("fault-event-error-field", "Ten deltas of t", None),
    ("fault-endless-line", "Ten deltas of t", None),
]


@pytest.mark.parametrize("row", BROKEN_OFF, ids=lambda row: row[0])
def test_a_fault_after_the_first_byte_is_an_error_event_and_an_orderly_end(gateway, row):
    model, text, code = row
    before = gateway.rss()
    stream = ask(gateway.address, model)
    if model == "fault-hang-after-role" and stream.response.status == 504:
        return  # no token had come: a status is as good
    assert_broken_off(stream, code)
    assert stream.text == text
    limit = 48_000_000 if model == "fault-endless-line" else 4_000_000
    assert gateway.rss() - before < memory_bound(limit), "memory is not bounded"


def test_a_stream_without_any_finish_is_not_given_one(gateway):
    stream = ask(gateway.address, "fault-no-finish")
    assert stream.text == TEXT and "stop" not in stream.finishes
    assert stream.errors or stream.done == 1
    assert stream.ended_with_blank_line


def test_a_finish_does_not_overtake_its_text_nor_wait_for_heartbeats_to_end(gateway):
    started = time.monotonic()
    assert_whole(ask(gateway.address, "fault-heartbeats-after-end"), TEXT + "!")
    assert time.monotonic() - started < 2


def test_a_line_of_16_MB_passes_where_that_is_allowed(make_sluice):
    gateway = make_sluice(streaming={"max_event": "17MiB"})
    stream = ask(gateway.address, "ok-16mb-line", timeout=30)
    assert_whole(stream)
    assert len(stream.text) == 16 * 1024 * 1024 and set(stream.text) == {"a"}


def test_a_line_of_6_MB_passes(gateway):
    fields = {"metadata": {"size": "6000000"}}
    stream = ask(gateway.address, "ok-16mb-line", timeout=30, **fields)
    assert_whole(stream)
    assert len(stream.text) == 6_000_000


def test_a_line_of_16_MB_is_too_long(gateway):
    stream = ask(gateway.address, "ok-16mb-line", timeout=30)
    assert [error["code"] for error in stream.errors] == ["upstream_invalid"]


def test_a_malformed_event_is_counted_and_skipped(gateway):
    name = "sluice_upstream_events_malformed_total"
    before = gateway.metric(name)
    for model in ("fault-invalid-json", "fault-invalid-utf8"):
        assert_whole(ask(gateway.address, model), TEXT)
    assert gateway.metric(name) == before + 2


def test_many_malformed_events_of_one_stream_leave_two_lines_in_the_log(gateway):
    fields = {"headers": [("X-Request-Id", "malformed-many")], "metadata": {"count": "500"}}
    assert_whole(ask(gateway.address, "fault-invalid-json", **fields))
    lines = wait_until(lambda: [x for x in gateway.log().splitlines() if "malformed-many" in x and "skipped" in x][1:])
    assert len(lines) == 1 and "count=500" in lines[0]


def test_broken_tool_calls_crash_nothing(gateway):
    stream = ask(gateway.address, "fault-tool-broken")
    assert stream.response.status in (200, 502)
    if stream.response.status == 200:
        assert stream.done + len(stream.errors) >= 1 and stream.ended_with_blank_line


def test_U65_a_lone_surrogate_and_a_NUL_escape_do_not_break_the_stream(gateway):
    stream = ask(gateway.address, "fault-lone-surrogate")
    assert stream.text.endswith("after") and stream.done == 1


@pytest.mark.parametrize("model", ["fault-many-headers", "fault-nul-header", "fault-cl-and-te"])
def test_an_odd_head_is_502_or_a_normal_stream(gateway, model):
    stream = ask(gateway.address, model)
    if stream.response.status == 200:
        assert_whole(stream, TEXT)
        assert stream.response.header("x-nul") is None and len(stream.response.headers) < 40
    else:
        assert stream.response.status == 502


def test_headers_of_upstream_stay_upstream(gateway):
    stream = ask(gateway.address, "fault-set-cookie")
    names = {name for name, _ in stream.response.headers}
    assert not names & {"set-cookie", "x-hop", "keep-alive", "access-control-allow-origin"}
    assert stream.response.header("server", "") != "scripted"


def test_slow_headers_are_taken_or_timed_out(gateway):
    stream = ask(gateway.address, "fault-slow-headers", metadata={"delay": "0.005"})
    assert_whole(stream, TEXT)
    assert ask(gateway.address, "fault-slow-headers", metadata={"delay": "0.05"}).response.status == 504


@pytest.mark.parametrize("model", ["fault-rst-midstream", "fault-truncate-chunk", "fault-invalid-json-body"])
def test_a_whole_answer_cut_short_is_502(gateway, model):
    assert_error_answer(gateway.post(chat(model, stream=False)), 502)


def test_U36_a_whole_answer_that_stalls_is_504(gateway):
    assert_error_answer(gateway.post(chat("fault-hang-midstream", stream=False)), 504, "upstream_timeout")


def test_U74_json_where_a_stream_was_asked_for_is_replayed_or_502(gateway):
    stream = ask(gateway.address, "fault-json-for-stream")
    assert stream.response.status in (200, 502)
    if stream.response.status == 200:
        assert_whole(stream, TEXT)
        assert stream.choices[0]["delta"].get("role") == "assistant"


def test_U75_sse_where_json_was_asked_for_is_assembled_or_502(gateway):
    answer = gateway.post(chat("fault-sse-for-json", stream=False))
    assert answer.status in (200, 502)
    assert answer.header("content-type").startswith("application/json")
    if answer.status == 200:
        assert answer.json()["choices"][0]["message"]["content"] == TEXT


def test_U80_a_stray_response_on_a_pooled_connection_answers_nobody(gateway, upstream):
    for number in range(10):
        gateway.post(chat("fault-extra-body", stream=bool(number % 2)))
        # Sent, that is: nothing tells a stray response that comes behind the next request from its answer.
        wait_until(lambda: not upstream.stats()["open"], what="the stray response is sent")
        answer = gateway.post(chat("ok", stream=False))
        assert answer.status == 200 and answer.json()["choices"][0]["message"]["content"] == TEXT


def test_C07_a_stale_pooled_connection_costs_no_request(gateway):
    for _ in range(5):
        assert_whole(ask(gateway.address, "fault-close-late"), TEXT)
        time.sleep(0.06)
        assert_whole(ask(gateway.address, "ok"), TEXT)


def test_nothing_is_asked_twice_without_retries(gateway, upstream):
    before = upstream.stats()["requests"]
    for model in ("fault-500", "fault-429", "fault-rst-midstream"):
        gateway.post(chat(model))
        assert upstream.count(model) == before.get(model, 0) + 1


def test_X14_proxy_variables_and_client_headers_do_not_reach_upstream(gateway, upstream):
    headers = [
        ("X-Evil", "1"),
        ("Cookie", "a=b"),
        ("OpenAI-Organization", "org-evil"),
        ("X-Forwarded-For", "1.2.3.4"),
    ]
    request(gateway.address, "POST", "/v1/chat/completions", chat("ok"), headers)
    seen = upstream.last("ok")["headers"]
    assert not set(seen) & {"x-evil", "cookie", "openai-organization"}
    assert seen["authorization"] == "Bearer sk-upstream-secret"
    assert "expect" not in seen and seen.get("accept-encoding", "identity") == "identity"


def test_U82_healthy_streams_are_not_disturbed_while_faults_run(gateway):
    faults = [
        row[0]
        for row in BEFORE_THE_FIRST_BYTE + BROKEN_OFF
        if "bomb" not in row[0] and "endless" not in row[0]
    ]
    with ThreadPoolExecutor(12) as pool:
        steady = [
            pool.submit(ask, gateway.address, "ok-slow", metadata={"delay": "0.05", "count": "40"})
            for _ in range(4)
        ]
        disturbing = [pool.submit(gateway.post, chat(model)) for model in faults]
        for stream in (future.result() for future in steady):
            assert_whole(stream)
            gaps = [b - a for a, b in zip(stream.arrivals, stream.arrivals[1:], strict=False)]
            assert max(gaps) < 0.75, f"a gap of {max(gaps):.2f} s"
        for answer in disturbing:
            answer.result()


def test_outcomes_are_counted(gateway):
    def counts():
        return {name: gateway.metric("sluice_requests_total", outcome=name) for name in outcomes}

    outcomes = ("completed", "upstream_error", "upstream_timeout", "refused")
    before = counts()
    ask(gateway.address, "ok")
    ask(gateway.address, "fault-rst-midstream")
    ask(gateway.address, "fault-hang-midstream")
    gateway.post(b"not json")
    after = counts()
    assert {name: after[name] - before[name] for name in outcomes} == {
        "refused": 1,
        "completed": 1,
        "upstream_error": 1,
        "upstream_timeout": 1,
    }


def test_U77_log_lines_stay_whole(gateway):
    gateway.post(chat("fault-log-injection"))
    for line in gateway.log().splitlines():
        assert not line.startswith("2026-01-01T00:00:00Z INFO forged")
        if line.startswith("{"):
            json.loads(line)
