# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A log that is gone (P07) or grows (P10), a step of the schema that is cut short (P08), writes that fail (P21), and budgets
changed while streams settle (M08)."""

import itertools
import os
import random
import shutil
import sqlite3
import threading
import time
from contextlib import closing

from audit import assert_consistent, query, usage
from events import ask, assert_whole, chat
from test_audit_faults import Load, stored
from wire import ADMIN, request, wait_until


def test_P10_a_reader_that_keeps_a_transaction_open_is_told_and_the_log_is_bounded_afterwards(make_sluice, tmp_path):
    path = tmp_path / "p10.db"
    gateway = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{path}")
    log = str(path) + "-wal"
    with closing(sqlite3.connect(path, timeout=20)) as reader, closing(sqlite3.connect(path, timeout=20)) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM audit").fetchall()
        # The load that makes the log grow comes from beside the gateway: 270 MB through it would take long.
        writer.execute("CREATE TABLE ballast (bytes BLOB)")
        for _ in range(9):
            with writer:
                writer.execute("INSERT INTO ballast VALUES (zeroblob(30000000))")
        assert os.path.getsize(log) > 256 << 20
        wait_until(lambda: "the write-ahead log is large" in gateway.log(), 10, "the alarm")
        stream = ask(gateway.address, "sim/story", 30, headers=[("X-Request-Id", "p10-1")])
        assert_whole(stream)
        gaps = [b - a for a, b in zip(stream.text_times, stream.text_times[1:], strict=False)]
        assert max(gaps) < 1.0, max(gaps)
        rows = "SELECT COUNT(*) FROM audit WHERE request_id = 'p10-1'"
        wait_until(lambda: query(path, rows) == [(1,)], 10, "the row is stored though the reader reads on")
        assert reader.execute(rows).fetchall() == [(0,)], "the reader's transaction is still open"
    assert gateway.log().count("the write-ahead log is large") == 1

    def is_small():
        assert gateway.post(chat("sim/echo", stream=False)).status == 200
        time.sleep(0.2)
        return os.path.getsize(log) <= 64 << 20

    wait_until(is_small, 20, "a log of at most 64 MiB, with the gateway still running")
    wait_until(lambda: gateway.get("/readyz", key=None).status == 200, 5, "ready")


def test_M08_a_budget_changed_200_times_loses_nothing_of_what_streams_use(make_sluice, tmp_path):
    path = tmp_path / "m08.db"
    gateway = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{path}")
    huge = 1_000_000_000
    made = request(
        gateway.address, "POST", "/admin/keys", {"name": "k", "organization": "o", "limits": {"tokens_per_day": huge}}, key=ADMIN
    ).json()
    streams, lock = [], threading.Lock()

    def talk():
        for _ in range(2):
            stream = ask(gateway.address, "sim/story", 60, key=made["key"], max_tokens=40)
            with lock:
                streams.append(stream)

    threads = [threading.Thread(target=talk, daemon=True) for _ in range(25)]
    for thread in threads:
        thread.start()

    def change(**members):
        answer = request(gateway.address, "PATCH", f"/admin/keys/{made['id']}", members, key=ADMIN)
        assert answer.status == 200, answer

    for number in range(200):
        change(name=f"k{number}", limits={"tokens_per_day": huge + number, "requests_per_minute": 1_000_000})
    for thread in threads:
        thread.join(60)
    assert len(streams) == 50 and all(stream.done == 1 for stream in streams)

    def total():
        return [(one["requests"], one["input_tokens"] + one["output_tokens"]) for one in usage(gateway, group_by="key")]

    wait_until(lambda: [count for count, _ in total()] == [50], 10, "all rows are stored")
    used = total()[0][1]
    assert used > 50
    assert_consistent(path)
    # The counter is where the sum is: a budget of what was used has no room left, and one of a little more has.
    fields = {"stream": False, "max_tokens": 10}
    change(limits={"tokens_per_day": used})
    assert gateway.post(chat("sim/echo", **fields), key=made["key"]).status == 429
    change(limits={"tokens_per_day": used + 30})
    assert gateway.post(chat("sim/echo", **fields), key=made["key"]).status == 200
    # M04: nor does a sudden end give anything back, when counts are in the process.
    wait_until(lambda: total()[0][1] > used, 10, "the last row is stored")
    change(limits={"tokens_per_day": total()[0][1]})
    gateway.kill()
    again = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{path}")
    assert again.post(chat("sim/echo", **fields), key=made["key"]).status == 429
    request(again.address, "PATCH", f"/admin/keys/{made['id']}", {"limits": {"tokens_per_day": huge}}, key=ADMIN)
    assert again.post(chat("sim/echo", **fields), key=made["key"]).status == 200


def test_P21_a_disk_that_fails_again_and_again_at_any_write_loses_and_doubles_nothing(make_sluice, disk):
    control, environment = disk
    gateway = make_sluice(auth={"admin_key": ADMIN}, options={"env": environment})
    path = gateway.config.parent / "sluice.db"
    load = Load(gateway.address, 16, tokens=(1, 10))
    dice = random.Random(21)
    for _ in range(200):
        control.write_text("full")
        time.sleep(dice.uniform(0.0, 0.02))
        control.unlink()
        time.sleep(dice.uniform(0.0, 0.02))
    load.stop()
    gateway.assert_healthy()
    assert len(load.ended) > 30 and not load.refused and load.percentile(0.99) < 0.5
    assert "storage fails" in gateway.log(), "no write has failed"
    wait_until(lambda: set(load.ended) <= stored(path), 20, "all rows")
    assert_consistent(path)


def tables(path):
    return {name for (name,) in query(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_P07_a_log_that_is_gone_after_kill_9_leaves_a_sound_file_of_an_earlier_moment(make_sluice):
    first = make_sluice(auth={"admin_key": ADMIN})
    path = first.config.parent / "sluice.db"
    ask_named(first, "p07-kept", path)
    first.terminate()
    second = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{path}")
    for number in range(20):
        ask_named(second, f"p07-lost-{number}", path)
    second.kill()
    os.remove(f"{path}-wal")
    third = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{path}")
    # What was never put into the file is lost, all of it together; the sums are those of the rows that are left.
    assert stored(path) == {"p07-kept"}
    assert_consistent(path)
    ask_named(third, "p07-new", path)
    assert stored(path) == {"p07-kept", "p07-new"}
    assert_consistent(path)
    assert third.get("/readyz", key=None).status == 200


def ask_named(gateway, name, path):
    assert gateway.post(chat("sim/echo", stream=False), headers=[("X-Request-Id", name)]).status == 200
    wait_until(lambda: name in stored(path), 10, f"the row of {name}")


def test_P08_kill_9_at_any_write_of_the_steps_leaves_the_old_version_or_the_new_one(make_sluice, disk, tmp_path):
    control, environment = disk
    gateway = make_sluice(auth={"admin_key": ADMIN})
    path = gateway.config.parent / "sluice.db"
    ask_named(gateway, "p08-1", path)
    gateway.terminate()
    whole, (latest,) = tables(path), query(path, "SELECT version FROM schema_version")[0]
    later = {"chat_messages", "chat_sessions", "document_contents", "documents"}
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in sorted(later):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE audit DROP COLUMN response_headers")
        connection.execute("UPDATE schema_version SET version = 1")
    outcomes = []
    for number in itertools.count(1):
        copy = tmp_path / f"p08-{number}.db"
        copy.write_bytes(path.read_bytes())
        control.write_text(f"kill {number}")
        try:
            survivor = make_sluice(database_url=f"sqlite:{copy}", options={"env": environment})
        except AssertionError as failure:
            assert "did not get ready" in str(failure)
        else:
            survivor.kill()
            break
        finally:
            control.unlink()
        look = tmp_path / "look.db"
        for end in ("", "-wal"):
            if os.path.exists(f"{copy}{end}"):
                shutil.copy(f"{copy}{end}", f"{look}{end}")
        with closing(sqlite3.connect(look)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        outcomes.append(query(look, "SELECT version FROM schema_version")[0][0])
        assert (outcomes[-1], tables(look)) in [(1, whole - later), (latest, whole)]
        again = make_sluice(auth={"admin_key": ADMIN}, database_url=f"sqlite:{copy}")
        assert query(copy, "SELECT version FROM schema_version") == [(latest,)] and tables(copy) == whole
        assert stored(copy) == {"p08-1"}, "what was there before is there still"
        assert request(again.address, "POST", "/api/v1/chat/sessions", {"title": "t", "model": "sim/echo"}).status == 201
        assert again.terminate() == 0
    assert len(outcomes) > 5 and outcomes[0] == 1, outcomes
