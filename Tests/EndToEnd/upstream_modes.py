# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The scripts of healthy answers, and the table from model name to script."""

import json

TEXT = "Ten deltas of text, sent by the scripted upstream."
SPLIT_TEXT = "snow ☃ smile 😀"
INJECTION = 'x\n\ndata: {"forged":true}\n\ndata: [DONE]\n\n\r\nevent: error\r\n'
BIG_DELTA = "0123456789abcdef" * 256  # 4 KiB
USAGE = {"prompt_tokens": 7, "completion_tokens": 10, "total_tokens": 17}

MODES = {}


def mode(*names):
    """Registers a script under its model names."""

    def register(script):
        for name in names:
            MODES[name] = script
        return script

    return register


def pieces(text, count=10):
    """The text cut into about so many deltas."""
    size = -(-len(text) // count)
    return [text[start : start + size] for start in range(0, len(text), size)]


def event(data):
    """One server-sent event."""
    if not isinstance(data, str):
        data = json.dumps(data, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def envelope(exchange, choices, **fields):
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": exchange.model,
        "choices": choices,
        **fields,
    }


def delta(exchange, fields, finish=None, **extra):
    """An event with one choice's delta."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return event(envelope(exchange, [choice], **extra))


def role(exchange):
    return delta(exchange, {"role": "assistant", "content": ""})


def words(exchange, text):
    return delta(exchange, {"content": text})


def finish(exchange, reason="stop"):
    return delta(exchange, {}, reason)


def wants_usage(exchange):
    options = exchange.body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def ending(exchange, reason="stop"):
    """Finish, usage if asked, `[DONE]`."""
    events = [finish(exchange, reason)]
    if wants_usage(exchange):
        events.append(event(envelope(exchange, [], usage=USAGE)))
    return [*events, event("[DONE]")]


def healthy(exchange, text=TEXT):
    """All events of a healthy stream."""
    return [role(exchange), *(words(exchange, piece) for piece in pieces(text)), *ending(exchange)]


def completion(exchange, message=None, reason="stop", **fields):
    """A healthy answer that is not streamed."""
    message = {"role": "assistant", **(message or {"content": TEXT})}
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1700000000,
        "model": exchange.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": USAGE,
        **fields,
    }


def send_stream(exchange, events, seconds=0.0, headers=()):
    """One HTTP chunk an event."""
    exchange.begin_stream(headers=headers)
    for number, data in enumerate(events):
        if number and seconds:
            exchange.pause(seconds)
        exchange.chunk(data)
    exchange.end_chunks()


@mode("ok", "ok-alias-target", "ok-other")
def ok(exchange):
    if exchange.streaming:
        send_stream(exchange, healthy(exchange))
    else:
        exchange.answer(200, completion(exchange))


@mode("ok-slow")
def ok_slow(exchange):
    """`delay` seconds before each of `count` deltas."""
    delay, count = exchange.option("delay", 0.5), exchange.option("count", 20)
    if not exchange.streaming:
        exchange.pause(delay * count)
        return exchange.answer(200, completion(exchange))
    exchange.begin_stream()
    exchange.chunk(role(exchange))
    for number in range(count):
        exchange.pause(delay)
        exchange.chunk(words(exchange, f"{number} "))
    for data in ending(exchange):
        exchange.chunk(data)
    exchange.end_chunks()


@mode("ok-long")
def ok_long(exchange):
    exchange.begin_stream()
    for number in range(38):
        exchange.chunk(words(exchange, f"{number} "))
        exchange.pause(2)
    for data in ending(exchange):
        exchange.chunk(data)
    exchange.end_chunks()


@mode("ok-think")
def ok_think(exchange):
    """Two deltas, a long silence, the rest."""
    events = healthy(exchange)
    exchange.begin_stream()
    for number, data in enumerate(events):
        if number == 3:
            exchange.pause(exchange.option("silence", 66.0))
        exchange.chunk(data)
    exchange.end_chunks()


@mode("ok-pauses")
def ok_pauses(exchange):
    """Silence before the first byte and again in the middle of the text."""
    events = healthy(exchange)
    exchange.pause(exchange.option("silence", 0.4))
    exchange.begin_stream()
    for number, data in enumerate(events):
        if number == 4:
            exchange.pause(exchange.option("silence", 0.4))
        exchange.chunk(data)
    exchange.end_chunks()


@mode("ok-big", "ok-huge")
def ok_big(exchange):
    """64 MB (`ok-huge`: 200 MB) of text as fast as the reader takes it."""
    size = 200_000_000 if exchange.model == "ok-huge" else 64_000_000
    exchange.begin_stream()
    exchange.chunk(role(exchange))
    data = words(exchange, BIG_DELTA)
    block = b"%x\r\n%b\r\n" % (len(data), data) * 16
    for _ in range(exchange.option("size", size) // (len(BIG_DELTA) * 16)):
        exchange.raw(block)
    for data in ending(exchange):
        exchange.chunk(data)
    exchange.end_chunks()


def tool_delta(exchange, index, arguments, **head):
    call = {"index": index, **head}
    call["function"] = {**call.get("function", {}), "arguments": arguments}
    return delta(exchange, {"tool_calls": [call]})


@mode("ok-tools", "ok-parallel-tools")
def ok_tools(exchange):
    """Tool calls whose arguments arrive in fragments; once results are there, plain text."""
    if any(isinstance(m, dict) and m.get("role") == "tool" for m in exchange.body.get("messages", [])):
        return ok(exchange)
    cities = ["Paris", "Zürich"] if exchange.model == "ok-parallel-tools" else ["Paris"]
    arguments = [json.dumps({"city": city, "unit": "celsius"}, ensure_ascii=False) for city in cities]
    names = [{"id": f"call_{n}", "type": "function"} for n in range(len(cities))]
    if not exchange.streaming:
        calls = [
            {**head, "function": {"name": "get_weather", "arguments": text}}
            for head, text in zip(names, arguments, strict=True)
        ]
        return exchange.answer(
            200, completion(exchange, {"content": None, "tool_calls": calls}, "tool_calls")
        )
    events = [role(exchange)]
    for number, head in enumerate(names):
        events.append(tool_delta(exchange, number, "", **head, function={"name": "get_weather"}))
    for position in range(max(map(len, arguments))):  # the calls' fragments interleave
        for number, text in enumerate(arguments):
            if position % 3 == 0 and text[position : position + 3]:
                events.append(tool_delta(exchange, number, text[position : position + 3]))
    send_stream(exchange, [*events, *ending(exchange, "tool_calls")])


@mode("ok-keepalive-comments")
def ok_keepalive_comments(exchange):
    comments = b": keep-alive\n\n: another\nid: 7\nretry: 1000\n\n\n"
    send_stream(exchange, [comments + data for data in healthy(exchange)])


@mode("ok-16mb-line")
def ok_16mb_line(exchange):
    """One event of 16 MB."""
    exchange.begin_stream()
    data = role(exchange) + words(exchange, "a" * exchange.option("size", 16 * 1024 * 1024))
    for start in range(0, len(data), 65536):
        exchange.chunk(data[start : start + 65536])
    for data in ending(exchange):
        exchange.chunk(data)
    exchange.end_chunks()


@mode("ok-unknown-fields")
def ok_unknown_fields(exchange):
    """Fields that no gateway knows, and numbers that no double holds."""
    extra = {"x_vendor": {"deep": [1, None, "é"]}, "x_big": 9007199254740993, "system_fingerprint": "fp_1"}
    if exchange.streaming:
        body = [delta(exchange, {"content": piece, "x_in_delta": True}, **extra) for piece in pieces(TEXT)]
        send_stream(exchange, [role(exchange), *body, *ending(exchange)])
    else:
        exchange.answer(200, completion(exchange, **extra))


@mode("ok-late-end")
def ok_late_end(exchange):
    """The body ends `delay` seconds after `[DONE]`."""
    exchange.begin_stream()
    for data in healthy(exchange):
        exchange.chunk(data)
    exchange.pause(exchange.option("delay", 0.1))
    exchange.end_chunks()
