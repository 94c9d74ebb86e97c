# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What is recorded when the process, the file or the disk fails (row D1)."""

import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from audit import assert_consistent, query, row, rows
from events import assert_whole, chat, read_stream
from wire import ADMIN, KEY, Closed, Connection, Silent, render, wait_until

# A row is stored within the flush interval of 100 ms; the rest is for a machine with much else to do.
BOUND = 1.0


class Load:
    """Streams of the simulator, so many at once, each with a name; knows when each was whole."""

    def __init__(self, address, width, tokens=(5, 60), seconds=60.0):
        self.address, self.tokens = address, tokens
        self.begun, self.ended, self.gaps, self.refused, self.streams = {}, {}, [], [], []
        self.until = time.monotonic() + seconds
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(width)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        count = 0
        while time.monotonic() < self.until:
            count += 1
            name = f"load-{id(self)}-{number}-{count}"
            try:
                self.one(name)
            except (OSError, Closed, Silent, AssertionError):
                return

    def one(self, name):
        with Connection(self.address, 30) as connection:
            self.begun[name] = time.monotonic()
            body = chat("sim/story", max_tokens=random.randint(*self.tokens))
            connection.send(render("POST", "/v1/chat/completions", body, [("X-Request-Id", name)], KEY))
            stream = read_stream(connection, 30)
            if stream.response.status != 200:
                self.refused.append((name, stream.response.status))
                return time.sleep(0.05)
            if stream.complete and stream.done:
                self.ended[name] = time.monotonic()
                self.gaps += [b - a for a, b in zip(stream.text_times, stream.text_times[1:], strict=False)]
                self.streams.append(stream)

    def stop(self, timeout=60):
        self.until = 0
        for thread in self.threads:
            thread.join(timeout)
        assert not any(thread.is_alive() for thread in self.threads)

    def percentile(self, share):
        return sorted(self.gaps)[int(len(self.gaps) * share)]


def stored(path):
    return {name for (name,) in query(path, "SELECT request_id FROM audit")}


@pytest.mark.parametrize("round", range(3))
def test_what_was_answered_survives_kill_9(make_sluice, round):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    path = sluice.config.parent / "sluice.db"
    load = Load(sluice.address, 200)
    time.sleep(random.uniform(2.0, 3.0))
    killed = time.monotonic()
    sluice.kill()
    load.stop()
    again = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{path}")
    acknowledged = {name for name, at in load.ended.items() if at < killed - BOUND}
    assert len(acknowledged) > 50, "the load was no load"
    missing = acknowledged - stored(path)
    assert not missing, f"{len(missing)} of {len(acknowledged)} are lost"
    assert {found["outcome"] for found in rows(again)} == {"completed"}
    assert_consistent(path)


def test_a_locked_file_is_not_noticed_by_streams(make_sluice):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    path = sluice.config.parent / "sluice.db"
    load = Load(sluice.address, 20, (50, 100))
    time.sleep(1)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        load.gaps.clear()
        time.sleep(10)
        quiet = list(load.gaps)
        locked = set(load.ended)
        other.execute("ROLLBACK")
    load.stop()
    quiet.sort()
    assert len(quiet) > 1000 and quiet[int(len(quiet) * 0.99)] < 0.2, "tokens come as before"
    assert not load.refused and locked
    wait_until(lambda: set(load.ended) <= stored(path), 20, "all rows")
    assert sluice_dropped(sluice) == 0
    assert_consistent(path)


def sluice_metric(sluice, name):
    text = sluice.get("/metrics", key=ADMIN).body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])


def sluice_dropped(sluice):
    return sluice_metric(sluice, "sluice_audit_dropped_total")


def test_a_full_disk_refuses_what_it_cannot_record_when_closed(make_sluice, disk):
    control, environment = disk
    sluice = make_sluice(
        auth={"admin_key": ADMIN}, audit={"on_failure": "closed", "patience": "500ms"}, options={"env": environment})
    path = sluice.config.parent / "sluice.db"
    # One stream, which is under way all the while.
    running = Load(sluice.address, 1, (150, 150), seconds=0.1)
    wait_until(lambda: running.begun and sluice_metric(sluice, "sluice_streams_active"), 5, "the stream runs")
    control.write_text("full")
    asked = []

    def refused():
        asked.append(f"full-{len(asked)}")
        answer = sluice.post(chat("sim/echo", False), headers=[("X-Request-Id", asked[-1])])
        assert answer.status in (200, 503), answer
        if answer.status == 503:
            assert answer.error["code"] == "audit_unavailable" and answer.header("retry-after") and asked.pop()
            assert sluice.get("/readyz").json() == {"status": "audit_unavailable"}, "nothing new is sent here"
        return answer.status == 503

    wait_until(refused, 10, "a refusal")
    assert sluice.post(chat("sim/echo", True)).status == 503
    assert sluice.get("/proxy/sim/x").status == 503, "what is handed on is recorded too"
    assert sluice.get("/v1/models").status == 200, "what needs no record is answered"
    running.stop()
    assert len(running.ended) == 1, "a stream that runs is not cut"
    sluice.assert_healthy()
    control.unlink()
    wait_until(lambda: sluice.post(chat("sim/echo", False)).status == 200, 15, "work again, without a restart")
    wait_until(lambda: {*running.ended, *asked} <= stored(path), 15, "what was begun is recorded")
    assert sluice_dropped(sluice) == 0
    complaints = [line for line in sluice.log().splitlines() if "cannot be stored" in line]
    assert len(complaints) == 1, "said once, not for each row"
    assert_consistent(path)


