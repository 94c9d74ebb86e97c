# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Real servers that keep things: Postgres and Redis on free ports, each with its data in a directory of its own."""

import os
import signal
import socket
import subprocess
import uuid
from pathlib import Path

from gateway import ROOT
from wire import wait_until

SCRIPT = ROOT / "scripts/test-postgres"


class Postgres:
    """A server; `database` makes an empty database on it and gives its address."""

    def __init__(self):
        # Not pytest's directory: the server runs as another user, who could not get there.
        self.directory = Path(
            subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip()
        )
        started = subprocess.run(
            [SCRIPT, "start", self.directory], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        self.address = started.stdout.strip()
        self.port = int((self.directory / "port").read_text())

    def database(self):
        name = "t" + uuid.uuid4().hex
        self.query(f"CREATE DATABASE {name}")
        return self.address.removesuffix("postgres") + name

    def query(self, text, database=None):
        """The rows of a statement, each as its columns' texts."""
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", text]
        done = subprocess.run(
            [*command, database or self.address], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    @property
    def pids(self):
        """The server's processes."""
        parent = int((self.directory / "data/postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    def signal(self, number):
        """Sends all its processes a signal, such as SIGSTOP."""
        for pid in self.pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # a connection that ended meanwhile

    def stop(self):
        self.signal(signal.SIGCONT)
        subprocess.run([SCRIPT, "stop", self.directory], check=True, stdin=subprocess.DEVNULL)


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
