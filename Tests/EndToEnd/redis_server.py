# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A real Redis on a free port, and just enough of a client to look into it."""

import signal
import socket
import subprocess

from wire import wait_until


class Redis:
    """A redis-server that keeps nothing on disk; `start` after `kill` brings back an empty one at the same port."""

    def __init__(self, directory, *arguments):
        self.directory = directory
        self.arguments = arguments
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        with open(self.directory / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, "--appendonly", "no", *self.arguments], stdout=log, stderr=log, cwd=self.directory
            )
        wait_until(self.answers, 10, "Redis answers")
        return self

    def answers(self):
        try:
            return self("PING") == "PONG"
        except OSError:
            return False

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def __call__(self, *words):
        """The answer to one command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            encoded = [str(word).encode() for word in words]
            connection.sendall(
                b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded)
            )
            with connection.makefile("rb") as lines:
                return self.read(lines)

    def read(self, lines):
        line = lines.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == "$":
            return None if rest == "-1" else lines.read(int(rest) + 2)[:-2].decode()
        if kind == "*":
            return [self.read(lines) for _ in range(int(rest))]
        if kind == "-":
            raise RuntimeError(rest)
        return int(rest) if kind == ":" else rest

    def budgets(self, scope):
        """What is known of a scope's day and month."""
        flat = self("HGETALL", f"sluice:b:{scope}")
        return {key: value for key, value in zip(flat[::2], flat[1::2], strict=True)}
