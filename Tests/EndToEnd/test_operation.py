# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Running it: readiness, metrics, drain, signals, bad settings, ports, descriptors, logs."""

import os
import re
import resource
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from checks import memory_bound
from events import ask, assert_whole, read_stream
from gateway import BINARY, READY, settings, yaml
from wire import Closed, Silent, render, wait_until


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/health/liveliness", "/readyz", "/health/readiness"])
def test_health_needs_no_key(sluice, path):
    assert sluice.get(path, key=None).status == 200


METRICS = [
    "sluice_streams_active",
    "sluice_upstream_transfers_active",
    "sluice_requests_total",
    "sluice_first_token_seconds",
    "sluice_overhead_seconds",
    "sluice_loop_lag_seconds",
    "sluice_output_buffered_bytes",
    "sluice_upstream_events_malformed_total",
]


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_there_by_name_with_its_type(sluice, name):
    ask(sluice.address, "ok")
    text = sluice.get("/metrics").body.decode()
    assert re.search(rf"^# TYPE {name} (counter|gauge|histogram|summary)$", text, re.M), name
    assert re.search(rf"^{name}(_count|_bucket)?(\{{| )", text, re.M), name


def test_metrics_follow_the_streams(sluice):
    labels = {"provider": "scripted", "model": "ok", "outcome": "completed"}
    before = sluice.metric("sluice_requests_total", **labels)
    with sluice.open_stream("fault-endless") as connection:
        read_stream(connection, until=lambda so_far: so_far.text)
        assert sluice.metric("sluice_streams_active") == 1
        assert sluice.metric("sluice_upstream_transfers_active") == 1
    ask(sluice.address, "ok")
    wait_until(sluice.idle)
    assert sluice.metric("sluice_requests_total", **labels) == before + 1


def test_X17_a_label_is_never_what_a_client_made_up(sluice):
    for number in range(20):
        ask(sluice.address, f"made-up-{number}")
    assert "made-up" not in sluice.get("/metrics").body.decode()


def test_every_request_has_one_line_in_the_log_with_its_id(sluice):
    headers = [("X-Request-Id", "find-me-1")]
    ask(sluice.address, "ok", headers=headers)
    wait_until(lambda: "find-me-1" in sluice.log(), what="the access line")


# Signals and drain


def test_K01_sigterm_ends_an_idle_gateway_at_once(make_sluice):
    gateway = make_sluice()
    started = time.monotonic()
    assert gateway.terminate() == 0
    assert time.monotonic() - started < 1


def test_K02_sigterm_lets_streams_finish_and_refuses_new_work(make_sluice):
    gateway = make_sluice()
    streams = [gateway.open_stream("ok-slow", metadata={"delay": "0.1", "count": "20"}) for _ in range(20)]
    kept = gateway.connect()
    kept.send(render("GET", "/healthz"))
    assert kept.response().status == 200
    time.sleep(0.3)
    gateway.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    kept.send(render("GET", "/readyz"))
    try:
        answer = kept.response(timeout=2)
        assert answer.status == 503 or answer.header("connection").lower() == "close"
    except Closed:
        pass  # an idle connection may be closed at once
    for connection in streams:
        assert_whole(read_stream(connection), "".join(f"{n} " for n in range(20)))
    assert gateway.process.wait(5) == 0


def test_K02_a_draining_gateway_gives_its_port_up_at_once(make_sluice):
    gateway = make_sluice()
    kept = gateway.connect()
    with gateway.open_stream("ok-slow", 20, metadata={"delay": "0.1", "count": "40"}) as connection:
        kept.send(render("GET", "/readyz"))
        assert kept.response().status == 200
        read = read_stream(connection, until=lambda so_far: so_far.text)
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "draining" in gateway.log(), what="the drain")
        with pytest.raises(ConnectionRefusedError):
            gateway.connect()
        kept.send(render("GET", "/readyz"))
        answer = kept.response()
        assert answer.status == 503 and answer.header("connection").lower() == "close"
        assert kept.is_closed()
        # The later --listen is the one that counts.
        successor = make_sluice(["--listen", "%s:%d" % gateway.address])
        assert successor.address == gateway.address
        assert_whole(ask(successor.address, "ok"))
        for at, data in connection.chunks(read.response, 15):
            read.feed(at, data)
        assert_whole(read)
    assert gateway.process.wait(5) == 0


