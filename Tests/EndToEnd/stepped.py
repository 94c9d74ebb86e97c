# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""An upstream that says what a test tells it to, when the test tells it."""

import json
import queue
import select
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

END, CUT = object(), object()
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


class Call:
    """One request: `say` texts, `say(END)` for an orderly end, `say(CUT)` to break off; `left` once its client has gone."""

    def __init__(self, body):
        self.body, self.words, self.left = body, queue.Queue(), threading.Event()

    def say(self, *words):
        for word in words:
            self.words.put(word)

    @property
    def messages(self):
        return [(message["role"], message["content"]) for message in self.body["messages"]]


class Stepped(ThreadingHTTPServer):
    """Each request becomes a `Call`, which `take` gives to the test in the order of their coming."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls, self.automatic = queue.Queue(), None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, timeout=10.0):
        return self.calls.get(timeout=timeout)

    @property
    def provider(self):
        url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        return {"name": "stepped", "kind": "openai-compatible", "base_url": url, "max_retries": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        call = Call(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        if self.server.automatic:
            call.say(*self.server.automatic)
        self.server.calls.put(call)
        if not call.body.get("stream"):
            return self.whole(call)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            while (word := self.next(call)) not in (END, CUT):
                self.chunk({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            if word is CUT:
                self.close_connection = True
                return
            self.chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.chunk({"choices": [], "usage": USAGE})
            self.send(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            call.left.set()
            self.close_connection = True

    def next(self, call):
        while True:
            try:
                return call.words.get(timeout=0.02)
            except queue.Empty:
                # Nothing more is due from the gateway: what can be read is its end.
                if select.select([self.connection], [], [], 0)[0]:
                    raise ConnectionResetError from None

    def whole(self, call):
        text = ""
        while (word := call.words.get()) is not END:
            text += word
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, fields):
        self.send(b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", **fields}).encode() + b"\n\n")

    def send(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def log_message(self, *_):
        pass
