# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Limits of callers: rates, concurrency, budgets, in one process and over Redis."""

import concurrent.futures
import hashlib
import os
import signal
import threading
import time

import anthropic
import openai
import pytest
from google import genai

from checks import assert_error_answer
from events import ask, chat
from upstream_modes import USAGE
from wire import KEY, render, wait_until

SCOPE = "key:settings_" + hashlib.sha256(KEY.encode()).hexdigest()[:16]
PRICED = {"input": 1.0, "output": 1.0}


@pytest.fixture
def limited(make_sluice):
    """Makes a gateway whose keys have these limits."""

    def make(redis=None, options=None, **limits):
        others = {name: limits.pop(name) for name in ("limits_on_failure", "default_reservation") if name in limits}
        changes = {"auth": {"default_limits": limits, **others}}
        if redis:
            changes["redis_url"] = redis.url
        gateway = make_sluice(options=options, **changes)
        if redis:
            wait_until(lambda: "Redis is reached" in gateway.log(), 5, "the connection to Redis")
        return gateway

    return make


def at_once(gateways, count, model="ok", workers=64, **fields):
    """The answers to requests that are sent as nearly together as may be, in turn to each gateway."""
    start = threading.Barrier(min(workers, count))
    first = threading.local()

    def one(number):
        if not hasattr(first, "done"):
            first.done = True
            start.wait(10)
        return gateways[number % len(gateways)].post(chat(model, stream=False, **fields), timeout=30)

    with concurrent.futures.ThreadPoolExecutor(min(workers, count)) as pool:
        return list(pool.map(one, range(count)))


def passed(answers):
    assert {answer.status for answer in answers} <= {200, 429}, {answer.status for answer in answers}
    return sum(answer.status == 200 for answer in answers)


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "two instances over Redis"])
def test_R01_R06_of_a_burst_exactly_the_limit_passes_and_no_more_reach_upstream(limited, upstream, redis, shared):
    gateways = [limited(redis if shared else None, requests_per_minute=10) for _ in range(2 if shared else 1)]
    before = upstream.count("ok")
    answers = at_once(gateways, 30)
    assert passed(answers) == 10
    assert upstream.count("ok") - before == 10
    refused = [answer for answer in answers if answer.status == 429]
    for answer in refused:
        assert_error_answer(answer, 429, "rate_limit_exceeded")
        assert 1 <= int(answer.header("retry-after")) <= 61
        assert answer.header("x-ratelimit-limit-requests") == "10"
        assert answer.header("x-ratelimit-remaining-requests") == "0"
    assert sum(gateway.metric("sluice_limit_refusals_total", kind="requests") for gateway in gateways) == 20
    assert sum(gateway.metric("sluice_requests_total", outcome="refused") for gateway in gateways) == 20


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "two instances over Redis"])
def test_64_clients_at_once_pass_as_often_as_the_limit_says(limited, redis, shared):
    gateways = [limited(redis if shared else None, requests_per_minute=300) for _ in range(2 if shared else 1)]
    assert passed(at_once(gateways, 450, workers=64)) == 300


def test_R03_over_a_minute_at_half_as_much_again_the_limit_passes(limited):
    gateway = limited(requests_per_minute=60)
    started, count = time.monotonic(), 0
    answers = []
    while (elapsed := time.monotonic() - started) < 60:
        if elapsed * 1.5 < count:
            time.sleep(0.01)
            continue
        answers.append(gateway.post(chat("ok", stream=False)))
        count += 1
    assert count >= 89 and passed(answers) == 60


def test_R05_whoever_obeys_retry_after_gets_in(limited):
    gateway = limited(requests_per_minute=1)
    assert gateway.post(chat("ok", stream=False)).status == 200
    time.sleep(30)
    refused = gateway.post(chat("ok", stream=False))
    wait = int(refused.header("retry-after"))
    assert refused.status == 429 and wait <= 31
    time.sleep(wait)
    assert gateway.post(chat("ok", stream=False)).status == 200


def test_R09_forged_addresses_do_not_help(limited):
    gateway = limited(requests_per_minute=3)
    answers = [
        gateway.post(chat("ok", stream=False), headers=[("X-Forwarded-For", f"10.0.0.{n}")]) for n in range(6)
    ]
    assert passed(answers) == 3


