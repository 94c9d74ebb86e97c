# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""An upstream that a test scripts reply by reply: for what depends on what was answered before."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "Told in one piece."


def completion(text=TEXT, model="m"):
    """A whole chat completion."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def stream(text=TEXT, model="m"):
    """The events of a chat completion, as bytes."""

    def chunk(delta, finish=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": model}
        return f"data: {json.dumps({**head, 'choices': [choice], **more})}\n\n"

    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    events = [chunk({"role": "assistant", "content": ""}), chunk({"content": text}), chunk({}, "stop", usage=usage)]
    return ("".join(events) + "data: [DONE]\n\n").encode()


class Reply:
    """One scripted answer; `body` is bytes, or something for JSON."""

    def __init__(self, status=200, body=None, content_type="application/json", headers=(), delay=0):
        self.status, self.content_type, self.headers, self.delay = status, content_type, dict(headers), delay
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()

    @classmethod
    def whole(cls, text=TEXT):
        return cls(200, completion(text))

    @classmethod
    def events(cls, text=TEXT):
        return cls(200, stream(text), "text/event-stream")

    @classmethod
    def error(cls, status, message="scripted", headers=(), delay=0, **fields):
        error = {"message": message, "type": "x", "param": None, "code": None, **fields}
        return cls(status, {"error": error}, headers=headers, delay=delay)


class Replies(ThreadingHTTPServer):
    """Answers the requests for each model with the replies given for it, in order; the last one stays."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.lock = {}, [], threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def expect(self, model, *replies):
        with self.lock:
            self.script[model] = list(replies)
            self.seen = [request for request in self.seen if request["model"] != model]

    def requests(self, model):
        """What was asked for a model, oldest first: `path`, `headers`, `body`, `model`."""
        with self.lock:
            return [request for request in self.seen if request["model"] == model]

    def take(self, path, headers, body):
        model = body.get("model") or path.rpartition("/")[2].partition(":")[0]
        with self.lock:
            self.seen.append({"path": path, "headers": headers, "body": body, "model": model})
            replies = self.script.get(model, [])
            if not replies:
                return Reply.error(404, f"no reply for {model}")
            return replies.pop(0) if len(replies) > 1 else replies[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: the second would wait for the acknowledgement of the first.
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.take(self.path, headers, json.loads(body or b"{}"))
        time.sleep(reply.delay)
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        self.send_header("content-length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_):
        pass
