# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""High watermarks that are smaller than what one read from upstream brings."""

import time

import pytest

from events import ask, assert_whole, read_stream
from upstream_modes import BIG_DELTA

SIZE = 4_000_000
PIECES = SIZE // (len(BIG_DELTA) * 16) * 16


@pytest.fixture(scope="module", params=["1KiB", "4KiB", "8KiB", "63KiB"])
def gateway(request, make_sluice):
    return make_sluice(streaming={"high_watermark": request.param})


def test_a_burst_of_large_events_comes_whole(gateway):
    stream = ask(gateway.address, "ok-big", timeout=20, metadata={"size": str(SIZE)})
    assert_whole(stream, BIG_DELTA * PIECES)


def test_a_burst_of_small_events_comes_whole(gateway):
    stream = ask(gateway.address, "ok-slow", timeout=20, metadata={"delay": "0", "count": "2000"})
    assert_whole(stream, "".join(f"{number} " for number in range(2000)))


def test_a_reader_that_stops_for_a_while_gets_the_rest(gateway):
    with gateway.open_stream("ok-big", 20, 4096, metadata={"size": str(SIZE)}) as connection:
        stream = read_stream(connection, 20, until=lambda so_far: len(so_far.raw) > 100_000)
        time.sleep(0.5)
        for at, data in connection.chunks(stream.response, 20):
            stream.feed(at, data)
    assert_whole(stream, BIG_DELTA * PIECES)