def test_another_key_has_limits_of_its_own(make_sluice):
    other = "sk-other-6b1f0d5e7a9c3824"
    gateway = make_sluice(auth={"keys": [KEY, other], "default_limits": {"requests_per_minute": 1}})
    assert [gateway.post(chat("ok", stream=False)).status for _ in range(2)] == [200, 429]
    assert [gateway.post(chat("ok", stream=False), key=other).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "over Redis"])
def test_R08_the_places_of_clients_that_vanish_are_free_at_once(limited, redis, shared):
    gateway = limited(redis if shared else None, concurrent=5)
    streams = [gateway.open_stream("ok-long") for _ in range(5)]
    for stream in streams:
        assert stream.head().status == 200
    refused = gateway.post(chat("ok", stream=False))
    assert_error_answer(refused, 429, "rate_limit_exceeded")
    for stream in streams:
        stream.reset()
    wait_until(gateway.idle, 1, "the streams end")
    again = [gateway.open_stream("ok-long") for _ in range(5)]
    assert [stream.head().status for stream in again] == [200] * 5
    for stream in again:
        stream.close()


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "two instances over Redis"])
def test_B01_M01_a_budget_for_one_request_lets_one_of_many_pass(limited, redis, shared):
    gateways = [
        limited(redis if shared else None, tokens_per_day=70, default_reservation=50) for _ in range(2 if shared else 1)
    ]
    answers = at_once(gateways, 200 if shared else 100, "ok-slow", workers=50, metadata={"delay": "0.1", "count": "5"})
    assert passed(answers) == 1
    for answer in answers:
        if answer.status == 429:
            assert_error_answer(answer, 429, "insufficient_quota")
    if shared:
        wait_until(lambda: redis.budgets(SCOPE).get("Dt") == "0", 5, "the reservation returns")
        assert redis.budgets(SCOPE)["dt"] == str(USAGE["total_tokens"])


def test_M02_what_a_request_may_use_is_reserved_for_each_answer(limited, redis):
    gateway = limited(redis, tokens_per_day=100_000, default_reservation=1000)
    for fields, least in (({"max_tokens": 300, "n": 4}, 1200), ({}, 1000), ({"max_tokens": 7}, 7)):
        with gateway.connect() as stream:
            stream.send(render("POST", "/v1/chat/completions", chat("ok-long", **fields)))
            assert stream.head().status == 200
            assert least < int(redis.budgets(SCOPE)["Dt"]) < least + 20
            stream.reset()
        wait_until(lambda: redis.budgets(SCOPE)["Dt"] == "0", 2, "the reservation returns")


def test_M02_a_request_that_can_never_fit_is_told_so(limited):
    gateway = limited(tokens_per_minute=100)
    refused = gateway.post(chat("ok", stream=False))
    assert_error_answer(refused, 429, "rate_limit_exceeded")
    assert refused.header("retry-after") is None and refused.header("x-should-retry") == "false"
    assert "max_tokens" in refused.error["message"]
    assert gateway.post(chat("ok", stream=False, max_tokens=20)).status == 200


@pytest.mark.parametrize("model", ["fault-500", "fault-rst-immediately", "refused"])
def test_M03_a_failure_before_the_first_byte_costs_nothing(limited, redis, model):
    gateway = limited(redis, tokens_per_day=10_000, default_reservation=5000)
    for _ in range(5):
        assert gateway.post(chat(model, stream=False)).status >= 500
    wait_until(lambda: redis.budgets(SCOPE)["Dt"] == "0", 1, "the reservations return")
    assert redis.budgets(SCOPE)["dt"] == "0"


def test_M04_what_a_killed_instance_had_reserved_returns(limited, redis):
    gateway = limited(redis, tokens_per_day=1_000_000, concurrent=50)
    streams = [gateway.open_stream("ok-long") for _ in range(20)]
    assert all(stream.head().status == 200 for stream in streams)
    assert redis("ZCARD", f"sluice:l:{SCOPE}") == 20
    reserved = int(redis.budgets(SCOPE)["Dt"])
    gateway.process.kill()
    gateway.process.wait()
    for stream in streams:
        stream.close()
    # Instead of a minute's wait the leases are made a minute older.
    members = redis("ZRANGE", f"sluice:l:{SCOPE}", 0, -1)
    for member in members:
        redis("ZINCRBY", f"sluice:l:{SCOPE}", -60_000, member)
    second = limited(redis, tokens_per_day=1_000_000, concurrent=50)
    assert second.post(chat("ok", stream=False)).status == 200
    assert reserved > 0 and redis("ZCARD", f"sluice:l:{SCOPE}") == 0
    assert redis.budgets(SCOPE)["Dt"] == "0" and redis.budgets(SCOPE)["dt"] == str(USAGE["total_tokens"])


