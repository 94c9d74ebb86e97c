# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Who is asked, and who is asked next: aliases, weights, retries, fallbacks (rows B8, A3 between retries)."""

import json
import time

import pytest
from events import chat
from replies import TEXT, Replies, Reply
from wire import wait_until


@pytest.fixture(scope="module")
def replies():
    server = Replies()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def routed(make_sluice, replies):
    def provider(name, retries):
        return {
            "name": name,
            "kind": "openai-compatible",
            "base_url": f"{replies.url}/{name}/v1",
            "api_key": f"sk-{name}",
            "max_retries": retries,
        }

    def model(name, *targets, fallbacks=()):
        deployments = [
            {"provider": provider, "model": model, "weight": weight} for provider, model, weight in targets
        ]
        return {"name": name, "deployments": deployments, "fallbacks": list(fallbacks)}

    return make_sluice(
        providers=[provider("first", 2), provider("second", 0)],
        models=[
            model("two", ("first", "two-a", 1), ("second", "two-b", 0), fallbacks=["second/two-c"]),
            model("weighted", ("first", "w-a", 3), ("first", "w-b", 1)),
            model("wild/*", ("first", "wide-*", 1)),
        ],
    )


def ask(sluice, model, **fields):
    return sluice.post(chat(model, **fields))


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_byte_is_tried_again(routed, replies, stream):
    good = Reply.events() if stream else Reply.whole()
    replies.expect("again", Reply.error(503), Reply.error(500), good)
    answer = ask(routed, "first/again", stream=stream)
    assert answer.status == 200 and TEXT in answer.body.decode()
    assert answer.header("x-sluice-attempts") == "3"
    assert len(replies.requests("again")) == 3


def test_retries_end(routed, replies):
    replies.expect("hopeless", Reply.error(503, "down"))
    answer = ask(routed, "first/hopeless", stream=True)
    assert answer.status == 503 and "down" in answer.body.decode()
    assert len(replies.requests("hopeless")) == 3
    assert answer.header("x-sluice-attempts") == "3"


@pytest.mark.parametrize("status", [400, 422])
def test_the_callers_fault_is_not_tried_again(routed, replies, status):
    replies.expect("fault", Reply.error(status, "wrong"))
    assert ask(routed, "first/fault", stream=True).status == status
    assert len(replies.requests("fault")) == 1


def test_retry_after_is_honoured(routed, replies):
    replies.expect("busy", Reply.error(429, headers={"Retry-After": "1"}), Reply.events())
    started = time.monotonic()
    assert ask(routed, "first/busy", stream=True).status == 200
    assert time.monotonic() - started >= 0.95


def test_a_long_retry_after_is_the_clients_to_wait(routed, replies):
    replies.expect("full", Reply.error(429, headers={"Retry-After": "60"}))
    started = time.monotonic()
    answer = ask(routed, "first/full", stream=True)
    assert answer.status == 429 and answer.header("retry-after") == "60"
    assert len(replies.requests("full")) == 1 and time.monotonic() - started < 5


def test_a_fallback_answers_when_the_deployments_fail(routed, replies):
    replies.expect("two-a", Reply.error(401, "no key"))
    replies.expect("two-c", Reply.events("from the fallback"))
    answer = ask(routed, "two", stream=True)
    assert answer.status == 200 and "from the fallback" in answer.body.decode()
    assert answer.header("x-sluice-provider") == "second" and answer.header("x-sluice-attempts") == "2"
    # A deployment of weight 0 is asked never, and a refused key is not tried again.
    assert not replies.requests("two-b") and len(replies.requests("two-a")) == 1


def test_the_last_failure_is_told_when_all_fail(routed, replies):
    replies.expect("two-a", Reply.error(503, "first is down"))
    replies.expect("two-c", Reply.error(500, "second is down"))
    answer = ask(routed, "two", stream=True)
    assert answer.status == 500 and "second is down" in answer.body.decode()


def test_weights_share_the_requests(routed, replies):
    replies.expect("w-a", Reply.whole())
    replies.expect("w-b", Reply.whole())
    for _ in range(120):
        assert ask(routed, "weighted", stream=False).status == 200
    heavy, light = len(replies.requests("w-a")), len(replies.requests("w-b"))
    # Three to one; outside of this by chance once in a million runs.
    assert heavy + light == 120 and 65 <= heavy <= 112


def test_a_wildcard_hands_its_rest_on(routed, replies):
    replies.expect("wide-open", Reply.events())
    answer = ask(routed, "wild/open", stream=True)
    assert answer.status == 200
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    assert {event["model"] for event in events} == {"wild/open"}


def test_nothing_is_tried_again_after_the_first_byte(routed, replies):
    head = Reply.events().body.split(b"\n\n")[:2]
    replies.expect("cut", Reply(200, b"\n\n".join(head) + b"\n\n", "text/event-stream"), Reply.events())
    answer = ask(routed, "first/cut", stream=True)
    assert answer.status == 200 and "upstream_truncated" in answer.body.decode()
    assert len(replies.requests("cut")) == 1


def test_a_client_that_leaves_between_two_attempts_ends_them(routed, replies):
    replies.expect("left", Reply.error(429, headers={"Retry-After": "2"}), Reply.events())
    connection = routed.open_stream("first/left")
    wait_until(lambda: len(replies.requests("left")) == 1, 5, "the first attempt")
    connection.close()
    wait_until(routed.idle, 1, "the exchange to end before its second attempt")
    time.sleep(2.2)
    assert len(replies.requests("left")) == 1
    assert routed.metric("sluice_requests_total", outcome="client_disconnected") >= 1
