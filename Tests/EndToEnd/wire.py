# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""HTTP/1.1 over raw sockets: the client side of the suite, which never repairs or hides anything."""

import contextlib
import json
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

KEY = "sk-test-4f7a1c9d2e8b6035"
ADMIN = "sk-admin-0123456789abcdef"


class Closed(Exception):
    """The peer closed or reset the connection where more bytes were due."""


class Silent(Exception):
    """The deadline passed before the awaited bytes arrived."""


@dataclass
class Response:
    """One answer as it stood on the wire."""

    status: int
    version: str
    headers: list  # of (name in lower case, value)
    body: bytes = b""
    interim: list = field(default_factory=list)  # statuses of the 1xx answers before it
    complete: bool = True  # false: the connection ended inside the body

    def header(self, name, default=None):
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]


class Connection:
    """A socket with a read buffer and a deadline on every wait."""

    def __init__(self, address, timeout=10.0, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Sends all of it; false when the peer stopped taking bytes, which is its right."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return False
        except OSError:
            if self.socket.fileno() >= 0:
                raise
            return False  # closed meanwhile, by this side

    def close(self):
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self, deadline):
        """One more read into the buffer."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise Silent(f"silent; so far {bytes(self.buffer[-200:])!r}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(262144)
        except TimeoutError:
            raise Silent(f"silent; so far {bytes(self.buffer[-200:])!r}") from None
        except ConnectionResetError:
            raise Closed("reset") from None
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def take(self, count, deadline):
        while len(self.buffer) < count:
            self.receive(deadline)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def line(self, deadline):
        """The next line without its CRLF."""
        searched = 0
        while (end := self.buffer.find(b"\r\n", searched)) < 0:
            searched = max(0, len(self.buffer) - 1)
            self.receive(deadline)
        data = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return data

    def head(self, timeout=None):
        """Reads up to the blank line: a response without its body."""
        deadline = time.monotonic() + (timeout or self.timeout)
        interim = []
        while True:
            version, _, rest = self.line(deadline).decode("latin-1").partition(" ")
            assert version in ("HTTP/1.1", "HTTP/1.0"), f"not a status line: {version!r} {rest!r}"
            headers = []
            while line := self.line(deadline).decode("latin-1"):
                name, colon, value = line.partition(":")
                assert colon and name == name.strip(), f"not a header line: {line!r}"
                headers.append((name.lower(), value.strip(" \t")))
            status = int(rest[:3])
            if status >= 200 or status == 101:
                return Response(status, version, headers, interim=interim)
            interim.append(status)

    def chunks(self, response, timeout=None):
        """Yields (arrival time, bytes) of the body, piece by piece, however it is framed."""
        deadline = time.monotonic() + (timeout or self.timeout)
        if response.status in (204, 304):
            return
        if response.header("transfer-encoding", "").lower() == "chunked":
            while size := int(self.line(deadline).split(b";")[0], 16):
                data = self.take(size, deadline)
                assert self.take(2, deadline) == b"\r\n", "a chunk without its CRLF"
                yield time.monotonic(), data
            while self.line(deadline):
                pass
        elif (length := response.header("content-length")) is not None:
            yield time.monotonic(), self.take(int(length), deadline)
        else:
            while True:
                if self.buffer:
                    data = bytes(self.buffer)
                    self.buffer.clear()
                    yield time.monotonic(), data
                try:
                    self.receive(deadline)
                except Closed as closed:
                    if "reset" in str(closed):
                        raise
                    return

    def response(self, method="POST", timeout=None):
        """One whole response; `complete` tells whether the body ended as its framing promised."""
        answer = self.head(timeout)
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        body = bytearray()
        try:
            for _, data in self.chunks(answer, timeout):
                body += data
        except Closed:
            answer.complete = False
        answer.body = bytes(body)
        return answer

    def is_closed(self, timeout=2.0):
        """True when the peer ends the connection in time without sending anything more."""
        try:
            self.receive(time.monotonic() + timeout)
        except Closed:
            return True
        except Silent:
            return False
        raise AssertionError(f"unexpected bytes: {bytes(self.buffer[:200])!r}")


@dataclass
class Conversation:
    """All answers to a burst of bytes, and whether the peer closed afterwards."""

    answers: list
    closed: bool

    @property
    def statuses(self):
        return [answer.status for answer in self.answers]


def converse(address, data, quiet=0.4, timeout=6.0, method="POST"):
    """Sends the bytes and collects every answer until the peer closes or has been quiet for a while."""
    with Connection(address, timeout) as connection:
        # Big bursts are sent beside the reading: an early answer must not be lost to a full socket.
        sender = threading.Thread(target=connection.send, args=(data,), daemon=True)
        sender.start()
        answers, wait = [], timeout
        while True:
            try:
                answers.append(connection.response(method, wait))
            except Closed:
                return Conversation(answers, True)
            except Silent:
                if connection.buffer:
                    raise AssertionError(f"half an answer: {bytes(connection.buffer[:200])!r}") from None
                return Conversation(answers, False)
            wait = quiet


def request(address, method, path, body=None, headers=(), key=KEY, timeout=10.0, version="HTTP/1.1"):
    """One well-formed request on a connection of its own."""
    with Connection(address, timeout) as connection:
        connection.send(render(method, path, body, [*headers, ("Connection", "close")], key, version))
        return connection.response(method)


def render(method, path, body=None, headers=(), key=KEY, version="HTTP/1.1"):
    """The bytes of a well-formed request; a body that is not bytes becomes JSON."""
    lines = [f"{method} {path} {version}", "Host: localhost"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def close_waited_on(sock):
    """Closes a socket that another thread waits on, which ends there. By `close` alone it would wait on, and might go on with the
    number of the descriptor when that is already another socket's."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def wait_until(condition, timeout=5.0, what="condition"):
    """Polls until the condition holds; its last value is in the failure."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} not met within {timeout} s (last value {value!r})")
        time.sleep(0.005)
    return value


def has_bytes(connection, timeout):
    """Whether the socket has something to read (also an end) within the time."""
    return bool(select.select([connection.socket], [], [], timeout)[0])
