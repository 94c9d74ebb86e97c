# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Providers that do not stream, or do nothing else: learned from their answers, and made up for (row B7)."""

import json
import time

import pytest
from events import chat
from replies import TEXT, Reply
from wire import wait_until


def gateway(make_sluice, replies, **streaming):
    return make_sluice(
        streaming={"detection_cache_duration": "2s", **streaming},
        providers=[
            {
                "name": "p",
                "kind": "openai-compatible",
                "base_url": f"{replies.url}/v1",
                "api_key": "sk-x",
                "max_retries": 0,
            },
            {"name": "a", "kind": "anthropic", "base_url": replies.url, "api_key": "sk-x", "max_retries": 0},
        ],
        models=[],
    )


@pytest.fixture(scope="module")
def detecting(make_sluice, replies):
    return gateway(make_sluice, replies)


def events(answer):
    """The payloads of a stream that ends as it should."""
    assert answer.header("content-type").startswith("text/event-stream")
    text = answer.body.decode()
    assert text.endswith("data: [DONE]\n\n") and text.count("[DONE]") == 1
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def assert_replayed(answer, model):
    """Role first, then content, then finish, then `[DONE]`."""
    assert answer.status == 200
    chunks = events(answer)
    assert {chunk["model"] for chunk in chunks} == {model}
    deltas = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert deltas[0]["delta"]["role"] == "assistant"
    assert "".join(choice["delta"].get("content") or "" for choice in deltas) == TEXT
    assert [choice["finish_reason"] for choice in deltas if choice["finish_reason"]] == ["stop"]


def test_an_answer_in_one_piece_is_told_as_a_stream_and_remembered(detecting, replies):
    replies.expect("whole", Reply.whole())
    assert_replayed(detecting.post(chat("p/whole", stream=True)), "p/whole")
    assert_replayed(detecting.post(chat("p/whole", stream=True)), "p/whole")
    asked = [request["body"].get("stream") for request in replies.requests("whole")]
    assert asked == [True, False]


def test_what_was_learned_is_forgotten_in_time(detecting, replies):
    replies.expect("changed", Reply.whole(), Reply.events())
    detecting.post(chat("p/changed", stream=True))
    time.sleep(2.1)
    assert_replayed(detecting.post(chat("p/changed", stream=True)), "p/changed")
    assert [request["body"].get("stream") for request in replies.requests("changed")] == [True, True]


def test_a_refusal_to_stream_is_answered_by_asking_for_the_whole(detecting, replies):
    replies.expect("refusing", Reply.error(400, "This model does not support streaming."), Reply.whole())
    answer = detecting.post(chat("p/refusing", stream=True))
    assert_replayed(answer, "p/refusing")
    asked = replies.requests("refusing")
    assert [request["body"].get("stream") for request in asked] == [True, False]
    # Options of a stream are an error without one.
    assert not asked[1]["body"].get("stream_options")


def test_a_model_that_only_streams_serves_who_wants_it_whole(detecting, replies):
    replies.expect("only", Reply.error(400, "This model only supports stream mode."), Reply.events())
    answer = detecting.post(chat("p/only", stream=False))
    assert answer.status == 200
    body = json.loads(answer.body)
    assert body["object"] == "chat.completion" and body["model"] == "p/only"
    assert body["choices"][0]["message"]["content"] == TEXT and body["usage"]["total_tokens"] == 8
    assert [request["body"].get("stream") for request in replies.requests("only")] == [False, True]


def test_a_stream_that_was_not_asked_for_is_put_together(detecting, replies):
    replies.expect("eager", Reply.events())
    body = json.loads(detecting.post(chat("p/eager", stream=False)).body)
    assert body["choices"][0]["message"]["content"] == TEXT
    assert body["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("lie", ["text/plain", "application/octet-stream", "application/json"])
def test_the_content_type_is_not_believed(detecting, replies, lie):
    replies.expect("lying", Reply(200, Reply.events().body, lie))
    assert_replayed(detecting.post(chat("p/lying", stream=True)), "p/lying")


def test_json_that_claims_to_be_events_is_json(detecting, replies):
    replies.expect("liar", Reply(200, Reply.whole().body, "text/event-stream"))
    assert_replayed(detecting.post(chat("p/liar", stream=True)), "p/liar")


def test_without_fallback_it_is_an_error(make_sluice, replies):
    strict = gateway(make_sluice, replies, enable_fallback=False)
    replies.expect("strict", Reply.whole())
    answer = strict.post(chat("p/strict", stream=True))
    assert answer.status == 502 and json.loads(answer.body)["error"]["code"] == "streaming_unsupported"
    replies.expect("strict-refusing", Reply.error(400, "Streaming is not supported."), Reply.whole())
    for asked in (1, 2):
        answer = strict.post(chat("p/strict-refusing", stream=True))
        assert answer.status == 400 and len(replies.requests("strict-refusing")) == asked
        replies.script["strict-refusing"] = [Reply.error(400, "Streaming is not supported.")]


def test_streams_can_be_switched_off(make_sluice, replies):
    forced = gateway(make_sluice, replies, force_non_streaming=True)
    replies.expect("forced", Reply.whole())
    assert_replayed(forced.post(chat("p/forced", stream=True)), "p/forced")
    assert [request["body"].get("stream") for request in replies.requests("forced")] == [False]


def test_anthropic_in_one_piece_becomes_events_of_either_dialect(detecting, replies):
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }
    replies.expect("claude", Reply(200, message))
    assert_replayed(detecting.post(chat("a/claude", stream=True)), "a/claude")
    asked = {"model": "a/claude", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "?"}]}
    answer = detecting.post(asked, path="/v1/messages")
    names = [line[7:] for line in answer.body.decode().splitlines() if line.startswith("event: ")]
    assert names[0] == "message_start" and names[-2:] == ["message_delta", "message_stop"]
    assert TEXT in answer.body.decode()


