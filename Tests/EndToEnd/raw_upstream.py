# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""An upstream in the test's own process that says what it is told to, byte by byte, and remembers what it was asked."""

import contextlib
import select
import socket
import struct
import threading
import time

from wire import close_waited_on

END = object()


class Incoming:
    """One request, on its connection."""

    def __init__(self, connection, upstream):
        self.socket = connection
        self.upstream = upstream
        self.buffer = b""

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return False
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        self.path = self.target.partition("?")[0]
        return True

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def value(self, name):
        values = self.values(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def take(self, count=None):
        """Some bytes of what comes next, at most `count`; empty at the end of the connection."""
        if not self.buffer:
            self.buffer = self.socket.recv(65536)
        data, self.buffer = self.buffer[:count], self.buffer[count:] if count else b""
        return data

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.take(count - len(data))
            if not piece:
                raise ConnectionResetError("the gateway left in mid-body")
            data += piece
        return bytes(data)

    def line(self):
        data = b""
        while not data.endswith(b"\r\n"):
            data += self.exactly(1)
        return data[:-2]

    def pieces(self):
        """The request's body in pieces, however it is framed."""
        if (self.value("transfer-encoding") or "").lower() == "chunked":
            while size := int(self.line(), 16):
                yield self.exactly(size)
                assert self.exactly(2) == b"\r\n"
            while self.line():
                pass
            return
        left = int(self.value("content-length") or 0)
        while left:
            piece = self.take(min(left, 65536))
            if not piece:
                raise ConnectionResetError("the gateway left in mid-body")
            left -= len(piece)
            yield piece

    def body(self):
        self.content = b"".join(self.pieces())
        return self.content

    def send(self, data):
        self.socket.sendall(data)
        return time.monotonic()

    def reply(self, body=b"", status="200 OK", headers=(), length=True):
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        if length:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def chunk(self, data):
        return self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_end(self, timeout=10.0):
        """Notes when the gateway lets go of the connection."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if select.select([self.socket], [], [], 0.05)[0]:
                try:
                    if not self.socket.recv(65536):
                        break
                except ConnectionError:
                    break
        else:
            return
        self.ended = time.monotonic()


class RawUpstream:
    """Serves each path by a function of its own; one thread for each connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.scripts = {}
        self.seen = []
        self.lock = threading.Lock()
        self.closing = False
        threading.Thread(target=self.accept, daemon=True).start()

    def on(self, path, script):
        """From now on a request for the path is given to `script`, which says END when the connection is to be closed."""
        self.scripts[path] = script

    def accept(self):
        while not self.closing:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        buffer = b""
        with contextlib.suppress(OSError), contextlib.closing(connection):
            while True:
                incoming = Incoming(connection, self)
                incoming.buffer = buffer
                incoming.ended = None
                if not incoming.read_head():
                    return
                with self.lock:
                    self.seen.append(incoming)
                script = self.scripts.get(incoming.path)
                if script is None:
                    incoming.body()
                    incoming.reply(b"nothing here", "404 Not Found")
                elif script(incoming) is END:
                    return
                buffer = incoming.buffer

    def requests(self, path):
        with self.lock:
            return [incoming for incoming in self.seen if incoming.path == path]

    def last(self, path):
        return self.requests(path)[-1]

    def close(self):
        self.closing = True
        close_waited_on(self.listener)
