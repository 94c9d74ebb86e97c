# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A reader that does not read pauses its own upstream, costs next to nothing, and disturbs nobody."""

import time
from concurrent.futures import ThreadPoolExecutor

from checks import memory_bound
from events import ask, assert_whole, chat, read_stream
from upstream_modes import BIG_DELTA
from wire import render, wait_until

STALLED_BUFFER = 4096  # the client's kernel takes little, so that the gateway feels the stall


def warm_up(sluice):
    """Brings the gateway's memory to where big streams leave it."""
    for _ in range(2):
        stalled = [sluice.open_stream("ok-huge", receive_buffer=STALLED_BUFFER) for _ in range(4)]
        time.sleep(0.3)
        for connection in stalled:
            connection.close()
        ask(sluice.address, "ok-big", metadata={"size": "4000000"})
    wait_until(sluice.idle, what="an idle gateway")
    wait_until(lambda: sluice.metric("sluice_audit_queue_depth") == 0, what="all rows are stored")


def test_D14_a_stalled_reader_of_200_MB_costs_less_than_1_MB(sluice):
    warm_up(sluice)
    before = sluice.rss()
    with sluice.open_stream("ok-huge", receive_buffer=STALLED_BUFFER):
        worst = 0
        for _ in range(20):
            time.sleep(0.1)
            worst = max(worst, sluice.rss() - before)
    print(f"\none stalled reader: {worst / 1024:.0f} KiB")
    assert worst < memory_bound(1_000_000)
    wait_until(sluice.idle, what="the stalled stream is gone when its client is")


def test_W20_a_hundred_stalled_readers_are_bounded_each(sluice, upstream):
    warm_up(sluice)
    before, cpu = sluice.rss(), None
    stalled = [sluice.open_stream("ok-huge", receive_buffer=STALLED_BUFFER) for _ in range(100)]
    wait_until(lambda: upstream.stats()["open"] == 100, 10, "100 exchanges at upstream")
    time.sleep(1)
    cpu = sluice.cpu()
    time.sleep(1)
    grown = sluice.rss() - before
    assert sluice.cpu() - cpu < 0.2, "stalled streams burn CPU"
    sluice.assert_healthy(0.5)
    for connection in stalled:
        connection.close()
    wait_until(lambda: not upstream.stats()["open"], what="D22: leaving while paused cancels upstream")
    print(f"\na hundred stalled readers: {grown / 102400:.0f} KiB each")
    assert grown < memory_bound(40_000_000)


def test_other_streams_keep_pace_beside_stalled_readers(sluice):
    stalled = [sluice.open_stream("ok-huge", receive_buffer=STALLED_BUFFER) for _ in range(10)]
    try:
        time.sleep(0.3)
        with ThreadPoolExecutor(5) as pool:
            fields = {"metadata": {"delay": "0.05", "count": "30"}}
            futures = [pool.submit(ask, sluice.address, "ok-slow", **fields) for _ in range(5)]
            for stream in (future.result() for future in futures):
                assert_whole(stream)
                gaps = [b - a for a, b in zip(stream.arrivals, stream.arrivals[1:], strict=False)]
                assert max(gaps) < 0.4, f"a gap of {max(gaps):.2f} s"
    finally:
        for connection in stalled:
            connection.close()


def test_W21_a_reader_that_stops_and_reads_on_gets_every_byte(sluice):
    size = 24_000_000
    with sluice.open_stream("ok-big", 60, STALLED_BUFFER, metadata={"size": str(size)}) as connection:
        stopped = read_stream(connection, 20, until=lambda so_far: len(so_far.raw) > 100_000)
        time.sleep(1.5)
        for at, data in connection.chunks(stopped.response, 60):
            stopped.feed(at, data)
    assert_whole(stopped)
    pieces = size // (len(BIG_DELTA) * 16) * 16
    assert stopped.text == BIG_DELTA * pieces


def test_D13_bytes_pushed_in_behind_a_running_stream_are_not_swallowed(sluice):
    with sluice.open_stream("fault-endless", 1, metadata={"delay": "0.1"}) as connection:
        read_stream(connection, until=lambda so_far: so_far.text)
        before = sluice.rss()
        for _ in range(32):
            connection.socket.settimeout(0.5)
            if not connection.send(b"x" * (1 << 20)):
                break
        assert sluice.rss() - before < memory_bound(2_000_000)
    wait_until(sluice.idle, what="the stream is gone with its client")


def test_a_stalled_reader_does_not_hold_the_buffer_gauge_above_its_watermark(sluice):
    with sluice.open_stream("ok-huge", receive_buffer=STALLED_BUFFER):
        time.sleep(0.5)
        buffered = sluice.metric("sluice_output_buffered_bytes")
        assert 0 < buffered < 400_000, buffered
    wait_until(
        lambda: sluice.metric("sluice_output_buffered_bytes") < 4096, what="nothing buffered afterwards"
    )


def test_a_unary_answer_is_whole_for_a_slow_reader(sluice):
    with sluice.connect(20, receive_buffer=STALLED_BUFFER) as connection:
        connection.send(render("POST", "/v1/chat/completions", chat("ok", stream=False)))
        time.sleep(0.3)
        assert connection.response().status == 200