def test_an_error_in_the_clothes_of_an_answer_teaches_nothing(detecting, replies):
    replies.expect("dressed", Reply(200, {"error": {"message": "overloaded", "code": 503}}), Reply.events())
    assert detecting.post(chat("p/dressed", stream=True)).status >= 400
    assert_replayed(detecting.post(chat("p/dressed", stream=True)), "p/dressed")
    assert [request["body"].get("stream") for request in replies.requests("dressed")] == [True, True]


def test_a_client_cannot_talk_a_model_out_of_streaming(detecting, replies):
    echo = Reply.error(400, "Unrecognized request argument supplied: stream not supported")
    replies.expect("echoing", echo, echo, Reply.events())
    answer = detecting.post({**chat("p/echoing", stream=True), "stream not supported": 1})
    assert answer.status == 400 and len(replies.requests("echoing")) == 2
    assert_replayed(detecting.post(chat("p/echoing", stream=True)), "p/echoing")
    assert replies.requests("echoing")[2]["body"]["stream"] is True


def test_a_model_is_probed_when_that_is_asked_for(make_sluice, replies):
    probing = gateway(make_sluice, replies, detection="probe")
    for model, probe, answer, asked in [
        ("probed-whole", Reply.whole("no"), Reply.whole(), [True, False]),
        ("probed-refusing", Reply.error(400, "streaming is not supported"), Reply.whole(), [True, False]),
        ("probed-stream", Reply.events("yes"), Reply.events(), [True, True]),
        # What fails has shown nothing.
        ("probed-down", Reply.error(503), Reply.events(), [True, True]),
    ]:
        replies.expect(model, probe, answer)
        assert_replayed(probing.post(chat(f"p/{model}", stream=True)), f"p/{model}")
        seen = replies.requests(model)
        assert [bool(request["body"].get("stream")) for request in seen] == asked, model
        assert seen[0]["body"]["messages"] == [{"role": "user", "content": "Hi"}]
        assert_replayed(probing.post(chat(f"p/{model}", stream=True)), f"p/{model}")
        assert len(replies.requests(model)) == 3


def test_a_refusal_of_both_forms_ends(detecting, replies):
    replies.expect("neither", Reply.error(400, "stream must be true", param="stream"))
    assert detecting.post(chat("p/neither", stream=True)).status == 400
    assert len(replies.requests("neither")) == 2


def test_a_slow_probe_is_bridged_by_heartbeats(make_sluice, replies):
    probing = gateway(make_sluice, replies, detection="probe", commit_after="500ms", heartbeat_interval="300ms")
    slow = Reply.events("yes")
    slow.delay = 1.5
    replies.expect("slow-probe", slow, Reply.events())
    answer = probing.post(chat("p/slow-probe", stream=True))
    assert answer.body.startswith(b"\n")
    assert_replayed(answer, "p/slow-probe")


@pytest.mark.parametrize("policy", ["cancel", "drain"])
def test_nobody_is_asked_for_a_client_that_leaves_during_the_probe(make_sluice, replies, policy):
    probing = gateway(make_sluice, replies, detection="probe", on_disconnect=policy)
    slow = Reply.events("yes")
    slow.delay = 1
    replies.expect(f"left-{policy}", slow, Reply.events())
    connection = probing.open_stream(f"p/left-{policy}")
    wait_until(lambda: replies.requests(f"left-{policy}"), 5, "the probe")
    connection.close()
    wait_until(probing.idle, 3, "the exchange to end")
    time.sleep(0.5)
    assert len(replies.requests(f"left-{policy}")) == 1
