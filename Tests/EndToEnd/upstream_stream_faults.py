# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The scripts of faults inside a stream, once the head has gone out."""

import json

from upstream_modes import (
    INJECTION,
    SPLIT_TEXT,
    TEXT,
    completion,
    delta,
    ending,
    envelope,
    event,
    finish,
    healthy,
    mode,
    pieces,
    role,
    send_stream,
    tool_delta,
    words,
)

XSS = "<script>alert(1)</script><img src=x onerror=alert(1)>[a](javascript:alert(1))"


def begin(exchange, count=4):
    """The head and the first events; of an unstreamed answer, half its body."""
    if not exchange.streaming:
        body = json.dumps(completion(exchange)).encode()
        exchange.head(200, "OK", [("Content-Type", "application/json"), ("Content-Length", len(body))])
        exchange.raw(body[: len(body) // 2])
        return
    exchange.begin_stream()
    for data in healthy(exchange)[:count]:
        exchange.chunk(data)


@mode("fault-rst-midstream")
def rst_midstream(exchange):
    begin(exchange)
    exchange.pause(0.1)  # a reset overtakes what is still in flight
    exchange.reset()


@mode("fault-rst-midchunk")
def rst_midchunk(exchange):
    begin(exchange)
    exchange.raw(b'400\r\ndata: {"id":"chatcmpl')
    exchange.pause(0.1)
    exchange.reset()


@mode("fault-truncate-chunk")
def truncate_chunk(exchange):
    begin(exchange)
    exchange.raw(b'400\r\ndata: {"id":"chatcmpl')
    exchange.hang_up()


@mode("fault-bad-chunk-size")
def bad_chunk_size(exchange):
    begin(exchange)
    exchange.raw(b"zz\r\nwhat\r\n")
    exchange.hang_up()


@mode("fault-no-last-chunk")
def no_last_chunk(exchange):
    exchange.begin_stream()
    for data in healthy(exchange):
        exchange.chunk(data)
    exchange.hang_up()


@mode("fault-hang-midstream")
def hang_midstream(exchange):
    begin(exchange)
    exchange.hang()


@mode("fault-hang-after-role")
def hang_after_role(exchange):
    begin(exchange, 1)
    exchange.hang()


@mode("fault-empty-stream")
def empty_stream(exchange):
    send_stream(exchange, [])


@mode("fault-empty-late")
def empty_late(exchange):
    exchange.begin_stream()
    exchange.pause(1.0)
    exchange.end_chunks()


@mode("fault-heartbeats-after-end")
def heartbeats_after_end(exchange):
    """The finish stands on the last text; heartbeats follow the end, and the body does not end."""
    last = envelope(exchange, [{"index": 0, "delta": {"content": "!"}, "finish_reason": "stop"}])
    exchange.begin_stream()
    for data in [role(exchange), *(words(exchange, p) for p in pieces(TEXT)), event(last), event("[DONE]")]:
        exchange.chunk(data)
    for _ in range(100):
        exchange.chunk(b": still here\n\n")
        exchange.pause(0.1)


@mode("fault-only-done")
def only_done(exchange):
    send_stream(exchange, [event("[DONE]")])


@mode("fault-error-event")
def error_event(exchange):
    failure = {"message": "The server is overloaded", "type": "server_error", "code": "overloaded"}
    send_stream(exchange, [*healthy(exchange)[:4], event({"error": failure})])


@mode("fault-error-event-first")
def error_event_first(exchange):
    failure = {"message": "The server is overloaded", "type": "server_error", "code": "overloaded"}
    send_stream(exchange, [event({"error": failure})])


@mode("fault-event-error-field")
def event_error_field(exchange):
    send_stream(exchange, [*healthy(exchange)[:4], b"event: error\ndata: backend went away\n\n"])


@mode("fault-dup-done")
def dup_done(exchange):
    send_stream(exchange, [*healthy(exchange), event("[DONE]"), event("[DONE]")])


@mode("fault-after-done")
def after_done(exchange):
    send_stream(exchange, [*healthy(exchange), words(exchange, "LATE"), finish(exchange), event("[DONE]")])


@mode("fault-no-done")
def no_done(exchange):
    send_stream(exchange, healthy(exchange)[:-1])


@mode("fault-no-finish")
def no_finish(exchange):
    send_stream(exchange, [role(exchange), *(words(exchange, p) for p in pieces(TEXT)), event("[DONE]")])


@mode("fault-two-finish")
def two_finish(exchange):
    send_stream(exchange, [*healthy(exchange)[:-1], finish(exchange), event("[DONE]")])


@mode("fault-last-event-unterminated")
def last_event_unterminated(exchange):
    events = [role(exchange), *(words(exchange, p) for p in pieces(TEXT)), finish(exchange)]
    send_stream(
        exchange, [*events, b'data: {"id":"half","choices":[{"index":0,"delta":{"content":"HALF"}}]}']
    )


def send_bytes(exchange, data, size):
    """One HTTP chunk for each so many bytes."""
    exchange.begin_stream()
    for start in range(0, len(data), size):
        exchange.chunk(data[start : start + size])
    exchange.end_chunks()


@mode("fault-split-utf8")
def split_utf8(exchange):
    send_bytes(exchange, b"".join(healthy(exchange, SPLIT_TEXT)), 1)


@mode("fault-coalesced")
def coalesced(exchange):
    events = [role(exchange), *(words(exchange, f"{n} ") for n in range(2000)), *ending(exchange)]
    send_bytes(exchange, b"".join(events), 1 << 30)


@mode("fault-crlf")
def crlf(exchange):
    send_stream(exchange, [data.replace(b"\n", b"\r\n") for data in healthy(exchange)])


@mode("fault-cr")
def cr(exchange):
    send_stream(exchange, [data.replace(b"\n", b"\r") for data in healthy(exchange)])


@mode("fault-crlf-split")
def crlf_split(exchange):
    data = b"".join(healthy(exchange)).replace(b"\n", b"\r\n")
    exchange.begin_stream()
    for part in data.split(b"\n"):
        if part:
            exchange.chunk(part)
            exchange.pause(0.002)
            exchange.chunk(b"\n")
    exchange.end_chunks()


@mode("fault-bom")
def bom(exchange):
    events = healthy(exchange)
    send_stream(exchange, [b"\xef\xbb\xbf" + events[0], *events[1:]])


@mode("fault-no-space")
def no_space(exchange):
    send_stream(exchange, [data.replace(b"data: ", b"data:") for data in healthy(exchange)])


@mode("fault-multiline-data")
def multiline_data(exchange):
    """Each JSON text spread over lines; a line end counts as white space in it."""

    def spread(data):
        if b"[DONE]" in data:
            return data
        lines = json.dumps(json.loads(data[6:]), indent=1).split("\n")
        return "".join(f"data: {line}\n" for line in lines).encode() + b"\n"

    send_stream(exchange, [spread(data) for data in healthy(exchange)])


@mode("fault-sse-injection")
def sse_injection(exchange):
    send_stream(exchange, [role(exchange), words(exchange, INJECTION), *ending(exchange)])


@mode("fault-xss")
def xss(exchange):
    send_stream(exchange, healthy(exchange, XSS))


@mode("fault-lone-surrogate")
def lone_surrogate(exchange):
    odd = delta(exchange, {"content": "MARK"}).replace(b"MARK", b"a\\ud800b\\u0000c")
    send_stream(exchange, [role(exchange), odd, words(exchange, "after"), *ending(exchange)])


def with_odd_events(exchange, *odd):
    events = healthy(exchange)
    send_stream(exchange, [*events[:4], *odd, *events[4:]])


@mode("fault-invalid-json")
def invalid_json(exchange):
    odd = event('{"id":"chatcmpl-1","choices":[{"index":0,')
    with_odd_events(exchange, *[odd] * exchange.option("count", 1))


@mode("fault-json-scalar")
def json_scalar(exchange):
    with_odd_events(exchange, event("42"), event("null"), event('"text"'), event("[]"), event("true"))


@mode("fault-invalid-utf8")
def invalid_utf8(exchange):
    with_odd_events(exchange, words(exchange, "BAD").replace(b"BAD", b"\xc3(\xff"))


@mode("fault-tool-broken")
def tool_broken(exchange):
    odd = [
        delta(exchange, {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        delta(exchange, {"tool_calls": [{"function": {"name": "f"}}]}),
        delta(exchange, {"tool_calls": [{"index": -5, "id": None}]}),
        delta(exchange, {"tool_calls": [None, 7, "x"]}),
        delta(exchange, {"tool_calls": {"index": 0}}),
        tool_delta(exchange, 10**12, "}"),
    ]
    send_stream(exchange, [role(exchange), *odd, *ending(exchange, "tool_calls")])


@mode("fault-empty-choices")
def empty_choices(exchange):
    first = event(envelope(exchange, [], prompt_filter_results=[{"prompt_index": 0}]))
    nulls = event(envelope(exchange, [{"index": 0, "delta": None, "finish_reason": None}]))
    send_stream(exchange, [first, nulls, *healthy(exchange)])


@mode("fault-usage-missing")
def usage_missing(exchange):
    events = healthy(exchange)
    send_stream(exchange, [*events[:11], event(envelope(exchange, [], usage=None)), *events[11:]])


@mode("fault-usage-every-chunk")
def usage_every_chunk(exchange):
    parts = pieces(TEXT)
    counted = [
        delta(
            exchange,
            {"content": part},
            usage={"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n},
        )
        for n, part in enumerate(parts, 1)
    ]
    send_stream(exchange, [role(exchange), *counted, *ending(exchange)])


@mode("fault-endless-line")
def endless_line(exchange):
    begin(exchange)
    exchange.chunk(b'data: {"id":"')
    block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for _ in range(exchange.option("size", 1 << 30) // 65536):
        exchange.raw(block)
    exchange.hang_up()


@mode("fault-endless")
def endless(exchange):
    exchange.begin_stream()
    exchange.chunk(role(exchange))
    while True:
        exchange.chunk(words(exchange, "more "))
        exchange.pause(exchange.option("delay", 0.02))


@mode("fault-slow")
def slow(exchange):
    exchange.begin_stream()
    for number in range(exchange.option("count", 30)):
        exchange.chunk(words(exchange, f"{number} "))
        exchange.pause(exchange.option("delay", 1.0))
    for data in ending(exchange):
        exchange.chunk(data)
    exchange.end_chunks()
