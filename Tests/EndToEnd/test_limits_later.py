# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Budgets that a key gets while its requests run, or after a time without one."""

import pytest

from checks import assert_error_answer
from events import chat, read_stream
from upstream_modes import USAGE
from wire import has_bytes, render, request, wait_until


def with_free_key(make_sluice, redis, tmp_path, shared):
    """A gateway that counts in process or over Redis, and a key of its own without limits."""
    changes = {"redis_url": redis.url} if shared else {}
    gateway = make_sluice(auth={"admin_key": "sk-admin"}, database_url=f"sqlite:{tmp_path}/sluice.db", **changes)
    if shared:
        wait_until(lambda: "Redis is reached" in gateway.log(), 5, "the connection to Redis")
    made = request(gateway.address, "POST", "/admin/keys", {"name": "free"}, key="sk-admin").json()
    return gateway, made


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "over Redis"])
def test_a_budget_given_while_an_answer_runs_is_charged_with_it(make_sluice, redis, tmp_path, shared):
    gateway, made = with_free_key(make_sluice, redis, tmp_path, shared)

    def ask_once():
        return gateway.post(chat("ok", stream=False, max_tokens=1), key=made["key"])

    with gateway.connect() as connection:
        body = chat("ok-slow", metadata={"delay": "0.1"})
        connection.send(render("POST", "/v1/chat/completions", body, key=made["key"]))
        assert has_bytes(connection, 5), "the answer begins"
        limits = {"limits": {"tokens_per_day": USAGE["total_tokens"] * 2 - 3}}
        assert request(gateway.address, "PATCH", f"/admin/keys/{made['id']}", limits, key="sk-admin").status == 200
        # From now on it is known what the key has spent: nothing before this.
        assert ask_once().status == 200
        under_way = request(gateway.address, "GET", "/api/v1/streams", key="sk-admin").json()
        assert under_way["total"] == 1
        assert read_stream(connection).done
    refused = ask_once()
    assert_error_answer(refused, 429, "insufficient_quota")


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "over Redis"])
def test_a_budget_given_while_an_answer_runs_knows_it_though_the_next_request_follows_at_once(
    make_sluice, redis, tmp_path, shared
):
    changes = {"redis_url": redis.url} if shared else {}
    # The record of the answer waits for others to be stored with, unless somebody needs it.
    gateway = make_sluice(
        auth={"admin_key": "sk-admin"}, database_url=f"sqlite:{tmp_path}/sluice.db", audit={"flush_interval": "10s"}, **changes
    )
    if shared:
        wait_until(lambda: "Redis is reached" in gateway.log(), 5, "the connection to Redis")
    made = request(gateway.address, "POST", "/admin/keys", {"name": "free"}, key="sk-admin").json()
    with gateway.connect() as connection:
        body = chat("ok-slow", metadata={"delay": "0.1"})
        connection.send(render("POST", "/v1/chat/completions", body, key=made["key"]))
        assert has_bytes(connection, 5), "the answer begins"
        limits = {"limits": {"tokens_per_day": USAGE["total_tokens"] + 1}}
        assert request(gateway.address, "PATCH", f"/admin/keys/{made['id']}", limits, key="sk-admin").status == 200
        assert read_stream(connection).done
    for _ in range(2):
        refused = gateway.post(chat("ok", stream=False, max_tokens=1), key=made["key"])
        assert_error_answer(refused, 429, "insufficient_quota")


@pytest.mark.parametrize("shared", [False, True], ids=["in process", "over Redis"])
def test_a_proxied_answer_that_runs_while_its_key_gets_a_budget_is_charged_to_it(make_sluice, redis, tmp_path, shared):
    gateway, made = with_free_key(make_sluice, redis, tmp_path, shared)

    def ask_once():
        return gateway.post(chat("ok", stream=False, max_tokens=1), key=made["key"])

    with gateway.connect() as connection:
        body = chat("ok-slow", metadata={"delay": "0.1"}, stream_options={"include_usage": True})
        connection.send(render("POST", "/proxy/scripted/chat/completions", body, key=made["key"]))
        assert has_bytes(connection, 5), "the answer begins"
        limits = {"limits": {"tokens_per_day": USAGE["total_tokens"] * 2 - 3}}
        assert request(gateway.address, "PATCH", f"/admin/keys/{made['id']}", limits, key="sk-admin").status == 200
        # From now on it is known what the key has spent: nothing before this.
        assert ask_once().status == 200
        assert read_stream(connection).done

    def streams():
        return request(gateway.address, "GET", "/api/v1/streams", key="sk-admin").json()["total"]

    wait_until(lambda: streams() == 0, 5, "the end of the proxied answer")
    assert_error_answer(ask_once(), 429, "insufficient_quota")


def test_what_a_key_uses_between_two_budgets_counts_though_the_gateway_began_anew(make_sluice, redis, tmp_path):
    changes = {"redis_url": redis.url, "auth": {"admin_key": "sk-admin"}, "database_url": f"sqlite:{tmp_path}/sluice.db"}
    budget = {"tokens_per_month": USAGE["total_tokens"] * 2 + 10}

    def begin():
        gateway = make_sluice(**changes)
        wait_until(lambda: "Redis is reached" in gateway.log(), 5, "the connection to Redis")
        return gateway

    def limit(gateway, limits):
        assert request(gateway.address, "PATCH", f"/admin/keys/{made['id']}", {"limits": limits}, key="sk-admin").status == 200

    def ask_once(gateway):
        return gateway.post(chat("ok", stream=False, max_tokens=1), key=made["key"])

    first = begin()
    made = request(first.address, "POST", "/admin/keys", {"name": "k", "limits": budget}, key="sk-admin").json()
    assert ask_once(first).status == 200
    limit(first, {})
    assert first.terminate() == 0
    second = begin()
    assert [ask_once(second).status for _ in range(3)] == [200] * 3
    limit(second, budget)
    assert_error_answer(ask_once(second), 429, "insufficient_quota")
