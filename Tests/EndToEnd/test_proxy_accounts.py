# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What is recorded of requests that are handed on: time to the first token, text, tokens, model and cost."""

import json
import time

import pytest

from audit import row, usage
from proxied import ask, providers
from wire import ADMIN, request, wait_until

PRICES = [
    {"model": "raw/*", "input": "2", "output": "8", "cached": "1", "cache_write": "3"},
    {"model": "raw/exact", "input": "1000", "output": "1000"},
    {"model": "open/*", "input": "1", "output": "1"},
]
OWN = [{"name": "named-otherwise", "deployments": [{"provider": "raw", "model": "own"}], "price": {"input": "5", "output": "5"}}]
EVENTS = [("Content-Type", "text/event-stream")]
JSON = [("Content-Type", "application/json")]


@pytest.fixture(scope="module")
def proxy(make_sluice, make_database, raw, upstream):
    gateway = make_sluice(
        auth={"admin_key": ADMIN}, database_url=make_database("sqlite"), providers=providers(raw, upstream.closed_port),
        models=OWN, prices=PRICES,
    )  # fmt: skip
    wait_until(lambda: gateway.get("/readyz", key=None).status == 200, 15, "the database is reached")
    return gateway


def event(data):
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def chunk(text, **more):
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}], **more}


@pytest.fixture
def recorded(proxy, raw, request):
    """Hands a request on, to an answer of a body and its fields, and gives its row."""
    count = 0

    def hand_on(answer, headers, body=b"{}", path="/accounts", method="POST", status="200 OK", provider="raw"):
        nonlocal count
        count += 1
        name = f"{request.node.name[:60]}-{count}".replace("[", "-").replace("]", "-")
        base = "" if provider == "open" else "/base/v1"

        def script(incoming):
            incoming.body()
            incoming.reply(answer, status, headers)

        raw.on(base + path.partition("?")[0], script)
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        sent = [("X-Request-Id", name), ("Content-Type", "application/json")]
        assert ask(proxy, path, method, body, sent, provider=provider).body == answer
        return row(proxy, name)

    return hand_on


def tokens(row):
    names = ("input_tokens", "output_tokens", "cached_tokens", "cache_written_tokens", "reasoning_tokens")
    return tuple(row[name] for name in names)


def metrics(proxy):
    return request(proxy.address, "GET", "/metrics", key=ADMIN).body.decode()


def first_tokens(proxy):
    lines = metrics(proxy).splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("sluice_first_token_seconds_count "))


@pytest.mark.parametrize("type_", ["text/event-stream", "application/x-ndjson"])
def test_a_stream_is_recorded_as_one_with_the_time_of_its_first_piece(proxy, raw, type_):
    def script(incoming):
        incoming.body()
        incoming.send(f"HTTP/1.1 200 OK\r\nContent-Type: {type_}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        time.sleep(0.2)
        for word in "abc":
            line = json.dumps(chunk(word))
            incoming.chunk(f"data: {line}\n\n".encode() if "event" in type_ else f"{line}\n".encode())
            time.sleep(0.2)
        incoming.send(b"0\r\n\r\n")

    raw.on("/base/v1/slowly", script)
    before = first_tokens(proxy)
    name = "streamed-" + type_.rpartition("/")[2]
    ask(proxy, "/slowly", "POST", b"{}", [("X-Request-Id", name)])
    found = row(proxy, name)
    assert found["stream"] is True and found["response"] == "abc"
    assert 200_000 <= found["first_token_us"] <= found["duration_us"] - 500_000
    line = next(line for line in proxy.log().splitlines() if f"id={name}" in line)
    assert "stream=true" in line and "first_token_ms=-" not in line
    assert first_tokens(proxy) == before + 1


def test_an_answer_in_one_piece_has_no_first_token(recorded):
    found = recorded(b'{"content":"a"}', JSON)
    assert found["stream"] is False and found["first_token_us"] is None and found["response"] == "a"


def test_anthropics_counts_are_put_together_and_cost_what_each_class_costs(recorded):
    start = {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5, "output_tokens": 1}
    found = recorded(
        event({"type": "message_start", "message": {"model": "claude-x", "usage": start}})
        + event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}})
        + event({"type": "message_delta", "usage": {"output_tokens": 7}}),
        EVENTS,
    )
    assert tokens(found) == (105, 7, 90, 5, None) and found["response"] == "hi" and found["model"] == "claude-x"
    assert found["cost"] == pytest.approx((10 * 2 + 90 * 1 + 5 * 3 + 7 * 8) / 1e6) and found["estimated"] is False


