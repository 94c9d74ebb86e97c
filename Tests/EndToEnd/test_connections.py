# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Connections to upstream: kept where they can be, and given up where the time is over."""

import time

import pytest

from events import ask, assert_broken_off, assert_whole, read_stream


@pytest.mark.parametrize("model", ["ok", "ok-late-end"])
def test_streams_one_after_another_use_one_connection(make_sluice, upstream, tag, model):
    gateway, user = make_sluice(), tag()
    for _ in range(5):
        assert_whole(ask(gateway.address, model, user=user))
        time.sleep(0.2)  # the end of the body may come after the client's
    assert upstream.connections(user) == 1


def test_an_upstream_that_goes_on_after_its_end_is_left_soon(make_sluice, upstream, tag):
    gateway, user = make_sluice(), tag()
    assert_whole(ask(gateway.address, "ok-late-end", user=user, metadata={"delay": "30"}))
    upstream.wait_for(user, timeout=3)


def test_silence_ends_a_stream_long_before_the_first_byte_would_have_been_late(make_sluice):
    gateway = make_sluice(timeouts={"first_byte": "30s", "idle": "1s"})
    started = time.monotonic()
    stream = ask(gateway.address, "fault-hang-midstream", timeout=20)
    assert_broken_off(stream, "upstream_timeout")
    assert time.monotonic() - started < 5


def test_a_reader_that_stops_at_once_does_not_cost_a_kept_connection(make_sluice, upstream, tag):
    gateway, user = make_sluice(), tag()
    for _ in range(100):
        with gateway.open_stream("ok-big", 20, 4096, metadata={"size": "700000"}, user=user) as connection:
            read = read_stream(connection, until=lambda so_far: so_far.text)
            time.sleep(0.01)
            for at, data in connection.chunks(read.response, 15):
                read.feed(at, data)
            assert_whole(read)
    assert upstream.connections(user) < 20
