# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The database behind the gateway: how it is opened, what happens when it fails, and that streams do not notice."""

import os
import signal
import sqlite3
import subprocess
import time

import pytest

from events import ask, assert_whole, read_stream
from gateway import BINARY, Sluice, settings, yaml
from wire import wait_until

SECRET = "secret-of-the-test"


def run(directory, url, **options):
    """What a gateway that cannot start says: exit code and text."""
    (directory / "sluice.yaml").write_text("simulator: true\n")
    command = [BINARY, "serve", "--config", directory / "sluice.yaml", "--listen", "127.0.0.1:0"]
    environment = {**os.environ, **({"SLUICE_DATABASE_URL": url} if url else {})}
    done = subprocess.run(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, **options
    )
    return done.returncode, done.stderr


def database(gateway):
    return gateway.config.parent / "sluice.db"


def is_ready(gateway):
    return gateway.get("/readyz", key=None).status == 200


def not_ready(gateway):
    answer = gateway.get("/readyz", key=None)
    return answer.status == 503 and answer.json() == {"status": "storage_unavailable"}


def test_the_file_is_made_and_only_its_owner_may_read_it(make_sluice):
    gateway = make_sluice()
    assert database(gateway).stat().st_mode & 0o777 == 0o600
    assert is_ready(gateway)
    wait_until(lambda: gateway.metric("sluice_storage_up", engine="sqlite") == 1, what="the gauge")
    assert gateway.terminate() == 0
    names = sorted(path.name for path in database(gateway).parent.glob("sluice.db*"))
    assert names == ["sluice.db"], "the log is put into the file at the end"
    with sqlite3.connect(database(gateway)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_without_storage_there_is_no_file_and_it_is_ready(make_sluice):
    gateway = make_sluice(database_url="none")
    assert is_ready(gateway)
    assert not database(gateway).exists()
    assert_whole(ask(gateway.address, "ok"))


def test_P01_kill_9_leaves_a_sound_file(make_sluice):
    gateway = make_sluice()
    gateway.process.kill()
    gateway.process.wait()
    with sqlite3.connect(database(gateway)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT version FROM schema_version").fetchone()[0] >= 1


def test_P04_a_locked_database_does_not_touch_streams(make_sluice):
    gateway = make_sluice()
    other = sqlite3.connect(database(gateway), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    streams = [gateway.open_stream("ok-slow", metadata={"delay": "0.1", "count": "20"}) for _ in range(10)]
    for connection in streams:
        assert_whole(read_stream(connection), "".join(f"{n} " for n in range(20)))
    gateway.assert_healthy()
    other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: is_ready(gateway), 20, "the gateway is ready again")


def test_P04_a_database_that_stays_locked_at_the_start_is_told(tmp_path):
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    code, said = run(tmp_path, "sqlite:a.db")
    assert code == 69 and "a.db" in said and "locked" in said, said
    other.close()


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.fixture
def foreign_directory(tmp_path_factory):
    """A directory that belongs to root, for a gateway that runs as somebody else."""
    if os.getuid() != 0:
        pytest.skip("only root can run a gateway as somebody else")
    directory = subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip()
    os.chmod(directory, 0o755)
    probe = subprocess.run([BINARY, "--version"], preexec_fn=as_nobody, capture_output=True)
    if probe.returncode != 0:
        pytest.skip("the binary is where others may not run it")
    from pathlib import Path

    yield Path(directory)
    subprocess.run(["rm", "-rf", directory], check=True)


def test_P05_a_named_database_that_cannot_be_written_ends_the_start(foreign_directory):
    code, said = run(foreign_directory, "sqlite:a.db", preexec_fn=as_nobody)
    assert code == 73 and said.count("\n") == 1 and "a.db" in said, said
    made = subprocess.run([BINARY, "serve"], preexec_fn=as_nobody, cwd=foreign_directory, capture_output=True,
        env={"SLUICE_DATABASE_URL": "sqlite:/nowhere/a.db", "SLUICE_LISTEN": "127.0.0.1:0"}, text=True, timeout=20)
    assert made.returncode == 73 and "/nowhere/a.db" in made.stderr, made.stderr


def test_P05_a_read_only_file_ends_the_start_and_stays_as_it_is(foreign_directory):
    path = foreign_directory / "a.db"
    sqlite3.connect(path).close()
    path.touch()
    path.chmod(0o444)
    before = path.read_bytes()
    code, said = run(foreign_directory, "sqlite:a.db", preexec_fn=as_nobody)
    assert code == 73 and said.count("\n") == 1 and "a.db" in said, said
    assert path.read_bytes() == before


def test_P05_the_default_file_is_done_without_where_it_cannot_be_made(foreign_directory, upstream):
    environment = {key: value for key, value in os.environ.items() if key != "SLUICE_DATABASE_URL"}
    (foreign_directory / "sluice.yaml").write_text(yaml(settings(upstream)))
    from gateway import Process

    command = [BINARY, "serve", "--config", foreign_directory / "sluice.yaml", "--listen", "127.0.0.1:0"]
    gateway = Process(
        command, foreign_directory / "stderr.log", cwd=foreign_directory, env=environment, preexec_fn=as_nobody
    )
    try:
        assert "nothing is stored" in gateway.log()
        assert_whole(ask(gateway.address, "ok"))
    finally:
        gateway.kill()


def test_P06_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "a.db").write_bytes(os.urandom(20000))
    before = (tmp_path / "a.db").read_bytes()
    code, said = run(tmp_path, "sqlite:a.db")
    assert code == 65 and said.count("\n") == 1 and "restore it from a backup" in said, said
    assert (tmp_path / "a.db").read_bytes() == before


def test_P06_a_damaged_page_is_found_at_the_start(make_sluice, tmp_path):
    gateway = make_sluice()
    gateway.terminate()
    data = bytearray(database(gateway).read_bytes())
    data[8192:12288] = b"\xa5" * 4096
    (tmp_path / "sluice.db").write_bytes(data)
    code, said = run(tmp_path, None)
    assert code == 65 and "restore it from a backup" in said, said
    assert (tmp_path / "sluice.db").read_bytes() == bytes(data)


def test_P06_an_empty_file_is_a_new_database(tmp_path, upstream):
    (tmp_path / "sluice.db").touch()
    gateway = Sluice(tmp_path, settings(upstream))
    assert is_ready(gateway)
    gateway.stop()


def test_P07_a_log_of_another_database_is_not_mixed_in(make_sluice, tmp_path, upstream):
    donor = make_sluice()
    donor.process.kill()
    donor.process.wait()
    log = database(donor).with_name("sluice.db-wal")
    gateway = make_sluice()
    gateway.terminate()
    (tmp_path / "sluice.db").write_bytes(database(gateway).read_bytes())
    (tmp_path / "sluice.db-wal").write_bytes(log.read_bytes() if log.exists() else b"")
    again = Sluice(tmp_path, settings(upstream))
    again.stop()
    with sqlite3.connect(tmp_path / "sluice.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_P08_a_newer_schema_is_refused_and_left_as_it_is(make_sluice, tmp_path):
    gateway = make_sluice()
    gateway.terminate()
    path = tmp_path / "sluice.db"
    path.write_bytes(database(gateway).read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_version SET version = 999")
    connection.close()
    before = path.read_bytes()
    code, said = run(tmp_path, None)
    assert code == 65 and "999" in said and "newer" in said, said
    assert path.read_bytes() == before


def test_P09_two_gateways_on_one_file_both_work(make_sluice, tmp_path):
    gateways = [make_sluice(database_url=f"sqlite:{tmp_path}/shared.db") for _ in range(2)]
    for gateway in gateways:
        assert is_ready(gateway)
        assert_whole(ask(gateway.address, "ok"))


def test_P12_a_file_that_is_gone_is_noticed_and_used_again_when_it_is_back(make_sluice):
    gateway = make_sluice()
    path = database(gateway)
    path.rename(path.with_name("elsewhere.db"))
    wait_until(lambda: not_ready(gateway), 15, "the gateway notices")
    assert "storage fails" in gateway.log()
    wait_until(lambda: gateway.metric("sluice_storage_up") == 0, what="the gauge")
    assert_whole(ask(gateway.address, "ok"))
    path.with_name("elsewhere.db").rename(path)
    wait_until(lambda: is_ready(gateway), 15, "the gateway uses it again")
    assert "storage works again" in gateway.log()


def test_E3_a_database_that_hangs_does_not_hold_up_a_second_signal(make_sluice, own_postgres):
    gateway = make_sluice(database_url=own_postgres.database())
    wait_until(lambda: is_ready(gateway), 15, "Postgres is reached")
    own_postgres.signal(signal.SIGSTOP)
    gateway.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    if gateway.alive:
        gateway.process.send_signal(signal.SIGTERM)
    gateway.process.wait(5)


def test_postgres_is_set_up_and_used(make_sluice, postgres_server, postgres):
    gateway = make_sluice(database_url=postgres)
    wait_until(lambda: is_ready(gateway), 15, "Postgres is reached")
    assert postgres_server.query("SELECT version FROM schema_version", postgres)[0][0] != "0"
    wait_until(lambda: gateway.metric("sluice_storage_up", engine="postgres") == 1, what="the gauge")
    assert gateway.terminate() == 0
    assert SECRET not in gateway.log()


def test_many_gateways_may_start_at_once_on_an_empty_database(make_sluice, postgres):
    gateways = [make_sluice(database_url=postgres) for _ in range(4)]
    for gateway in gateways:
        wait_until(lambda: is_ready(gateway), 15, "Postgres is reached")


def test_P13_a_server_that_is_not_there_makes_it_unready_and_streams_go_on(make_sluice, own_postgres):
    url = own_postgres.database()
    gateway = make_sluice(database_url=url)
    wait_until(lambda: is_ready(gateway), 15, "Postgres is reached")
    # A sudden end, as of kill -9, and a new start on the same port.
    parent = own_postgres.pids[0]
    os.kill(parent, signal.SIGQUIT)
    wait_until(lambda: not_ready(gateway), 15, "its end is noticed")
    assert_whole(ask(gateway.address, "ok"))
    restart(own_postgres)
    wait_until(lambda: is_ready(gateway), 20, "Postgres is reached again")
    assert SECRET not in gateway.log()


def restart(server):
    command = ["bash", "-c", 'exec "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_ctl" "$@"', "pg_ctl"]
    options = f"-p {server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={server.directory} -c fsync=off"
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    log = ["-l", server.directory / "server.log"]
    subprocess.run(
        [*user, *command, "-D", server.directory / "data", "-w", *log, "-o", options, "start"],
        check=True, cwd=server.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )


def test_P13_a_server_that_stands_still_is_noticed_and_streams_go_on(make_sluice, own_postgres):
    gateway = make_sluice(database_url=own_postgres.database())
    wait_until(lambda: is_ready(gateway), 15, "Postgres is reached")
    own_postgres.signal(signal.SIGSTOP)
    try:
        assert_whole(ask(gateway.address, "ok"))
        wait_until(lambda: not_ready(gateway), 30, "the standstill is noticed")
        gateway.assert_healthy()
    finally:
        own_postgres.signal(signal.SIGCONT)
    wait_until(lambda: is_ready(gateway), 30, "Postgres is reached again")


def test_P14_a_server_that_is_down_at_the_start_is_waited_for(make_sluice, upstream):
    url = f"postgresql://u:{SECRET}@127.0.0.1:{upstream.closed_port}/x"
    gateway = make_sluice(database_url=url)
    assert not_ready(gateway)
    assert gateway.get("/healthz", key=None).status == 200
    assert_whole(ask(gateway.address, "ok"))
    wait_until(lambda: "storage fails" in gateway.log(), what="the log line")
    assert SECRET not in gateway.log()


def test_P14_a_name_that_nobody_knows_does_not_hold_the_loop(make_sluice):
    gateway = make_sluice(database_url=f"postgresql://u:{SECRET}@no-such-host.invalid/x")
    assert not_ready(gateway)
    gateway.assert_healthy(0.5)
    wait_until(lambda: gateway.metric("sluice_loop_lag_seconds_count") >= 5, what="some looks at the clock")
    assert gateway.metric("sluice_loop_lag_seconds_sum") < 1


def test_an_address_that_means_nothing_is_an_error_of_the_settings(tmp_path):
    for url in [f"mysql://u:{SECRET}@h/d", "sqlite::memory:", f"postgres://u:{SECRET}@h/d?nonsense=1"]:
        code, said = run(tmp_path, url)
        assert code == 78 and SECRET not in said, said