def test_the_model_that_was_asked_for_is_priced_and_summed(proxy, recorded):
    counts = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    counts["completion_tokens_details"] = {"reasoning_tokens": 1}
    answer = event(chunk("hello", model="gpt-x-2026")) + event({"choices": [], "usage": counts}) + event("[DONE]")
    found = recorded(answer, EVENTS, {"messages": [{"role": "user", "content": "hi"}], "model": "gpt-x"})
    assert (found["requested_model"], found["model"], found["response"]) == ("gpt-x", "gpt-x", "hello")
    assert tokens(found) == (10, 2, 4, None, 1) and found["cost"] == pytest.approx((6 * 2 + 4 * 1 + 2 * 8) / 1e6)
    told = json.dumps({"model": "exact", "usage": {"input_tokens": 3, "output_tokens": 4}}).encode()
    assert recorded(told, JSON)["cost"] == pytest.approx(7 / 1e3), "the model that the answer names"
    assert recorded(told, JSON, {"model": "own"})["cost"] == pytest.approx(35 / 1e6), "the deployment's own price"
    gemini = json.dumps({"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3}}).encode()
    assert recorded(gemini, JSON, path="/models/gemini-x:generateContent")["model"] == "gemini-x"
    sums = {group["model"]: group for group in usage(proxy, group_by="model")}
    assert sums["gpt-x"]["input_tokens"] == 10 and sums["gpt-x"]["cost"] == found["cost"]
    assert sums["gemini-x"]["output_tokens"] == 3 and {"exact", "own", "claude-x"} <= sums.keys()


def test_ollamas_lines_and_embeddings_are_counted(recorded):
    lines = b'{"model":"l","message":{"content":"he"}}\n{"message":{"content":"llo"},"done":true,"prompt_eval_count":4,"eval_count":2}\n'
    found = recorded(lines, [("Content-Type", "application/x-ndjson")], path="/api/chat", provider="open")
    assert found["response"] == "hello" and tokens(found) == (4, 2, None, None, None) and found["cost"] == pytest.approx(6 / 1e6)
    vector = {"data": [{"embedding": [0.25] * 100}], "model": "e", "usage": {"prompt_tokens": 6, "total_tokens": 6}}
    found = recorded(json.dumps(vector).encode(), JSON)
    assert tokens(found) == (6, None, None, None, None) and found["cost"] == pytest.approx(12 / 1e6)


def test_a_long_answer_keeps_its_beginning_and_all_its_tokens(recorded):
    said = {"choices": [{"message": {"content": "a" * 1_200_000}}], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    found = recorded(json.dumps(said).encode(), JSON)
    assert found["response"] == "a" * (1 << 20) and found["truncated"] is True
    assert tokens(found)[:2] == (9, 3)


def test_what_is_looked_up_is_not_counted_again(recorded):
    told = json.dumps({"model": "gpt-x", "usage": {"input_tokens": 3, "output_tokens": 4}}).encode()
    found = recorded(told, JSON, None, method="GET")
    assert tokens(found) == (None,) * 5 and found["cost"] is None


def test_a_clients_word_alone_makes_no_name_in_sums_and_metrics(proxy, recorded):
    found = recorded(b'{"ok":true}', JSON, {"model": "made-up-1"})
    assert (found["requested_model"], found["model"]) == ("made-up-1", "")
    told = json.dumps({"error": {"message": "m"}, "model": "made-up-2", "usage": {"prompt_tokens": 1}}).encode()
    found = recorded(told, JSON, {"model": "made-up-2"}, status="400 Bad Request")
    assert found["model"] == "" and found["cost"] is None and found["outcome"] == "upstream_error"
    assert "made-up" not in metrics(proxy)
    assert not [group for group in usage(proxy, group_by="model") if "made-up" in (group["model"] or "")]