def test_M06_a_client_that_leaves_is_charged_for_what_was_said(limited, redis):
    gateway = limited(redis, tokens_per_day=100_000)
    with gateway.open_stream("ok-slow", metadata={"delay": "0.005", "count": "2000"}) as stream:
        answer = stream.head()
        size = 0
        for _, data in stream.chunks(answer):
            size += len(data)
            if size > 20_000:
                break
        stream.reset()
    wait_until(lambda: redis.budgets(SCOPE)["Dt"] == "0", 2, "the settlement")
    # About a hundred numbers with their blanks, a token for four bytes.
    assert 30 < int(redis.budgets(SCOPE)["dt"]) < 400


def test_M10_money_and_a_model_without_a_price(make_sluice):
    gateway = make_sluice(
        auth={"default_limits": {"money_per_month": 0.0001}, "default_reservation": 50},
        models=[
            {"name": "ok", "deployments": [{"provider": "scripted"}], "price": PRICED},
            {"name": "ok-other", "deployments": [{"provider": "scripted"}]},
        ],
    )
    assert_error_answer(gateway.post(chat("ok-other", stream=False)), 403, "model_unpriced")
    answers = [gateway.post(chat("ok", stream=False)) for _ in range(10)]
    # A hundred tokens' worth: each uses what the script says, and about 53 must be free.
    assert passed(answers) == 1 + (100 - 53) // USAGE["total_tokens"]
    assert_error_answer(answers[-1], 429, "insufficient_quota")


