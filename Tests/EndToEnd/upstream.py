# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A scripted upstream on raw sockets: the model's name picks how it answers or fails.

Run it as a process of its own (`python upstream.py`), so that its clock readings do not wait for the test's.
It prints `listening on http://HOST:PORT`. `GET /stats` and `GET /last?model=NAME` tell what it saw.
"""

import argparse
import itertools
import json
import select
import socket
import struct
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import upstream_faults  # noqa: F401  registers its scripts, as the next does
import upstream_stream_faults  # noqa: F401
from upstream_modes import MODES

LEFT = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class ClientGone(Exception):
    """The client closed or reset its connection."""


class Hangup(Exception):
    """The script ends the connection; nothing more is to be sent."""


class Exchange:
    """One request and the means to answer it, well or badly."""

    def __init__(self, sock, poller, method, path, headers, body, connection):
        self.sock, self.poller, self.connection = sock, poller, connection
        self.method, self.path, self.headers, self.raw_body = method, path, headers, body
        try:
            self.body = json.loads(body) if body else {}
        except ValueError:
            self.body = {}
        if not isinstance(self.body, dict):
            self.body = {}
        self.model = str(self.body.get("model", ""))
        self.streaming = bool(self.body.get("stream"))
        self.tag = self.body.get("user")

    def option(self, name, default):
        """A knob of the script, which the test sets in the request's `metadata`."""
        metadata = self.body.get("metadata")
        return type(default)(metadata[name]) if isinstance(metadata, dict) and name in metadata else default

    def pause(self, seconds):
        """Waits, but notices at once when the client leaves."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            # POLLIN is left out: a client may pipeline; only its leaving counts.
            self.poller.modify(self.sock, select.POLLRDHUP)
            for _, seen in self.poller.poll(left * 1000):
                if seen & LEFT:
                    raise ClientGone

    def hang(self):
        self.pause(600)

    def raw(self, data):
        """Sends the bytes as they are, at the reader's pace."""
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                self.poller.modify(self.sock, select.POLLOUT | select.POLLRDHUP)
                for _, seen in self.poller.poll():
                    if seen & LEFT:
                        raise ClientGone from None
            except OSError:
                raise ClientGone from None

    def slowly(self, data, size, seconds):
        """Sends the bytes in small segments."""
        for start in range(0, len(data), size):
            self.raw(data[start : start + size])
            self.pause(seconds)

    def head(self, status=200, reason="OK", headers=(), version="HTTP/1.1"):
        lines = [f"{version} {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
        self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    def answer(self, status, body, content_type="application/json", headers=(), reason="Scripted"):
        """A whole answer with a length."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        own = [("Content-Type", content_type), ("Content-Length", len(body))]
        self.head(status, reason, [*own, *headers])
        self.raw(body)

    def begin_stream(self, content_type="text/event-stream; charset=utf-8", headers=()):
        self.head(200, "OK", [("Content-Type", content_type), ("Transfer-Encoding", "chunked"), *headers])

    def chunk(self, data):
        self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    def end_chunks(self):
        self.raw(b"0\r\n\r\n")

    def reset(self):
        """Ends the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Hangup

    def hang_up(self):
        """Ends the connection with FIN."""
        raise Hangup


class Upstream:
    """Accepts, reads requests, runs the scripts and keeps the books."""

    def __init__(self, host="127.0.0.1", port=0):
        self.listener = socket.create_server((host, port), backlog=4096)
        self.address = self.listener.getsockname()
        self.lock = threading.Lock()
        self.last = {}
        self.clear()

    def clear(self):
        self.open = self.completed = self.aborted = 0
        self.aborts, self.requests, self.connections = [], {}, {}

    def serve(self):
        for number in itertools.count():
            sock, _ = self.listener.accept()
            threading.Thread(target=self.converse, args=(sock, number), daemon=True).start()

    def converse(self, sock, number):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller = select.poll()
        poller.register(sock, select.POLLIN | select.POLLRDHUP)
        buffer = bytearray()
        try:
            while (exchange := self.read_request(sock, poller, buffer, number)) is not None:
                sock.setblocking(False)
                self.handle(exchange)
                sock.setblocking(True)
        except (Hangup, OSError):
            pass
        finally:
            sock.close()

    def read_request(self, sock, poller, buffer, number):
        def more():
            data = sock.recv(262144)
            if not data:
                raise Hangup
            buffer.extend(data)

        while (end := buffer.find(b"\r\n\r\n")) < 0:
            more()
        lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
        del buffer[: end + 4]
        method, path, _ = lines[0].split(" ", 2)
        headers = [
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
        ]
        fields = dict(headers)
        body = bytearray()
        if fields.get("transfer-encoding", "").lower() == "chunked":
            while True:
                while (end := buffer.find(b"\r\n")) < 0:
                    more()
                size = int(buffer[:end], 16)
                while len(buffer) < end + 2 + size + 2:
                    more()
                body += buffer[end + 2 : end + 2 + size]
                del buffer[: end + 2 + size + 2]
                if not size:
                    break
        else:
            length = int(fields.get("content-length", 0))
            while len(buffer) < length:
                more()
            body += buffer[:length]
            del buffer[:length]
        return Exchange(sock, poller, method, path, headers, bytes(body), number)

    def handle(self, exchange):
        target = urlsplit(exchange.path)
        if exchange.method == "GET":
            return self.tell(exchange, target)

        with self.lock:
            self.open += 1
            self.requests[exchange.model] = self.requests.get(exchange.model, 0) + 1
            if exchange.tag is not None:
                self.connections.setdefault(str(exchange.tag), set()).add(exchange.connection)
            seen = {
                "method": exchange.method,
                "path": exchange.path,
                "headers": exchange.headers,
                "body": exchange.raw_body.decode("utf-8", "surrogateescape"),
                "time": time.monotonic(),
            }
            self.last[exchange.model] = self.last[None] = seen
        gone = False
        try:
            script = MODES.get(exchange.model)
            if script:
                script(exchange)
            else:
                error = {
                    "message": "no such script",
                    "type": "invalid_request_error",
                    "code": "model_not_found",
                }
                exchange.answer(404, {"error": error})
        except ClientGone:
            at, gone = time.monotonic(), True
            with self.lock:
                self.aborts.append({"time": at, "model": exchange.model, "tag": exchange.tag})
            raise Hangup from None
        finally:
            with self.lock:
                self.open -= 1
                self.aborted += gone
                self.completed += not gone

    def tell(self, exchange, target):
        """The control interface."""
        with self.lock:
            if target.path == "/stats":
                names = ("open", "completed", "aborted", "aborts", "requests")
                answer = {name: getattr(self, name) for name in names}
                answer["connections"] = {tag: len(seen) for tag, seen in self.connections.items()}
                exchange.answer(200, answer)
            elif target.path == "/last":
                model = parse_qs(target.query).get("model", [None])[0]
                exchange.answer(200, self.last.get(model))
            elif target.path.endswith("/models"):
                exchange.answer(200, {"object": "list", "data": [{"id": "ok", "object": "model"}]})
            else:
                exchange.answer(404, {"error": {"message": "no such path"}})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    sys.setswitchinterval(0.0005)
    upstream = Upstream(port=parser.parse_args().port)
    print("listening on http://%s:%d" % upstream.address, flush=True)
    upstream.serve()


if __name__ == "__main__":
    main()
