# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A model that reads documents, scripted by the words in them, and a reader of the gateway's extraction events."""

import json
import re
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wire import KEY


class Extractor:
    """Answers chat requests by the weeks and units that the user's text names.

    Words in the text say what goes wrong with the piece they stand in: `FAIL-ME` an error, `SLOW-ME` a wait of `slowness`
    seconds, `HANG-ME` no answer at all, `FENCE-ME` an answer in Markdown, `STUTTER-ME` a useless first answer, `LIE-ME` answers
    that break the schema.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.requests, self.aborted, self.active, self.most = [], 0, 0, 0
        self.slowness = 2.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer.lock:
                    outer.requests.append(body)
                    outer.active += 1
                    outer.most = max(outer.most, outer.active)
                try:
                    outer.answer(self, body)
                except OSError:
                    pass
                finally:
                    with outer.lock:
                        outer.active -= 1

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def pieces(self):
        with self.lock:
            return [next(m["content"] for m in body["messages"] if m["role"] == "user") for body in self.requests]

    def left(self, handler, seconds):
        """Waits; whether the client left meanwhile."""
        ready, _, _ = select.select([handler.connection], [], [], seconds)
        if ready and handler.connection.recv(1, socket.MSG_PEEK) == b"":
            with self.lock:
                self.aborted += 1
            return True
        return False

    def answer(self, handler, body):
        text = next(m["content"] for m in body["messages"] if m["role"] == "user")
        is_second = any(m["role"] == "assistant" for m in body["messages"])
        if "HANG-ME" in text:
            self.left(handler, 60)
            return
        if "SLOW-ME" in text and self.left(handler, self.slowness):
            return
        if "FAIL-ME" in text:
            return self.send(handler, 500, {"error": {"message": "this piece fails", "type": "server_error"}})
        found = {"topics": sorted(set(re.findall(r"topic-\w+", text)))}
        title = re.search(r"^# (.+)$|^Syllabus of (.+)$", text, re.M)
        if title:
            found["title"] = title.group(1) or title.group(2)
        weeks = re.findall(r"^\f?(?:## )?(Week (\d+): [^\n]+)$", text, re.M)
        found["weeks"] = [{"number": int(number), "title": name} for name, number in weeks]
        answer = json.dumps(found)
        if "FENCE-ME" in text:
            answer = f"Here it is:\n```json\n{answer}\n```\nAnything else?"
        if "STUTTER-ME" in text and not is_second:
            answer = "I am not sure what you mean."
        if "LIE-ME" in text:
            answer = json.dumps({"weeks": "none"})
        message = {"role": "assistant", "content": answer}
        self.send(
            handler,
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            },
        )

    def send(self, handler, status, value):
        data = json.dumps(value).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


class Events:
    """The events of one extraction, read as they come."""

    def __init__(self, address, path, headers=(), key=KEY, timeout=30.0):
        self.socket = socket.create_connection(address, timeout)
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept: text/event-stream"]
        if key:
            lines.append(f"Authorization: Bearer {key}")
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.seen = []
        self.comments = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def lines(self):
        """The body's lines, out of their chunks."""
        rest = b""
        while True:
            size = int(self.file.readline().split(b";")[0], 16)
            if size == 0:
                assert rest == b"", rest
                return
            rest += self.file.read(size)
            self.file.readline()
            *whole, rest = rest.split(b"\n")
            yield from whole

    def __iter__(self):
        assert self.status == 200, (self.status, self.file.read(500))
        name, data = "message", []
        for line in self.lines():
            if line == b"":
                if data:
                    event = (name, json.loads(b"\n".join(data)))
                    self.seen.append(event)
                    yield event
                name, data = "message", []
            elif line.startswith(b":"):
                self.comments += 1
            elif line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                data.append(line[6:])

    def until(self, wanted):
        for name, data in self:
            if wanted(name, data):
                return data
        raise AssertionError(f"the stream ended before that: {self.seen[-3:]}")

    def end(self):
        """All events; the last is `done` or `error`."""
        for _ in self:
            pass
        assert self.seen[-1][0] in ("done", "error"), self.seen[-1]
        return self.seen[-1]


def percent(events):
    return [data["percent"] for name, data in events if name == "progress"]


def long_text(pages=50, words_per_page=300, marks=None):
    """A syllabus of many pages, a week each; `marks` puts words into single weeks."""
    parts = ["# Foundations of Computing\n"]
    for page in range(1, pages + 1):
        filler = " ".join(f"word{(page * 7 + n) % 97}" for n in range(words_per_page))
        mark = (marks or {}).get(page, "")
        parts.append(f"## Week {page}: Subject {page}\n\n{mark} {filler} topic-{page % 10}.\n\n{filler}.\n")
    return "\n".join(parts)


def wait_idle(extractor, timeout=5.0):
    end = time.monotonic() + timeout
    while extractor.active and time.monotonic() < end:
        time.sleep(0.02)
    return extractor.active == 0