def test_K03_streams_longer_than_the_drain_deadline_are_told(make_sluice):
    gateway = make_sluice(drain_timeout="1s")
    streams = [gateway.open_stream("fault-endless") for _ in range(5)]
    time.sleep(0.3)
    started = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    for connection in streams:
        stream = read_stream(connection)
        assert stream.complete and stream.done == 0
        assert [error["code"] for error in stream.errors] == ["server_shutting_down"]
    assert gateway.process.wait(5) == 0
    assert 0.7 < time.monotonic() - started < 3


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_K04_a_second_signal_ends_at_once(make_sluice, second):
    gateway = make_sluice()
    with gateway.open_stream("fault-endless") as connection:
        read_stream(connection, until=lambda so_far: so_far.text)
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert gateway.alive, "it did not wait for its stream"
        started = time.monotonic()
        gateway.process.send_signal(second)
        gateway.process.wait(3)
        assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "number", [signal.SIGPIPE, signal.SIGWINCH, signal.SIGHUP], ids=lambda number: number.name
)
def test_K13_a_stray_signal_ends_nothing(make_sluice, number):
    gateway = make_sluice()
    with gateway.open_stream("ok-slow", metadata={"delay": "0.05", "count": "10"}) as connection:
        time.sleep(0.1)
        gateway.process.send_signal(number)
        assert_whole(read_stream(connection))
    gateway.assert_healthy()


def test_K07_a_port_in_use_is_told_within_a_second(sluice, tmp_path):
    config = tmp_path / "sluice.yaml"
    config.write_text(sluice.config.read_text())
    started = time.monotonic()
    command = [BINARY, "serve", "--config", config, "--listen", "%s:%d" % sluice.address]
    second = subprocess.run(command, capture_output=True, text=True, timeout=5, cwd=tmp_path)
    assert second.returncode not in (0, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGILL, -signal.SIGTRAP)
    assert time.monotonic() - started < 1
    assert second.stderr.strip() and not READY.search(second.stderr)
    sluice.assert_healthy()


# Settings


def check(path):
    return subprocess.run([BINARY, "check", path], capture_output=True, text=True, timeout=5)


