# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A name server that does not answer: lookups wait in threads of their own, and nothing waits for those."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from checks import assert_error_answer
from events import ask, assert_whole, chat
from gateway import compiled
from wire import Closed, Silent, render, wait_until

WAYS = ["close", "half_close", "reset"]

# Model, how long its provider's name takes to resolve, how long a connection may take to be made.
SLOW = [("hanging", 600_000, "10s"), ("impatient", 2000, "1s"), ("late", 500, "5s")]


@pytest.fixture(scope="session")
def resolver(tmp_path_factory):
    """The slow resolver, compiled."""
    return compiled("slow_resolver", tmp_path_factory.mktemp("resolver"))


@pytest.fixture(scope="module")
def make_slow(make_sluice, upstream, resolver):
    """Starts gateways whose providers' names resolve slowly."""
    scripted = {"kind": "openai-compatible", "api_key": "sk-upstream-secret", "max_retries": 0}
    port = upstream.address[1]
    providers = [
        {
            "name": name,
            "base_url": f"http://sleep-{lookup}.test:{port}/v1",
            "timeouts": {"connect": connect, "first_byte": "20s"},
            **scripted,
        }
        for name, lookup, connect in SLOW
    ]
    providers.append({"name": "quick", "base_url": f"http://127.0.0.1:{port}/v1", **scripted})
    models = [{"name": name, "deployments": [{"provider": name, "model": "ok"}]} for name, _, _ in SLOW]
    models.append({"name": "ok-slow", "deployments": [{"provider": "quick", "model": "ok-slow"}]})
    environment = {**os.environ, "LD_PRELOAD": str(resolver)}

    def make(**changes):
        return make_sluice(providers=providers, models=models, options={"env": environment}, **changes)

    return make


@pytest.fixture(scope="module")
def gateway(make_slow):
    return make_slow()


@contextmanager
def prompt_health(gateway, worst=0.1):
    """Asks for the gateway's health all the while; each answer must come within `worst` seconds."""
    over, times = threading.Event(), []

    def ask_on():
        while not over.is_set():
            started = time.monotonic()
            try:
                status = gateway.get("/healthz", key=None, timeout=2).status
            except (Closed, Silent, OSError):
                status = None
            times.append(time.monotonic() - started if status == 200 else float("inf"))
            time.sleep(0.005)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert times and max(times) < worst, f"/healthz took {max(times, default=0):.2f} s"


def begin_lookup(gateway, model="hanging", stream=True):
    """A connection whose request is known to wait for its provider's name."""
    before = gateway.log().count("resolving ")
    connection = gateway.connect()
    connection.send(render("POST", "/v1/chat/completions", chat(model, stream=stream)))
    wait_until(lambda: gateway.log().count("resolving ") > before, what="a lookup under way")
    return connection


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "unary"])
def test_C01_leaving_while_a_name_is_looked_up_cancels_at_once(gateway, stream, way):
    def left():
        return gateway.metric("sluice_requests_total", outcome="client_disconnected")

    before = left()
    with prompt_health(gateway):
        connection = begin_lookup(gateway, stream=stream)
        time.sleep(0.3)
        assert gateway.metric("sluice_upstream_transfers_active") == 1
        started = time.monotonic()
        getattr(connection, way)()
        wait_until(lambda: left() == before + 1 and gateway.idle(), what="the transfer's end")
        assert time.monotonic() - started < 0.1
    connection.close()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "unary"])
def test_C02_the_connect_timeout_covers_the_lookup(gateway, stream):
    with prompt_health(gateway):
        started = time.monotonic()
        answer = gateway.post(chat("impatient", stream=stream))
        taken = time.monotonic() - started
    assert_error_answer(answer, 504, "upstream_timeout")
    assert 0.9 < taken < 1.5, f"after {taken:.2f} s"
    wait_until(gateway.idle, what="an idle gateway")


def test_a_name_that_resolves_late_is_asked_then(gateway):
    with prompt_health(gateway):
        started = time.monotonic()
        assert_whole(ask(gateway.address, "late"))
    assert time.monotonic() - started > 0.4


def test_other_streams_flow_while_lookups_hang_and_are_left(gateway):
    flowing = []
    reader = threading.Thread(
        target=lambda: flowing.append(
            ask(gateway.address, "ok-slow", metadata={"delay": "0.02", "count": "60"})
        )
    )
    reader.start()
    for number in range(20):
        connection = begin_lookup(gateway)
        getattr(connection, WAYS[number % 3])()
        connection.close()
    reader.join()
    assert_whole(flowing[0], "".join(f"{n} " for n in range(60)))
    gaps = [b - a for a, b in zip(flowing[0].arrivals, flowing[0].arrivals[1:], strict=False)]
    assert max(gaps) < 0.2, f"a gap of {max(gaps):.2f} s"
    wait_until(gateway.idle, what="an idle gateway")


@pytest.mark.parametrize("gave_up", ["the client left", "the connect timeout passed"])
def test_sigterm_does_not_wait_for_a_lookup_that_nobody_wants(make_slow, gave_up):
    gateway = make_slow()
    if gave_up == "the client left":
        begin_lookup(gateway).close()
    else:
        assert gateway.post(chat("impatient")).status == 504
    wait_until(gateway.idle, what="an idle gateway")
    started = time.monotonic()
    assert gateway.terminate() == 0
    assert time.monotonic() - started < 1


def test_sigterm_waits_for_a_lookup_no_longer_than_the_drain_deadline(make_slow):
    gateway = make_slow(drain_timeout="1s")
    with begin_lookup(gateway) as connection:
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        try:
            assert_error_answer(connection.response(), 503, "server_shutting_down")
        except Closed:
            pytest.fail("the client was not told")
        assert gateway.process.wait(5) == 0
        assert 0.7 < time.monotonic() - started < 3


def test_a_second_sigterm_ends_at_once_in_spite_of_a_lookup(make_slow):
    gateway = make_slow()
    with begin_lookup(gateway):
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert gateway.alive, "it did not wait for its request"
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(3)
        assert time.monotonic() - started < 1
