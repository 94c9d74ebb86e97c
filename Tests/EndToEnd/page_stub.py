# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Stands in for the parts of the gateway's API that the web page shows, with what a test wants it to show."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Stub(ThreadingHTTPServer):
    """Sessions and documents in memory. `answer` are the pieces of the next answer, `pause` the seconds before each."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.sessions, self.messages, self.documents, self.cancelled = {}, {}, {}, []
        self.answer, self.pause, self.uploads = ["Hello ", "there"], 0.02, []
        self.steps = [(10, "chunking"), (40, "extracting"), (80, "merging"), (90, "saving")]
        self.result = {"title": "A document"}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add_session(self, title, messages=()):
        number = f"session-{len(self.sessions)}"
        self.sessions[number] = {"id": number, "title": title, "model": "sim/story", "system": None}
        self.messages[number] = [
            {"id": f"{number}-{place}", "role": role, "content": content, "outcome": "completed", "is_partial": False}
            for place, (role, content) in enumerate(messages)
        ]
        return number

    def add_document(self, name):
        number = f"document-{len(self.documents)}"
        entry = {"id": number, "name": name, "media_type": "text/plain", "bytes": 12, "status": "stored"}
        self.documents[number] = {**entry, "created_at": "2026-01-31T12:00:00Z"}
        return self.documents[number]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def parts(self):
        return urlsplit(self.path).path.split("/")[3:]

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def tell(self, value, status=200):
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, name, data):
        lines = "".join(f"data: {line}\n" for line in data.split("\n"))
        self.wfile.write(f"event: {name}\n{lines}\n".encode())
        self.wfile.flush()

    def do_GET(self):
        stub = self.server
        match self.parts():
            case ["chat", "sessions"]:
                self.tell({"data": list(stub.sessions.values())[::-1], "next_cursor": None})
            case ["chat", "sessions", number, "messages"]:
                self.tell({"data": stub.messages[number], "next_cursor": None})
            case ["documents"]:
                self.tell({"data": list(stub.documents.values()), "next_cursor": None})
            case ["documents", number, "extract-stream"]:
                self.extract(number)
            case ["documents", number]:
                self.tell({**stub.documents[number], "result": stub.result})
            case _:
                self.tell({"error": {"message": "no such path"}}, 404)

    def extract(self, number):
        stub = self.server
        self.begin()
        try:
            self.event("start", '{"status":"starting"}')
            for percent, stage in stub.steps:
                time.sleep(stub.pause)
                if number in stub.cancelled:
                    return
                told = {"percent": percent, "stage": stage, "message": f"{stage}: {percent}"}
                self.event("progress", json.dumps(told))
            stub.documents[number]["status"] = "done"
            self.event("done", json.dumps({"result": stub.result}))
        except OSError:
            pass

    def do_POST(self):
        stub = self.server
        body = self.body()
        match self.parts():
            case ["chat", "sessions"]:
                asked = json.loads(body)
                number = stub.add_session(asked.get("title"))
                stub.sessions[number].update(asked)
                self.tell(stub.sessions[number], 201)
            case ["chat", "sessions", number, "messages"]:
                self.converse(number, json.loads(body)["content"])
            case ["documents"]:
                stub.uploads.append(body)
                name = body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()
                self.tell(stub.add_document(name), 201)
            case ["documents", number, "cancel"]:
                stub.cancelled.append(number)
                self.tell({"id": number})
            case _:
                self.tell({"error": {"message": "no such path"}}, 404)

    def converse(self, number, content):
        stub = self.server
        answer = list(stub.answer)
        self.begin()
        try:
            self.event("start", '{"status":"streaming"}')
            for piece in answer:
                time.sleep(stub.pause)
                self.event("chunk", piece)
            said = [{"role": "user", "content": content}, {"role": "assistant", "content": "".join(answer)}]
            stub.messages[number] += said
            self.event("done", '{"user_message_id":"a","assistant_message_id":"b"}')
        except OSError:
            pass

    def do_PATCH(self):
        number = self.parts()[2]
        self.server.sessions[number].update(json.loads(self.body()))
        self.tell(self.server.sessions[number])

    def do_DELETE(self):
        where, number = self.parts()[-2:]
        (self.server.sessions if where == "sessions" else self.server.documents).pop(number, None)
        self.tell(None, 200)
