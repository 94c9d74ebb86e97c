# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Fixtures: upstreams of every kind, databases, one gateway with generous limits, and a maker of special ones."""

import itertools
import os
import uuid
from pathlib import Path

import pytest

import matrix
from extraction import Extractor
from gateway import BINARY, Process, ScriptedUpstream, Sluice, compiled, settings
from raw_upstream import RawUpstream
from replies import Replies
from stores import Postgres, Redis


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    process = ScriptedUpstream(tmp_path_factory.mktemp("upstream"))
    yield process
    process.kill()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory):
    """The simulator, which answers as every provider does."""
    command = [BINARY, "simulate", "--delay", "0", "--listen", "127.0.0.1:0"]
    process = Process(command, tmp_path_factory.mktemp("simulator") / "stderr.log")
    yield process
    process.kill()


@pytest.fixture(scope="module")
def replies():
    """An upstream that answers with what a test has written down."""
    server = Replies()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def raw():
    """An upstream that is scripted byte by byte."""
    server = RawUpstream()
    yield server
    server.close()


@pytest.fixture(scope="module")
def extractor():
    """A model that reads documents, and hangs or fails where a document says so."""
    server = Extractor()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sluice(upstream, tmp_path_factory):
    """A gateway with generous limits, shared by all tests that leave it as they found it."""
    process = Sluice(tmp_path_factory.mktemp("sluice"), settings(upstream))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def make_sluice(upstream, tmp_path_factory):
    """Starts gateways with settings of their own; each ends by SIGTERM and must exit with 0."""
    started = []

    def make(arguments=(), options=None, **changes):
        directory = tmp_path_factory.mktemp("sluice")
        process = Sluice(directory, settings(upstream, **changes), arguments, **(options or {}))
        started.append(process)
        return process

    yield make
    failures = []
    for process in started:
        if process.process.returncode is None:
            try:
                process.stop()
            except AssertionError as failure:
                failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture(scope="session")
def strict_settings():
    """Deadlines short enough to wait for."""
    return {
        "limits": {
            "header_timeout": "1s",
            "body_timeout": "1s",
            "idle_timeout": "1s",
            "max_body": "32MiB",
            "max_unauthenticated_body": "64KiB",
        }
    }


@pytest.fixture(scope="module")
def strict(make_sluice, strict_settings):
    """A gateway whose deadlines are one second each."""
    return make_sluice(**strict_settings)


@pytest.fixture(scope="session")
def postgres_server():
    """A Postgres server, shared: for tests that leave it running."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture
def postgres(postgres_server):
    """The address of an empty Postgres database."""
    return postgres_server.database()


@pytest.fixture(scope="module")
def make_database(request, tmp_path_factory):
    """Makes the address of an empty database, of `sqlite` or `postgres`."""

    def make(kind):
        if kind == "postgres":
            return request.getfixturevalue("postgres_server").database()
        return f"sqlite:{tmp_path_factory.mktemp('database')}/sluice.db"

    return make


@pytest.fixture
def own_postgres():
    """A Postgres server that the test may stop."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture
def redis(tmp_path):
    """A Redis server that the test may stop; empty."""
    server = Redis(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def disk_library(tmp_path_factory):
    """The faulty disk, compiled."""
    return compiled("faulty_disk", tmp_path_factory.mktemp("disk"))


@pytest.fixture
def disk(disk_library, tmp_path):
    """Environment of a gateway on a disk, and the file that says what is wrong with it."""
    control = tmp_path / "disk"
    return control, {**os.environ, "LD_PRELOAD": str(disk_library), "FAULTY_DISK": str(control)}


@pytest.fixture
def tag():
    """Makes names by which upstream's books tell one request from another."""
    prefix, numbers = uuid.uuid4().hex[:8], itertools.count()
    return lambda: f"{prefix}-{next(numbers)}"


def pytest_terminal_summary(terminalreporter):
    """Prints the matrix, and writes it to the file that `SLUICE_MATRIX_FILE` names."""
    outcomes = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for key, cell in getattr(report, "user_properties", []):
                if key == "matrix" and (report.when == "call" or report.failed):
                    outcomes.setdefault(tuple(cell), []).append(report.outcome)
    if not outcomes:
        return
    lines = matrix.table(outcomes)
    terminalreporter.section("doors and providers")
    for line in lines:
        terminalreporter.write_line(line)
    if path := os.environ.get("SLUICE_MATRIX_FILE"):
        Path(path).write_text("\n".join(lines) + "\n")
