# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Starts, watches and stops processes: the gateway under test and the scripted upstream."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from wire import KEY, Connection, render, request, wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SLUICE_BINARY", ROOT / ".build/release/sluice")).resolve()
READY = re.compile(r"listening on http:\\?/\\?/([0-9.]+):(\d+)")
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/*-]*")


def yaml(value, indent=0):
    """The value as block YAML, such as a person would write."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            nested = isinstance(item, dict | list) and item
            lines.append(
                f"{pad}{key}:" + ("\n" + yaml(item, indent + 2) if nested else " " + scalar(item) + "\n")
            )
        return "".join(lines)
    if isinstance(value, list) and value:
        return "".join(f"{pad}- {yaml(item, indent + 2).lstrip()}" for item in value)
    return f"{pad}{scalar(value)}\n"


def scalar(value):
    reserved = ("true", "false", "null", "yes", "no", "on", "off")
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in reserved:
        return value
    return json.dumps(value)


def merge(base, changes):
    """The settings with the changes laid over them, mapping by mapping."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def settings(upstream, **changes):
    """A settings file's content: the scripted upstream under every script's name, and the simulator."""
    from upstream import MODES

    base_url = f"http://{upstream.address[0]}:{upstream.address[1]}/v1"
    names = [*sorted(MODES), "fault-no-such-script"]
    base = {
        "auth": {"enabled": True, "keys": [KEY]},
        "limits": {
            "max_connections": 5000,
            "max_body": "32MiB",
            "max_headers": "64KiB",
            "header_timeout": "10s",
            "body_timeout": "20s",
            "idle_timeout": "75s",
        },
        "streaming": {"heartbeat_interval": "15s", "commit_after": "10s"},
        "providers": [
            {
                "name": "scripted",
                "kind": "openai-compatible",
                "base_url": base_url,
                "api_key": "sk-upstream-secret",
                "timeouts": {"connect": "2s", "first_byte": "30s", "idle": "30s"},
                "max_retries": 0,
            },
            {
                "name": "closed",
                "kind": "openai-compatible",
                "base_url": f"http://127.0.0.1:{upstream.closed_port}/v1",
                "api_key": "sk-upstream-secret",
                "max_retries": 0,
            },
            {
                "name": "nowhere",
                "kind": "openai-compatible",
                "base_url": "http://no-such-host.invalid/v1",
                "api_key": "sk-upstream-secret",
                "timeouts": {"connect": "1s"},
                "max_retries": 0,
            },
            {"name": "sim", "kind": "simulator"},
        ],
        "models": [
            *({"name": name, "deployments": [{"provider": "scripted", "model": name}]} for name in names),
            {"name": "alias", "deployments": [{"provider": "scripted", "model": "ok-alias-target"}]},
            {"name": "refused", "deployments": [{"provider": "closed", "model": "ok"}]},
            {"name": "unresolved", "deployments": [{"provider": "nowhere", "model": "ok"}]},
        ],
    }
    for provider in base["providers"]:
        if provider["name"] == "scripted":
            provider["timeouts"] = merge(provider["timeouts"], changes.pop("timeouts", {}))
    return merge(base, changes)


def compiled(name, directory):
    """A library to preload, made of the C file of that name which lies beside the tests."""
    compiler = next(filter(None, map(shutil.which, ("cc", "clang", "gcc"))), None)
    assert compiler, "no C compiler; the Swift toolchain brings clang"
    library, source = directory / f"{name}.so", Path(__file__).with_name(f"{name}.c")
    subprocess.run([compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Process:
    """A child that announces its address on a file, `listening on http://HOST:PORT`."""

    def __init__(self, command, output, ready_timeout=10.0, **options):
        self.output = Path(output)
        self.started = time.monotonic()
        with open(self.output, "wb") as sink:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, **{"stdout": sink, "stderr": sink, **options}
            )
        self.pid = self.process.pid
        try:
            wait_until(self.announced, ready_timeout, "the line `listening on`")
        except AssertionError:
            self.kill()
            raise AssertionError(f"{command[0]} did not get ready; it said:\n{self.log()[-3000:]}") from None
        host, port = READY.search(self.log()).groups()
        self.address = (host, int(port))

    def announced(self):
        assert self.process.poll() is None, f"exited with {self.process.returncode}:\n{self.log()[-3000:]}"
        return READY.search(self.log())

    def log(self):
        return self.output.read_text(errors="replace")

    @property
    def alive(self):
        return self.process.poll() is None

    def kill(self):
        if self.alive:
            self.process.kill()
        self.process.wait()

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss(self):
        """Resident memory in bytes."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no Rss line")

    def cpu(self):
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Sluice(Process):
    """The real binary with a settings file of its own."""

    def __init__(self, directory, content, arguments=(), **options):
        assert BINARY.is_file(), f"no binary at {BINARY}: build it, or name it by SLUICE_BINARY"
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "sluice.yaml"
        self.config.write_text(yaml(content))
        command = [BINARY, "serve", "--config", self.config, "--listen", "127.0.0.1:0", *arguments]
        strange = ("_API_KEY", "_BASE_URL", "SLUICE_BINARY", "SLUICE_INSTRUMENTED", "SLUICE_JSON_CASES")
        inherited = {k: v for k, v in os.environ.items() if not k.endswith(strange)}
        options = {"cwd": directory, "env": inherited, **options}
        if "database_url" not in content:
            # The environment is stronger than the file: a test that names a database in either has its own.
            options["env"] = {"SLUICE_DATABASE_URL": f"sqlite:{directory}/sluice.db", **options["env"]}
        super().__init__(command, directory / "stderr.log", **options)

    def connect(self, timeout=10.0, **options):
        return Connection(self.address, timeout, **options)

    def get(self, path, **options):
        return request(self.address, "GET", path, **options)

    def post(self, body, path="/v1/chat/completions", **options):
        return request(self.address, "POST", path, body, **options)

    def open_stream(self, model, timeout=10.0, receive_buffer=None, **fields):
        """A connection on which a streamed request has been sent."""
        from events import chat

        connection = Connection(self.address, timeout, receive_buffer)
        connection.send(render("POST", "/v1/chat/completions", chat(model, **fields)))
        return connection

    def metrics(self):
        """Every sample of /metrics: name with labels as written, to value."""
        answer = self.get("/metrics")
        assert answer.status == 200, answer
        lines = (line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in lines}

    def metric(self, name, **labels):
        """The sum over all samples of the name that carry these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for key, value in self.metrics().items()
            if key.partition("{")[0] == name and all(pair in key for pair in wanted)
        )

    def idle(self):
        """Whether no stream and no upstream transfer is left."""
        return not self.metric("sluice_streams_active") and not self.metric(
            "sluice_upstream_transfers_active"
        )

    def assert_healthy(self, worst=1.5):
        assert self.alive, f"the gateway died with {self.process.returncode}:\n{self.log()[-3000:]}"
        started = time.monotonic()
        answer = self.get("/healthz", key=None, timeout=worst + 1)
        taken = time.monotonic() - started
        assert answer.status == 200, answer
        assert taken < worst, f"/healthz took {taken:.2f} s"

    def terminate(self, timeout=10.0):
        """SIGTERM, then the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def stop(self):
        """Ends an idle gateway as an operator would."""
        if not self.alive:
            raise AssertionError(f"the gateway died with {self.process.returncode}:\n{self.log()[-3000:]}")
        try:
            code = self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end an idle gateway within 10 s") from None
        assert code == 0, f"SIGTERM ended it with {code}:\n{self.log()[-3000:]}"


class ScriptedUpstream(Process):
    """The scripted upstream in a process of its own."""

    def __init__(self, directory):
        super().__init__(
            [sys.executable, Path(__file__).with_name("upstream.py")], directory / "upstream.log"
        )
        self.closed_port = self.reserve()

    def reserve(self):
        """A port on which nothing listens: held, but never listened on."""
        import socket

        self.holder = socket.socket()
        self.holder.bind(("127.0.0.1", 0))
        return self.holder.getsockname()[1]

    def stats(self):
        return request(self.address, "GET", "/stats", key=None).json()

    def last(self, model):
        """The last request for the model as upstream received it; headers as a mapping."""
        seen = request(self.address, "GET", f"/last?model={model}", key=None).json()
        assert seen, f"upstream saw no request for {model}"
        seen["headers"] = dict(seen["headers"])
        return seen

    def count(self, model):
        """How many requests for the model have come."""
        return self.stats()["requests"].get(model, 0)

    def connections(self, tag):
        """On how many connections requests with the tag have come."""
        return self.stats()["connections"].get(tag, 0)

    def abort_of(self, tag):
        """When upstream saw the client of the tagged request leave, or None."""
        return next((abort["time"] for abort in self.stats()["aborts"] if abort["tag"] == tag), None)

    def wait_for(self, tag, timeout=5.0):
        return wait_until(lambda: self.abort_of(tag), timeout, f"upstream sees the end of {tag}")
