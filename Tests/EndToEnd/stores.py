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
    """A server without persistence. It may be stopped and started again, empty, on the same port."""

    def __init__(self, directory):
        self.directory = directory
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            self.port = holder.getsockname()[1]
        self.address = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with open(self.directory / "redis.log", "ab") as sink:
            self.process = subprocess.Popen(
                command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        wait_until(self.answers, 10, "Redis answers")

    def answers(self):
        assert self.process.poll() is None, (self.directory / "redis.log").read_text()[-2000:]
        try:
            return self.command("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def command(self, *words):
        """The raw beginning of the answer to one command."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        text = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(text)
            return connection.recv(65536)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