def test_a_full_disk_is_gone_over_when_open(make_sluice, disk):
    control, environment = disk
    sluice = make_sluice(auth={"admin_key": ADMIN}, audit={"queue_rows": 64, "patience": "500ms"}, options={"env": environment})
    path = sluice.config.parent / "sluice.db"
    assert sluice.post(chat("sim/echo", False)).status == 200
    wait_until(lambda: len(stored(path)) == 1, 10, "the first row")
    control.write_text("full")
    for number in range(100):
        assert sluice.post(chat("sim/echo", False), headers=[("X-Request-Id", f"open-{number}")]).status == 200
    assert sluice_dropped(sluice) == 36, "what has no room in the queue is counted"
    control.unlink()
    wait_until(lambda: len(stored(path)) == 65, 15, "what was queued is stored")
    assert {f"open-{number}" for number in range(64)} < stored(path), "the newest are those that are lost"
    assert [line for line in sluice.log().splitlines() if "rows are lost" in line][1:] == []
    assert_consistent(path)


def test_a_slow_disk_is_not_noticed_by_streams(make_sluice, disk):
    control, environment = disk
    sluice = make_sluice(auth={"admin_key": ADMIN}, options={"env": environment})
    path = sluice.config.parent / "sluice.db"
    control.write_text("slow 500")
    load = Load(sluice.address, 20, seconds=5)
    load.stop()
    assert load.percentile(0.99) < 0.2 and not load.refused
    for stream in load.streams:
        assert_whole(stream, finish=stream.finishes[0])
    wait_until(lambda: set(load.ended) <= stored(path), 20, "all rows")
    control.unlink()
    assert_consistent(path)


def test_a_backup_under_load_is_whole(make_sluice, tmp_path):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    path = sluice.config.parent / "sluice.db"
    load = Load(sluice.address, 50, seconds=4)
    time.sleep(2)
    copies = [tmp_path / "backup.db", tmp_path / "vacuum.db"]
    with closing(sqlite3.connect(path, timeout=10)) as source, closing(sqlite3.connect(copies[0])) as copy:
        source.backup(copy)
        source.execute("VACUUM INTO ?", (str(copies[1]),))
    load.stop()
    for copy in copies:
        assert_consistent(copy)
        assert query(copy, "SELECT COUNT(*) FROM audit")[0][0] > 20
    again = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{copies[0]}")
    assert row(again, query(copies[0], "SELECT request_id FROM audit LIMIT 1")[0][0])


def test_postgres_that_crashes_and_hangs_loses_and_doubles_nothing(make_sluice, own_postgres):
    url = own_postgres.database()
    name = url.rpartition("/")[2]
    # The server is one for tests, which would give up what was committed last when it crashes.
    own_postgres.query(f"ALTER DATABASE {name} SET synchronous_commit = on")
    sluice = make_sluice(auth={"admin_key": ADMIN}, database_url=url)
    wait_until(lambda: sluice.get("/readyz", key=None).status == 200, 15, "Postgres is reached")
    load = Load(sluice.address, 40)
    time.sleep(2)
    backends = own_postgres.query(f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}'")
    # A backend that is killed makes the server end all others and recover.
    os.kill(int(backends[0][0]), signal.SIGKILL)
    time.sleep(2)
    own_postgres.signal(signal.SIGSTOP)
    time.sleep(2)
    own_postgres.signal(signal.SIGCONT)
    time.sleep(1)
    load.stop()
    assert len(load.ended) > 50 and not load.refused and load.percentile(0.99) < 0.2

    def kept():
        return {row[0] for row in own_postgres.query("SELECT request_id FROM audit", url)}

    wait_until(lambda: set(load.ended) <= kept(), 30, "all rows")
    wait_until(lambda: set(load.begun) <= kept(), 30, "rows of all that was begun")
    assert own_postgres.query("SELECT request_id FROM audit GROUP BY request_id HAVING COUNT(*) > 1", url) == []
    counted = own_postgres.query("SELECT COUNT(*), SUM(output_tokens) FROM audit", url)
    assert own_postgres.query("SELECT SUM(requests), SUM(output_tokens) FROM usage", url) == counted
    assert sluice_dropped(sluice) == 0
