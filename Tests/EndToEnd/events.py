# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Server-sent events as a client of the OpenAI chat API sees them."""

import json
import time
from dataclasses import dataclass, field

from wire import KEY, Closed, Connection, render

MESSAGES = [{"role": "user", "content": "hi"}]


def chat(model, stream=True, **fields):
    """The body of a chat request."""
    return {"model": model, "messages": MESSAGES, "stream": stream, **fields}


@dataclass
class Stream:
    """A streamed answer, read to its end."""

    response: object
    events: list = field(default_factory=list)  # (arrival, event name or None, data)
    heartbeats: list = field(default_factory=list)  # arrivals of bytes that carry no event
    arrivals: list = field(default_factory=list)  # arrival of every piece of the body
    raw: bytearray = field(default_factory=bytearray)
    complete: bool = True
    sent: float = 0.0  # when the request had been written
    pending: bytearray = field(default_factory=bytearray)  # a line without its end yet
    lines: list = field(default_factory=list)  # data lines of an event without its end yet
    name: str | None = None

    @property
    def datas(self):
        return [data for _, _, data in self.events]

    @property
    def done(self):
        """How many `[DONE]` came."""
        return self.datas.count("[DONE]")

    @property
    def chunks(self):
        """The JSON of every event but `[DONE]`."""
        return [json.loads(data) for data in self.datas if data != "[DONE]"]

    @property
    def errors(self):
        return [chunk["error"] for chunk in self.chunks if "error" in chunk]

    @property
    def choices(self):
        return [choice for chunk in self.chunks for choice in chunk.get("choices") or []]

    @property
    def text(self):
        return "".join((choice.get("delta") or {}).get("content") or "" for choice in self.choices)

    @property
    def finishes(self):
        return [choice["finish_reason"] for choice in self.choices if choice.get("finish_reason")]

    @property
    def usages(self):
        return [chunk["usage"] for chunk in self.chunks if chunk.get("usage")]

    @property
    def text_times(self):
        """When each delta with text arrived."""
        return [
            at
            for at, _, data in self.events
            if data != "[DONE]"
            and any((c.get("delta") or {}).get("content") for c in json.loads(data).get("choices") or [])
        ]

    def feed(self, at, data):
        """Takes a piece of the body; events end at a blank line."""
        self.arrivals.append(at)
        before, searched = len(self.events), len(self.pending)
        self.raw += data
        self.pending += data
        while (end := self.pending.find(b"\n", searched)) >= 0:
            line = self.pending[:end].removesuffix(b"\r").decode("utf-8")
            del self.pending[: end + 1]
            searched = 0
            self.take_line(at, line)
        if len(self.events) == before and not self.pending and not self.lines:
            self.heartbeats.append(at)

    def take_line(self, at, line):
        if line.startswith("data:"):
            self.lines.append(line[5:].removeprefix(" "))
        elif line.startswith("event:"):
            self.name = line[6:].strip()
        elif not line:
            if self.lines:
                self.events.append((at, self.name, "\n".join(self.lines)))
            self.name, self.lines = None, []

    @property
    def ended_with_blank_line(self):
        return bool(self.raw) and not self.pending and not self.lines


def read_stream(connection, timeout=15.0, until=None):
    """Reads a streamed answer to its end, or until `until(stream)` says that it is enough."""
    stream = Stream(connection.head(timeout))
    try:
        for at, data in connection.chunks(stream.response, timeout):
            stream.feed(at, data)
            if until and until(stream):
                break
    except Closed:
        stream.complete = False
    return stream


def ask(address, model, timeout=15.0, key=KEY, headers=(), path="/v1/chat/completions", **fields):
    """Streams one chat completion over a raw socket and reads it to the end."""
    with Connection(address, timeout) as connection:
        connection.send(render("POST", path, chat(model, **fields), headers, key))
        sent = time.monotonic()
        stream = read_stream(connection, timeout)
        stream.sent = sent
        return stream


def assert_whole(stream, text=None, finish="stop"):
    """A stream that ended as it should: one finish, one `[DONE]` at the end, nothing after it."""
    assert stream.response.status == 200, stream.response
    assert stream.response.header("content-type").startswith("text/event-stream")
    assert stream.complete, "the connection ended inside the stream"
    assert not stream.errors, stream.errors
    assert stream.done == 1 and stream.datas[-1] == "[DONE]", stream.datas[-3:]
    assert stream.finishes == [finish], stream.finishes
    assert stream.ended_with_blank_line
    if text is not None:
        assert stream.text == text


def assert_broken_off(stream, code=None):
    """A stream that told of its fault: exactly one error, last, and no `[DONE]`."""
    assert stream.response.status == 200, stream.response
    assert stream.complete, "an orderly end is due after an error event too"
    assert len(stream.errors) == 1, stream.datas[-3:]
    assert "error" in stream.chunks[-1], "something followed the error"
    assert stream.done == 0, "[DONE] says that all went well"
    assert stream.errors[0]["message"]
    assert stream.ended_with_blank_line
    if code:
        codes = code if isinstance(code, tuple) else (code,)
        assert stream.errors[0].get("code") in codes, stream.errors