def test_counting_tokens_is_a_request_and_no_tokens(limited):
    gateway = limited(requests_per_minute=2, tokens_per_day=1)
    body = {"model": "ok", "messages": [{"role": "user", "content": "hi"}]}
    statuses = [gateway.post(body, path="/v1/messages/count_tokens").status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_the_official_sdks_know_the_refusals(limited):
    gateway = limited(requests_per_minute=3)
    base = "http://%s:%d" % gateway.address
    hi = [{"role": "user", "content": "hi"}]
    with openai.OpenAI(api_key=KEY, base_url=base + "/v1", max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(model="ok", messages=hi)
        assert raw.headers["x-ratelimit-remaining-requests"] == "2"
        assert raw.headers["x-ratelimit-reset-requests"] == "1m1s"
        client.chat.completions.create(model="ok", messages=hi)
        with anthropic.Anthropic(api_key=KEY, base_url=base, max_retries=0) as other:
            raw = other.messages.with_raw_response.create(model="ok", messages=hi, max_tokens=9)
            assert raw.headers["anthropic-ratelimit-requests-limit"] == "3"
            assert raw.headers["anthropic-ratelimit-requests-remaining"] == "0"
            assert raw.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
            with pytest.raises(anthropic.RateLimitError) as failure:
                other.messages.create(model="ok", messages=hi, max_tokens=9)
            assert failure.value.body["error"]["type"] == "rate_limit_error"
            assert int(failure.value.response.headers["retry-after"]) <= 61
        with pytest.raises(openai.RateLimitError) as failure:
            client.chat.completions.create(model="ok", messages=hi)
        assert failure.value.code == "rate_limit_exceeded"
    google = genai.Client(api_key=KEY, http_options=genai.types.HttpOptions(base_url=base))
    with pytest.raises(genai.errors.ClientError) as failure:
        google.models.generate_content(model="ok", contents="hi")
    assert failure.value.code == 429 and failure.value.status == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_P16_redis_that_cannot_be_reached(limited, redis, policy):
    gateway = limited(redis, requests_per_minute=5, limits_on_failure=policy)
    assert gateway.post(chat("ok", stream=False)).header("x-ratelimit-remaining-requests") == "4"
    redis.kill()
    answers = []
    for _ in range(8):
        answers.append(gateway.post(chat("ok", stream=False)))
        assert answers[-1].header("x-ratelimit-limit-requests") is None, "a limit that is not held is not told"
    if policy == "open":
        assert passed(answers) == 5, "the local limit"
    else:
        for answer in answers:
            assert_error_answer(answer, 503, "limits_unavailable")
            assert int(answer.header("retry-after")) >= 1
    assert gateway.metric("sluice_limits_unavailable_total", policy=policy) == 8
    redis.start()
    wait_until(
        lambda: gateway.post(chat("ok", stream=False)).header("x-ratelimit-limit-requests"), 10, "Redis is used again"
    )
    gateway.assert_healthy()


def test_P16_redis_down_at_the_start(limited, redis):
    redis.kill()
    gateway = limited(None, {"env": {**os.environ, "SLUICE_REDIS_URL": redis.url}}, requests_per_minute=2)
    assert passed([gateway.post(chat("ok", stream=False)) for _ in range(4)]) == 2
    redis.start()
    wait_until(
        lambda: gateway.post(chat("ok", stream=False)).header("x-ratelimit-limit-requests"), 10, "Redis is used"
    )


def test_P16_a_frozen_redis_delays_one_request_and_what_was_used_meanwhile_is_told_later(limited, redis):
    gateway = limited(redis, tokens_per_day=1_000_000)
    assert gateway.post(chat("ok", stream=False)).status == 200
    redis.freeze()
    times = []
    for _ in range(5):
        started = time.monotonic()
        assert gateway.post(chat("ok", stream=False)).status == 200
        times.append(time.monotonic() - started)
    gateway.assert_healthy()
    assert times[0] < 2 and max(times[1:]) < 0.4, times
    redis.thaw()
    total = str(6 * USAGE["total_tokens"])
    wait_until(lambda: redis.budgets(SCOPE)["dt"] == total, 10, "all six are charged")
    assert redis.budgets(SCOPE)["Dt"] == "0"


def test_P16_scripts_lost_and_a_replica_that_takes_no_writes(limited, redis):
    gateway = limited(redis, requests_per_minute=100, limits_on_failure="closed")
    redis("SCRIPT", "FLUSH")
    assert gateway.post(chat("ok", stream=False)).status == 200
    redis("REPLICAOF", "127.0.0.1", "1")
    assert_error_answer(gateway.post(chat("ok", stream=False)), 503, "limits_unavailable")
    redis("REPLICAOF", "NO", "ONE")
    wait_until(lambda: gateway.post(chat("ok", stream=False)).status == 200, 10, "writes are taken again")
    redis("CONFIG", "SET", "maxmemory", "1")
    assert_error_answer(gateway.post(chat("ok", stream=False)), 503, "limits_unavailable")
    redis("CONFIG", "SET", "maxmemory", "0")
    assert gateway.post(chat("ok", stream=False)).status == 200


def test_a_client_that_leaves_while_redis_is_asked_leaves_nothing_behind(limited, redis):
    gateway = limited(redis, concurrent=3)
    redis.freeze()
    before = gateway.metric("sluice_requests_total", outcome="client_disconnected")
    for _ in range(3):
        gateway.open_stream("ok-long").reset()
    time.sleep(0.2)
    redis.thaw()
    wait_until(gateway.idle, 5, "nothing is under way")
    wait_until(lambda: redis("ZCARD", f"sluice:l:{SCOPE}") == 0, 5, "the leases return")
    left = lambda: gateway.metric("sluice_requests_total", outcome="client_disconnected") - before
    wait_until(lambda: left() == 3, 5, "each is accounted for")
    assert passed(at_once([gateway], 3)) == 3


def test_the_end_of_the_process_waits_for_what_redis_must_be_told(limited, redis):
    gateway = limited(redis, tokens_per_day=100_000)
    stream = gateway.open_stream("ok-slow", metadata={"delay": "0.1"})
    assert stream.head().status == 200
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0
    assert redis.budgets(SCOPE)["Dt"] == "0" and int(redis.budgets(SCOPE)["dt"]) > 0
    stream.close()


def test_callers_without_limits_do_not_ask_redis(make_sluice, redis):
    gateway = make_sluice(redis_url=redis.url)
    wait_until(lambda: "Redis is reached" in gateway.log(), 5, "the connection to Redis")
    before = redis("INFO", "commandstats").count("evalsha")
    assert ask(gateway.address, "ok").text
    assert redis("INFO", "commandstats").count("evalsha") == before == 0
