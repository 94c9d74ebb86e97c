# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Who is asked, and who is asked next: aliases, weights, retries, fallbacks (rows B8, A3 between retries)."""

import json
import time

import pytest
from events import chat
from replies import TEXT, Reply
from wire import wait_until


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

    claude = {"name": "claude", "kind": "anthropic", "base_url": f"{replies.url}/claude", "api_key": "sk-c"}
    return make_sluice(
        streaming={"commit_after": "1s", "heartbeat_interval": "1s"},
        providers=[provider("first", 2), provider("second", 0), {**claude, "max_retries": 0}],
        models=[
            model("two", ("first", "two-a", 1), ("second", "two-b", 0), fallbacks=["second/two-c"]),
            model("weighted", ("first", "w-a", 3), ("first", "w-b", 1)),
            model("wild/*", ("first", "wide-*", 1)),
            model("mixed", ("second", "mixed-chat", 1), fallbacks=["claude/mixed-claude"]),
            model("either", ("claude", "either-claude", 1), ("second", "either-chat", 1)),
            model("counted", ("claude", "counts", 1), ("second", "does-not", 1)),
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


def test_a_fallback_that_cannot_say_the_request_ends_a_stream_that_has_begun(routed, replies):
    replies.expect("mixed-chat", Reply.error(503, "gone", delay=1.6))
    answer = routed.post(chat("mixed", stream=True, n=2), timeout=10)
    text = answer.body.decode()
    # The head went out with a heartbeat before anybody had answered, so it names nobody.
    assert answer.status == 200 and answer.header("x-sluice-provider") is None
    assert text.count('"error"') == 1 and "gone" in text and "[DONE]" not in text
    wait_until(routed.idle, 2, "the exchange to end")


def test_what_a_fallback_cannot_say_does_not_hide_why_it_was_asked(routed, replies):
    replies.expect("mixed-chat", Reply.error(429, "slow down", headers={"Retry-After": "40"}))
    answer = routed.post(chat("mixed", stream=True, n=2))
    assert answer.status == 429 and answer.header("retry-after") == "40" and "slow down" in answer.body.decode()


def test_a_deployment_that_cannot_say_the_request_leaves_it_to_the_other(routed, replies):
    replies.expect("either-chat", Reply.whole())
    for _ in range(12):
        assert routed.post(chat("either", stream=False, n=2)).status == 200
    assert not replies.requests("either-claude")


def test_an_empty_answer_is_tried_again_streamed_or_not(routed, replies):
    replies.expect("empty", Reply(200, b"data: [DONE]\n\n", "text/event-stream"), Reply.events())
    answer = ask(routed, "first/empty", stream=True)
    assert answer.status == 200 and TEXT in answer.body.decode() and len(replies.requests("empty")) == 2


@pytest.mark.parametrize("code", ["1113", "1308"])
def test_an_account_that_is_used_up_is_not_tried_again(routed, replies, code):
    replies.expect("used-up", Reply.error(429, "no balance", code=code))
    assert ask(routed, "first/used-up", stream=True).status == 429
    assert len(replies.requests("used-up")) == 1


COUNT = {"messages": [{"role": "user", "content": "How many tokens?"}]}


def test_tokens_are_counted_by_whoever_counts(routed, replies):
    replies.expect("counts", Reply(200, {"input_tokens": 42}))
    for stream in (True, False):
        body = {"model": "counted", "stream": stream, **COUNT}
        answer = routed.post(body, path="/v1/messages/count_tokens")
        assert answer.status == 200 and json.loads(answer.body) == {"input_tokens": 42}
        assert answer.header("x-sluice-estimated") is None


def test_tokens_are_estimated_when_nobody_counts_them(routed, replies):
    replies.expect("counts", Reply.error(503))
    for model in ("counted", "second/does-not"):
        answer = routed.post({"model": model, **COUNT}, path="/v1/messages/count_tokens")
        assert answer.status == 200 and answer.header("x-sluice-estimated") == "true"
        assert 3 <= json.loads(answer.body)["input_tokens"] <= 20


def test_the_list_of_what_was_left_out_is_bounded_and_plain(routed, replies):
    message = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": "end_turn"}
    replies.expect("plain", Reply(200, {**message, "usage": {"input_tokens": 1, "output_tokens": 1}}))
    strange = {f"x{index}é\r\n{'y' * 3000}": 1 for index in range(40)}
    answer = routed.post({**chat("claude/plain", stream=False), **strange})
    dropped = answer.header("x-sluice-dropped")
    assert answer.status == 200 and len(dropped) < 1100 and dropped.isascii()


@pytest.mark.parametrize("model", ["first/..", "first/../x", "first/.", "first/a/../b"])
def test_a_model_is_no_path_out_of_the_api(routed, model):
    answer = ask(routed, model, stream=False)
    assert answer.status == 400 and json.loads(answer.body)["error"]["param"] == "model"


def test_tokens_are_estimated_at_geminis_door(routed):
    body = {"contents": [{"role": "user", "parts": [{"text": "How many tokens?"}]}]}
    answer = routed.post(body, path="/v1beta/models/first/any:countTokens")
    assert answer.status == 200 and answer.header("x-sluice-estimated") == "true"
    assert 3 <= json.loads(answer.body)["totalTokens"] <= 20


def test_a_server_without_a_count_leaves_it_to_the_estimate(routed, replies):
    replies.expect("counts", Reply(404, {"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}}))
    answer = routed.post({"model": "counted", **COUNT}, path="/v1/messages/count_tokens")
    assert answer.status == 200 and answer.header("x-sluice-estimated") == "true"


def test_a_model_that_is_not_listed_can_be_looked_up_when_it_can_be_asked_for(routed):
    assert json.loads(routed.get("/v1/models/first/any").body)["owned_by"] == "first"
    assert routed.get("/v1/models/nobody/any").status == 404