def test_K08_good_settings_pass_the_check(upstream, tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(yaml(settings(upstream)))
    result = check(path)
    assert result.returncode == 0, result.stderr


BAD_SETTINGS = {
    "unknown key": ("limits:\n  max_bodi: 1MiB\n", 2, "max_bodi"),
    "bad duration": ("limits:\n  max_body: 1MiB\n  header_timeout: soon\n", 3, "header_timeout"),
    "bad size": ("limits:\n  max_body: 12parsecs\n", 2, "max_body"),
    "bad YAML": ("limits:\n  max_body: [1MiB\nauth: }\n", None, ""),
    "unknown provider kind": ("providers:\n  - name: a\n    kind: teapot\n", 3, "kind"),
    "a deployment on no provider": (
        "models:\n  - name: m\n    deployments:\n      - {provider: nobody, model: x}\n",
        4,
        "nobody",
    ),
    "missing variable": (
        "providers:\n  - {name: a, kind: openai, api_key: '${NO_SUCH_NAME}'}\n",
        2,
        "NO_SUCH_NAME",
    ),
    "a number for a mapping": ("auth: 5\n", 1, "auth"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS, ids=lambda name: name.replace(" ", "-"))
def test_K08_bad_settings_are_named_with_their_line(tmp_path, name):
    text, line, word = BAD_SETTINGS[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = check(path)
    assert result.returncode > 0, "a crash or a pass"
    told = result.stderr + result.stdout
    assert word in told
    if line:
        assert re.search(rf"bad\.yaml:{line}\b|line {line}\b", told), told
    served = subprocess.run(
        [BINARY, "serve", "--config", path, "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=5,
    )
    assert served.returncode > 0 and word in served.stderr


def test_K08_a_check_prints_no_secret(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("auth: {enabled: true, keys: [sk-very-secret], nonsense: 1}\n")
    result = check(path)
    assert result.returncode > 0 and "sk-very-secret" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "name, text", [("redis_url", "redis://h:99999"), ("redis_url", "redis://u:p@h:6379/x"), ("database_url", "mysql://h/d")])
def test_a_check_finds_addresses_that_a_start_would_refuse(tmp_path, name, text):
    path = tmp_path / "bad.yaml"
    path.write_text(f"{name}: {text}\n")
    result = check(path)
    assert result.returncode == 78 and name in result.stderr and "u:p" not in result.stderr, result


def test_closed_standard_descriptors_are_not_used_for_anything_else(tmp_path):
    (tmp_path / "quiet.yaml").write_text("listen: 127.0.0.1:0\ndatabase_url: none\n")
    started = subprocess.Popen(
        ["sh", "-c", f"exec {BINARY} serve --config quiet.yaml <&- >&- 2>&-"], cwd=tmp_path)
    try:
        wait_until(lambda: len(os.listdir(f"/proc/{started.pid}/fd")) > 6, 10, "it runs")
        assert {os.readlink(f"/proc/{started.pid}/fd/{number}") for number in range(3)} == {"/dev/null"}
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_answer_on_standard_output(arguments):
    result = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=5)
    assert result.returncode == 0 and "sluice" in result.stdout.lower()


@pytest.mark.parametrize("arguments", [["no-such-command"], ["serve", "--no-such-flag"]])
def test_a_wrong_command_line_exits_as_sysexits_says(arguments):
    result = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=5)
    assert result.returncode == 64 and result.stderr.strip()


def test_E1_it_starts_with_no_settings_at_all(tmp_path):
    log = tmp_path / "stderr.log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with open(log, "wb") as sink:
        process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0"], cwd=tmp_path, stderr=sink, env=environment
        )
    try:
        host, port = wait_until(lambda: READY.search(log.read_text()), 10, "ready").groups()
        assert_whole(ask((host, int(port)), "sim/story", key=None))
    finally:
        process.terminate()
        assert process.wait(5) == 0


# Resources


def test_K11_a_log_pipe_that_nobody_reads_stalls_nothing(make_sluice):
    gateway = make_sluice()
    # The same settings once more, now with a full pipe as standard error; its port is known beforehand.
    port = gateway.address[1]
    assert gateway.terminate() == 0
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"." * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    command = [BINARY, "serve", "--config", gateway.config, "--listen", f"127.0.0.1:{port}"]
    environment = {**os.environ, "SLUICE_LOG_LEVEL": "debug"}
    process = subprocess.Popen(command, stderr=writer, env=environment, cwd=gateway.config.parent)
    try:
        address = ("127.0.0.1", port)

        def up():
            try:
                return bool(ask(address, "ok", 2).done)
            except (ConnectionRefusedError, Closed, Silent):
                return False

        wait_until(up, 10, "a first answer")
        started = time.monotonic()
        for _ in range(300):
            assert_whole(ask(address, "ok", 3))
        assert time.monotonic() - started < 15
    finally:
        process.terminate()
        code = process.wait(5)
        os.close(reader)
        os.close(writer)
    assert code == 0


def test_Z04_K09_running_out_of_descriptors_spins_nothing_and_heals(make_sluice):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    gateway = make_sluice(options={"preexec_fn": few})
    streaming = gateway.open_stream("ok-slow", 20, metadata={"delay": "0.1", "count": "35"})
    read = read_stream(streaming, until=lambda so_far: so_far.text)
    crowd = [gateway.connect(3) for _ in range(150)]
    time.sleep(0.3)
    cpu, lines = gateway.cpu(), len(gateway.log())
    time.sleep(2)
    assert gateway.cpu() - cpu < 0.4, "it spins"
    assert len(gateway.log()) - lines < 100_000, "it floods its log"
    for connection in crowd:
        connection.close()
    for at, data in streaming.chunks(read.response, 15):
        read.feed(at, data)
    assert_whole(read)
    streaming.close()

    def answers():
        try:
            return gateway.get("/healthz", timeout=2).status == 200
        except (Closed, Silent, OSError):
            return False

    wait_until(answers, 5, "service again")
    assert_whole(ask(gateway.address, "ok"))


def test_more_clients_than_descriptors_wait_their_turn(make_sluice):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    gateway = make_sluice(options={"preexec_fn": few})
    assert "limits.max_connections is 18 instead of 5000" in gateway.log()
    with ThreadPoolExecutor(60) as pool:
        fields = {"metadata": {"delay": "0.05", "count": "5"}}
        streams = [pool.submit(ask, gateway.address, "ok-slow", 30, **fields) for _ in range(60)]
        for stream in streams:
            assert_whole(stream.result())
    assert not gateway.metric("sluice_connections_refused_total", reason="accept_failed")


def test_Z03_an_idle_gateway_uses_no_cpu(sluice):
    wait_until(sluice.idle)
    before = sluice.cpu()
    time.sleep(1.5)
    assert sluice.cpu() - before < 0.05


def test_Z01_Z02_a_thousand_streams_leave_no_descriptor_and_little_memory(sluice):
    def burst(count):
        for _ in range(count):
            assert_whole(ask(sluice.address, "ok"))

    burst(300)
    wait_until(sluice.idle)
    fds, rss = sluice.fds(), sluice.rss()
    burst(1000)
    wait_until(sluice.idle)
    assert sluice.fds() <= fds + 2
    assert sluice.rss() - rss < memory_bound(2_000_000)
