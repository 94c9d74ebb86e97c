# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A client that leaves cancels its upstream transfer at once, in every phase and by every way of leaving.

A half-close (FIN while the answer is still due) counts as leaving, as it does for nginx.
"""

import random
import statistics
import time

import pytest

from events import ask, assert_whole, chat, read_stream
from wire import Connection, has_bytes, render, wait_until

WAYS = ["close", "half_close", "reset"]

# Phase, model, whether bytes are awaited before leaving.
PHASES = {
    "before the first byte": ("fault-hang-headers", True, False),
    "before the first byte, unary": ("fault-hang-headers", False, False),
    "in mid-stream, upstream silent": ("fault-hang-midstream", True, True),
    "in mid-stream, upstream active": ("fault-endless", True, True),
    "in the middle of a unary body": ("fault-hang-midstream", False, False),
}


@pytest.fixture(autouse=True)
def nothing_left_behind(sluice, upstream):
    sluice.assert_healthy()
    wait_until(sluice.idle, what="an idle gateway before the test")
    before = sluice.fds()
    yield
    sluice.assert_healthy()
    wait_until(sluice.idle, what="no stream and no transfer active")
    # Upstream connections may stay pooled: those of finished exchanges, never those of cancelled ones.
    wait_until(lambda: sluice.fds() <= before + 4, what="descriptors back to the start")
    wait_until(lambda: not upstream.stats()["open"], what="upstream idle")


def leave(connection, way):
    """Leaves and says when."""
    started = time.monotonic()
    getattr(connection, way)()
    return started


def begin(sluice, upstream, model, stream, read, name):
    """A request that upstream is known to be busy with."""
    connection = sluice.connect()
    connection.send(render("POST", "/v1/chat/completions", chat(model, stream=stream, user=name)))
    if read:
        read_stream(connection, until=lambda so_far: so_far.text)
    else:
        wait_until(lambda: upstream.stats()["open"], what="upstream has the request")
        time.sleep(0.02)
    return connection


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.replace(" ", "-"))
def test_upstream_sees_the_client_leave(sluice, upstream, tag, phase, way):
    model, stream, read = PHASES[phase]
    name = tag()
    before = sluice.metric("sluice_requests_total", outcome="client_disconnected")
    connection = begin(sluice, upstream, model, stream, read, name)
    left = leave(connection, way)
    taken = upstream.wait_for(name) - left
    assert taken < 0.1, f"upstream saw it after {taken * 1000:.1f} ms"
    wait_until(
        lambda: sluice.metric("sluice_requests_total", outcome="client_disconnected") == before + 1,
        what="one outcome client_disconnected",
    )
    connection.close()


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.replace(" ", "-"))
def test_the_median_time_from_leaving_to_upstream_is_short(sluice, upstream, tag, phase, record_property):
    model, stream, read = PHASES[phase]
    times = []
    for number in range(21):
        name = tag()
        connection = begin(sluice, upstream, model, stream, read, name)
        left = leave(connection, WAYS[number % 3])
        times.append(upstream.wait_for(name) - left)
        connection.close()
    median, worst = statistics.median(times) * 1000, max(times) * 1000
    record_property("median_ms", median)
    print(f"\nleaving {phase}: median {median:.2f} ms, worst {worst:.2f} ms")
    assert median < 50


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", ["fault-hang-headers", "fault-endless"])
def test_200_clients_that_leave_at_once_are_all_cancelled(sluice, upstream, tag, model, way):
    names = [tag() for _ in range(200)]
    connections = [sluice.open_stream(model, user=name, metadata={"delay": "0.1"}) for name in names]
    wait_until(lambda: upstream.stats()["open"] == 200, 10, "200 exchanges at upstream")
    for connection in connections:
        leave(connection, way)
    wait_until(lambda: not upstream.stats()["open"], 5, "all 200 cancelled")
    aborted = {abort["tag"] for abort in upstream.stats()["aborts"]}
    assert aborted >= set(names)
    for connection in connections:
        connection.close()


def test_a_half_closed_client_gets_no_more_tokens(sluice, upstream, tag):
    name = tag()
    connection = begin(sluice, upstream, "fault-endless", True, True, name)
    connection.half_close()
    upstream.wait_for(name)
    assert has_bytes(connection, 2), "the gateway must close too"
    connection.close()


OWN_ANSWERS = {
    "health": (render("GET", "/healthz", key=None), 200),
    "list of models": (render("GET", "/v1/models"), 200),
    "unknown path": (render("GET", "/no/such/path"), 404),
    "no key": (render("POST", "/v1/chat/completions", chat("ok"), key=None), 401),
    "bad body": (render("POST", "/v1/chat/completions", b"{"), 400),
}


@pytest.mark.parametrize("name", OWN_ANSWERS)
def test_D08_a_half_close_right_behind_the_request_still_gets_what_the_gateway_itself_answers(sluice, name):
    data, status = OWN_ANSWERS[name]
    for _ in range(20):
        with sluice.connect() as connection:
            connection.send(data)
            connection.half_close()
            assert connection.response().status == status
            assert connection.is_closed()


def test_D10_leaving_after_any_number_of_bytes_leaves_nothing_behind(sluice):
    whole = len(ask(sluice.address, "ok").raw) + 600
    for number in range(60):
        connection = sluice.open_stream("ok-slow", metadata={"delay": "0.002", "count": "10"})
        connection.socket.settimeout(0.5)
        left = whole * number // 60
        try:
            while left > 0 and (data := connection.socket.recv(left)):
                left -= len(data)
        except TimeoutError:
            pass  # this one had fewer bytes: it leaves behind its last
        leave(connection, WAYS[number % 3])
        connection.close()


def test_D11_leaving_inside_the_head_and_the_body_leaves_nothing_behind(sluice):
    data = render("POST", "/v1/chat/completions", chat("ok"))
    picker = random.Random(11)
    for number in range(100):
        connection = sluice.connect()
        connection.send(data[: picker.randrange(len(data))])
        leave(connection, WAYS[number % 3])
        connection.close()


def test_D12_leaving_with_unread_bytes_counts_as_leaving(sluice, upstream, tag):
    name = tag()
    connection = sluice.open_stream("fault-endless", user=name)
    assert has_bytes(connection, 3)
    time.sleep(0.1)
    left = leave(connection, "close")
    assert upstream.wait_for(name) - left < 0.1


@pytest.mark.parametrize("model", ["fault-hang-headers", "fault-endless"])
def test_leaving_behind_a_pipelined_request_is_seen(sluice, upstream, tag, model):
    name = tag()
    connection = sluice.open_stream(model, user=name)
    connection.send(render("GET", "/healthz") + b"GET /v1/mod")
    wait_until(lambda: upstream.stats()["open"], what="upstream has the request")
    left = leave(connection, "close")
    assert upstream.wait_for(name) - left < 0.2


@pytest.mark.parametrize("model", ["fault-hang-headers", "fault-endless"])
def test_leaving_behind_much_that_was_pipelined_is_seen(sluice, upstream, tag, model):
    name = tag()
    connection = sluice.open_stream(model, user=name)
    wait_until(lambda: upstream.stats()["open"], what="upstream has the request")
    connection.send(render("GET", "/healthz") * 3000)
    time.sleep(0.2)
    left = leave(connection, "close")
    assert upstream.wait_for(name) - left < 0.2


def test_pipelining_more_than_is_kept_costs_only_what_is_behind(sluice):
    with sluice.open_stream("ok-slow", metadata={"delay": "0.05", "count": "10"}) as connection:
        connection.send(render("GET", "/healthz") * 3000)
        assert_whole(read_stream(connection))
        assert connection.is_closed()


def test_D20_leaving_on_the_finish_leaves_nothing_behind(sluice):
    def outcomes():
        return sum(
            sluice.metric("sluice_requests_total", outcome=name)
            for name in ("completed", "client_disconnected")
        )

    before = outcomes()
    for number in range(200):
        connection = sluice.open_stream("ok")
        read_stream(connection, until=lambda so_far: so_far.finishes)
        leave(connection, WAYS[number % 3])
        connection.close()
    wait_until(lambda: outcomes() == before + 200, what="one outcome a request")


def test_a_client_that_leaves_does_not_count_against_upstream(sluice, upstream, tag):
    for _ in range(20):
        name = tag()
        leave(begin(sluice, upstream, "fault-hang-midstream", True, True, name), "reset")
        upstream.wait_for(name)
    assert_whole(ask(sluice.address, "ok"))


def test_S08_500_connections_opened_and_closed_at_once(sluice):
    connections = [Connection(sluice.address) for _ in range(500)]
    for number, connection in enumerate(connections):
        leave(connection, WAYS[number % 3])
        connection.close()
    assert_whole(ask(sluice.address, "ok"))
