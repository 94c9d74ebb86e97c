# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A Postgres server that is far away or full (P14), and steps of the schema that kill -9 cuts short there (P08)."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import threading
import time

import pytest

from audit import ADMIN
from events import ask, assert_whole
from test_audit_faults import Load, sluice_dropped
from test_storage import SECRET, is_ready, not_ready, restart
from wire import close_waited_on, request, wait_until

LATER = ["document_contents", "documents", "chat_messages", "chat_sessions"]


class FarAway:
    """A forwarder to a port of this machine, behind which everything that the server says comes two seconds late."""

    def __init__(self, port, seconds=2.0):
        self.port, self.seconds, self.sockets = port, seconds, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                self.sockets += [client, server]
                late = queue.SimpleQueue()
                for work in ((self.read, client, server.sendall), (self.read, server, lambda data, late=late: late.put(
                        (time.monotonic() + self.seconds, data))), (self.tell_late, late, client)):
                    threading.Thread(target=work[0], args=work[1:], daemon=True).start()

    def read(self, source, hand_on):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                hand_on(data)

    def tell_late(self, late, client):
        with contextlib.suppress(OSError):
            while True:
                due, data = late.get()
                time.sleep(max(0.0, due - time.monotonic()))
                client.sendall(data)

    def stop(self):
        for one in [self.listener, *self.sockets]:
            close_waited_on(one)


def stored(server, url):
    return {row[0] for row in server.query("SELECT request_id FROM audit", url)}


def assert_sums(server, url):
    assert server.query("SELECT request_id FROM audit GROUP BY request_id HAVING COUNT(*) > 1", url) == []
    counted = server.query("SELECT COUNT(*), SUM(output_tokens) FROM audit", url)
    assert server.query("SELECT SUM(requests), SUM(output_tokens) FROM usage", url) == counted


def test_P14_a_server_two_seconds_away_is_used_and_not_noticed_by_streams(make_sluice, postgres_server, postgres):
    far = FarAway(postgres_server.port)
    gateway = make_sluice(
        auth={"admin_key": ADMIN}, database_url=postgres.replace(f":{postgres_server.port}/", f":{far.address[1]}/")
    )
    load = Load(gateway.address, 20)
    wait_until(lambda: is_ready(gateway), 40, "Postgres is reached")
    time.sleep(5)
    load.stop()
    assert len(load.ended) > 50 and not load.refused and load.percentile(0.99) < 0.5
    wait_until(lambda: set(load.begun) <= stored(postgres_server, postgres), 40, "all rows")
    assert_sums(postgres_server, postgres)
    assert sluice_dropped(gateway) == 0
    assert "storage fails" not in gateway.log(), "slow is not broken"
    made = request(gateway.address, "POST", "/api/v1/chat/sessions", {"title": "t", "model": "sim/echo"}, timeout=20)
    assert made.status == 201, made
    assert gateway.terminate(30) == 0
    far.stop()


def crowd(server):
    """Connections that never finish signing in, until the server takes no more."""
    held = []
    while True:
        one = socket.create_connection(("127.0.0.1", server.port), 5)
        text = b"\0\3\0\0user\0sluice\0database\0postgres\0\0"
        one.sendall((len(text) + 4).to_bytes(4) + text)
        answer = one.recv(4096)
        if answer[:1] == b"E":
            assert b"53300" in answer, answer
            one.close()
            return held
        held.append(one)
        assert len(held) < 100


def test_P14_a_server_that_takes_no_more_connections_is_told_once_asked_seldom_and_used_later(make_sluice, own_postgres):
    url = own_postgres.database()
    for setting in ("max_connections = 10", "authentication_timeout = 300"):
        own_postgres.query(f"ALTER SYSTEM SET {setting}")
    parent = own_postgres.pids[0]
    os.kill(parent, signal.SIGINT)
    wait_until(lambda: not os.path.exists(f"/proc/{parent}"), 10, "its end")
    restart(own_postgres)
    held = crowd(own_postgres)
    assert len(held) > 5

    def refused():
        return (own_postgres.directory / "server.log").read_text().count("too many clients already")

    before = refused()
    gateway = make_sluice(auth={"admin_key": ADMIN}, database_url=url)
    load = Load(gateway.address, 20)
    time.sleep(10)
    # Every failure makes the next wait longer, up to five seconds.
    assert 2 <= refused() - before <= 14, refused() - before
    assert not_ready(gateway)
    gateway.assert_healthy()
    complaints = [line for line in gateway.log().splitlines() if "storage fails" in line]
    assert len(complaints) == 1 and "too many clients already" in complaints[0], complaints
    assert SECRET not in gateway.log()
    for one in held:
        one.close()
    wait_until(lambda: is_ready(gateway), 20, "Postgres is reached")
    load.stop()
    assert len(load.ended) > 50 and not load.refused and load.percentile(0.99) < 0.5
    assert "storage works again" in gateway.log()
    wait_until(lambda: set(load.begun) <= stored(own_postgres, url), 30, "all rows, also those from before")
    assert_sums(own_postgres, url)
    assert sluice_dropped(gateway) == 0
    assert gateway.terminate() == 0


@pytest.mark.parametrize("server_too", [False, True], ids=["the gateway", "the gateway and its server process"])
def test_P08_kill_9_within_the_steps_leaves_the_old_version_or_the_new_one(make_sluice, postgres_server, postgres, server_too):
    def query(text):
        return postgres_server.query(text, postgres)

    def state():
        tables = query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return query("SELECT version FROM schema_version"), tables

    first = make_sluice(auth={"admin_key": ADMIN}, database_url=postgres)
    wait_until(lambda: is_ready(first), 15, "Postgres is reached")
    assert_whole(ask(first.address, "sim/echo", headers=[("X-Request-Id", "p08-1")]))
    wait_until(lambda: "p08-1" in stored(postgres_server, postgres), 10, "the row")
    first.terminate()
    new = state()
    query(f"DROP TABLE {', '.join(LATER)}; ALTER TABLE audit DROP COLUMN response_headers; UPDATE schema_version SET version = 1")
    old = state()
    assert old != new
    with subprocess.Popen(["psql", "-X", "-q", "-A", "-t", postgres], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        # The steps end with a change of this row, which waits for whoever changed it before.
        holder.stdin.write(b"BEGIN; UPDATE schema_version SET touched = touched; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"held\n"
        second = make_sluice(database_url=postgres)
        waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: query(f"SELECT 1 {waiting}"), 15, "the steps wait for the lock")
        assert state() == old, "nobody sees half of them"
        second.kill()
        if server_too:
            query(f"SELECT pg_terminate_backend(pid) {waiting}")
        holder.communicate(b"ROLLBACK;\n")
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    wait_until(lambda: not query(others), 15, "nobody is connected")
    # What was sent whole before the gateway died is done whole by a server that lives.
    assert state() == (old if server_too else new)
    third = make_sluice(database_url=postgres)
    wait_until(lambda: is_ready(third), 15, "the second start completes it")
    assert state() == new and "p08-1" in stored(postgres_server, postgres)
    assert request(third.address, "POST", "/api/v1/chat/sessions", {"title": "t", "model": "sim/echo"}).status == 201
