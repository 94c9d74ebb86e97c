# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Streams across the edge of a minute (M07), and very many keys that nobody made (R07)."""

import concurrent.futures
import itertools
import secrets
import time

from audit import usage
from checks import memory_bound
from events import ask, assert_whole, chat
from test_limits_rates import SCOPE
from upstream_modes import USAGE
from wire import KEY, Connection, render, wait_until

WIDTH = 50
RATES = {"requests_per_minute": WIDTH, "tokens_per_minute": 1_000_000, "tokens_per_month": 1_000_000_000}


def remaining(answer, what):
    return int(answer.header(f"x-ratelimit-remaining-{what}"))


def spent(gateway):
    """Requests that a provider answered, with their tokens."""
    sums = [row for row in usage(gateway, KEY, group_by="model") if row["model"]]
    return [sum(row[name] for row in sums) for name in ("requests", "input_tokens", "output_tokens")]


def test_M07_streams_across_the_edge_of_a_minute_are_charged_once_and_to_the_one_they_began_in(make_sluice, redis):  # noqa: F811
    auth = {"default_limits": RATES}
    gateways = [make_sluice(auth=auth), make_sluice(auth=auth, redis_url=redis.url)]
    wait_until(lambda: "Redis is reached" in gateways[1].log(), 5, "the connection to Redis")
    text = "".join(f"{number} " for number in range(100))
    with concurrent.futures.ThreadPoolExecutor(2 * WIDTH) as pool:
        running = [
            pool.submit(ask, gateway.address, "ok-slow", 100, metadata={"delay": "0.7", "count": "100"})
            for gateway in gateways
            for _ in range(WIDTH)
        ]
        wait_until(lambda: all(g.metric("sluice_streams_active") == WIDTH for g in gateways), 10, "all streams run")
        began = time.monotonic()
        for gateway in gateways:
            assert gateway.post(chat("ok", stream=False)).status == 429, "the minute they began in is full"
        time.sleep(began + 61.5 - time.monotonic())
        reserved = []
        for gateway in gateways:
            assert gateway.metric("sluice_streams_active") == WIDTH, "they cross the edge"
            answer = gateway.post(chat("ok", stream=False))
            assert answer.status == 200
            assert remaining(answer, "requests") == WIDTH - 1, "the new minute begins with nothing in it"
            reserved.append(RATES["tokens_per_minute"] - remaining(answer, "tokens"))
        for stream in running:
            assert_whole(stream.result(), text)
    done = WIDTH + 2
    for gateway, own in zip(gateways, reserved, strict=True):
        answer = gateway.post(chat("ok", stream=False))
        assert remaining(answer, "requests") == WIDTH - 2
        # What the streams used is settled by now, and none of it is this minute's.
        assert RATES["tokens_per_minute"] - remaining(answer, "tokens") == USAGE["total_tokens"] + own
    for gateway in gateways:
        wait_until(lambda: spent(gateway)[0] >= done, 10, "every row")  # noqa: B023
        assert spent(gateway) == [done, done * USAGE["prompt_tokens"], done * USAGE["completion_tokens"]], "each once"
    wait_until(lambda: redis.budgets(SCOPE)["Mt"] == "0", 5, "nothing is reserved")
    assert redis.budgets(SCOPE)["mt"] == str(done * USAGE["total_tokens"])


def test_R07_a_hundred_thousand_unknown_keys_and_addresses_leave_nothing_in_memory(make_sluice):
    gateway = make_sluice(
        auth={"default_limits": {"requests_per_minute": 1_000_000}}, limits={"max_headers": "8KiB"}
    )
    numbers = itertools.count()
    connections = [Connection(gateway.address, 30) for _ in range(10)]

    def unknown(count):
        """So many requests, each with a key of its own in one of three forms, on connections that are kept."""
        for _ in range(0, count, len(connections) * 20):
            for connection in connections:
                batch = b""
                for number in itertools.islice(numbers, 20):
                    word = secrets.token_urlsafe(32)
                    key = (f"sk-slu-{word}", f"sk-{number}", word)[number % 3]
                    fields = [("X-Forwarded-For", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")]
                    batch += render("GET", "/v1/models", None, [*fields, ("x-api-key", key)] if number % 2 else fields,
                        None if number % 2 else key)
                connection.send(batch)
            for connection in connections:
                for _ in range(20):
                    assert connection.response("GET").status == 401

    unknown(20_000)
    before, descriptors = gateway.rss(), gateway.fds()
    unknown(80_000)
    grown = gateway.rss() - before
    assert next(numbers) == 100_000
    assert grown < memory_bound(3_000_000), f"{grown} bytes more"
    assert gateway.fds() <= descriptors + 1
    gateway.assert_healthy()
    assert gateway.get("/v1/models").status == 200, "a key that is good is good on"
    for connection in connections:
        connection.close()
