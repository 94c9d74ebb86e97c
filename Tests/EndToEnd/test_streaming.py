# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Healthy streams: pace, heartbeats, headers, names, usage, old clients."""

import json
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from checks import assert_error_answer
from events import ask, assert_broken_off, assert_whole, chat, read_stream
from upstream_modes import TEXT, USAGE
from wire import KEY, has_bytes, render, request


@pytest.fixture(scope="module")
def beating(make_sluice):
    """A gateway with a quick heart, and little patience before it commits to a 200."""
    return make_sluice(streaming={"heartbeat_interval": "200ms", "commit_after": "300ms"})


def test_S01_a_healthy_stream_has_its_media_type_its_text_one_finish_and_one_done(sluice):
    stream = ask(sluice.address, "ok")
    assert_whole(stream, TEXT)
    assert stream.response.header("content-type").split(";")[0] == "text/event-stream"
    assert stream.choices[0]["delta"]["role"] == "assistant"
    assert len({chunk["id"] for chunk in stream.chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in stream.chunks)


def test_tokens_arrive_one_by_one_as_upstream_sends_them(sluice):
    stream = ask(sluice.address, "ok-slow", metadata={"delay": "0.1", "count": "10"})
    assert_whole(stream, "".join(f"{n} " for n in range(10)))
    gaps = [b - a for a, b in zip(stream.text_times, stream.text_times[1:], strict=False)]
    assert len(stream.text_times) == 10
    assert 0.08 < statistics.median(gaps) < 0.13 and max(gaps) < 0.4, gaps


def test_tokens_arrive_one_by_one_at_curl(sluice):
    body = json.dumps(chat("ok-slow", metadata={"delay": "0.1", "count": "8"}))
    url = "http://%s:%d/v1/chat/completions" % sluice.address
    headers = ["-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json"]
    command = ["curl", "-sSN", *headers, "-d", body, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        lines = iter(process.stdout.readline, b"")
        times = [time.monotonic() for line in lines if b'"content"' in line]
    assert process.returncode == 0
    assert times[-1] - times[0] > 0.5, "the tokens came in one burst"


@pytest.mark.parametrize("model", ["sim/story", "sim/echo"])
def test_C4_the_simulator_streams_with_no_upstream_at_all(sluice, model):
    stream = ask(sluice.address, model, messages=[{"role": "user", "content": "one two three four five six"}])
    assert_whole(stream)
    assert stream.text.strip() and len(stream.text_times) >= 5
    gaps = [b - a for a, b in zip(stream.text_times, stream.text_times[1:], strict=False)]
    assert 0.005 < statistics.median(gaps) < 0.06, gaps
    if model == "sim/echo":
        assert "one two three four five six" in stream.text


def test_the_simulator_answers_whole_too(sluice):
    answer = sluice.post(chat("sim/echo", stream=False))
    assert answer.status == 200
    body = answer.json()
    assert body["object"] == "chat.completion" and "hi" in body["choices"][0]["message"]["content"]
    assert body["choices"][0]["finish_reason"] == "stop"
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )


def test_A6_a_silent_upstream_commits_then_beats(beating):
    with beating.open_stream("fault-slow-first", metadata={"delay": "1.2"}) as connection:
        started = time.monotonic()
        stream = read_stream(connection)
    assert_whole(stream, TEXT)
    assert stream.arrivals[0] - started < 0.9
    assert len(stream.heartbeats) >= 3, stream.heartbeats
    lead = stream.raw[: stream.raw.index(b"data:")]
    assert set(lead) == {ord("\n")}, f"a heartbeat is a bare newline, not {bytes(lead)!r}"


def test_A6_a_stream_that_falls_silent_beats(beating):
    stream = ask(beating.address, "ok-think", metadata={"silence": "1.1"})
    assert_whole(stream, TEXT)
    assert 3 <= len(stream.heartbeats) <= 8
    assert not [line for line in stream.raw.split(b"\n") if line.startswith(b":")], "comments upset some SDKs"


def test_A6_a_stream_that_speaks_gets_no_heartbeat(beating):
    stream = ask(beating.address, "ok-slow", metadata={"delay": "0.1", "count": "10"})
    assert_whole(stream)
    assert not stream.heartbeats


def test_A6_an_early_error_keeps_its_status_and_a_late_one_becomes_an_event(make_sluice):
    changes = {"streaming": {"heartbeat_interval": "200ms", "commit_after": "600ms"}}
    patient = make_sluice(timeouts={"first_byte": "300ms"}, **changes)
    assert_error_answer(patient.post(chat("fault-hang-headers")), 504, "upstream_timeout")
    hasty = make_sluice(timeouts={"first_byte": "1s"}, **changes)
    assert_broken_off(ask(hasty.address, "fault-hang-headers"), "upstream_timeout")


def test_an_upstream_that_ends_without_a_word_after_heartbeats_is_an_error_event(beating):
    assert_broken_off(ask(beating.address, "fault-empty-late"), "upstream_empty")


def test_nothing_is_sent_before_commit_after(sluice):
    with sluice.open_stream("fault-hang-headers") as connection:
        assert not has_bytes(connection, 0.7)


def test_the_headers_of_a_stream(sluice):
    response = ask(sluice.address, "alias").response
    assert response.header("cache-control") == "no-cache, no-transform"
    assert response.header("x-accel-buffering") == "no"
    assert response.header("x-sluice-provider") == "scripted"
    assert response.header("x-sluice-model") == "ok-alias-target"
    assert response.header("x-sluice-attempts") == "1"
    assert response.header("x-sluice-stream-id")
    assert response.header("content-encoding") is None and response.header("content-length") is None


def test_the_headers_of_a_whole_answer(sluice):
    answer = sluice.post(chat("ok", stream=False))
    assert answer.header("content-type").startswith("application/json")
    assert answer.header("x-sluice-provider") == "scripted" and answer.header("x-request-id")


def test_the_request_id_of_the_client_comes_back(sluice):
    headers = [("X-Request-Id", "req-abc_123.4")]
    assert ask(sluice.address, "ok", headers=headers).response.header("x-request-id") == "req-abc_123.4"
    assert sluice.get("/no/such", headers=headers).header("x-request-id") == "req-abc_123.4"


def test_every_request_without_an_id_gets_one_of_its_own(sluice):
    ids = {ask(sluice.address, "ok").response.header("x-request-id") for _ in range(20)}
    assert len(ids) == 20 and all(len(name) >= 16 for name in ids)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_model_name_is_mapped_both_ways(sluice, upstream, stream):
    if stream:
        answer = ask(sluice.address, "alias")
        names = {chunk["model"] for chunk in answer.chunks}
    else:
        names = {sluice.post(chat("alias", stream=False)).json()["model"]}
    assert names == {"alias"}
    assert json.loads(upstream.last("ok-alias-target")["body"])["model"] == "ok-alias-target"


def test_usage_reaches_only_the_client_that_asked_for_it(sluice):
    assert ask(sluice.address, "ok").usages == []
    asked = ask(sluice.address, "ok", stream_options={"include_usage": True})
    assert_whole(asked, TEXT)
    assert asked.usages == [USAGE] and asked.chunks[-1]["choices"] == []
    declined = ask(sluice.address, "ok", stream_options={"include_usage": False})
    assert declined.usages == []


def test_fields_that_nobody_knows_survive_a_stream_byte_for_byte(sluice):
    stream = ask(sluice.address, "ok-unknown-fields")
    assert_whole(stream, TEXT)
    for chunk in stream.chunks[1:5]:
        assert chunk["x_vendor"] == {"deep": [1, None, "é"]} and chunk["x_big"] == 9007199254740993
        assert chunk["choices"][0]["delta"]["x_in_delta"] is True
    assert sluice.post(chat("ok-unknown-fields", stream=False)).json()["x_big"] == 9007199254740993


@pytest.mark.parametrize("connection", [None, "keep-alive"], ids=["plain", "keep-alive"])
def test_S03_an_http_1_0_client_gets_no_chunked_framing(sluice, connection):
    headers = [("Connection", connection)] if connection else []
    with sluice.connect() as socket:
        socket.send(render("POST", "/v1/chat/completions", chat("ok"), headers, version="HTTP/1.0"))
        stream = read_stream(socket)
    assert stream.response.header("transfer-encoding") is None
    assert_whole(stream, TEXT)


def test_S06_50_streams_at_once_are_whole_and_unmixed(sluice):
    def one(number):
        words = f"stream {number} says " + " ".join(f"{number}-{n}" for n in range(20))
        stream = ask(sluice.address, "sim/echo", 30, messages=[{"role": "user", "content": words}])
        assert_whole(stream)
        assert words in stream.text and f" {number + 1}-" not in stream.text

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(one, range(50)))


def test_streams_on_one_kept_connection_follow_each_other(sluice):
    with sluice.connect() as connection:
        for _ in range(5):
            connection.send(render("POST", "/v1/chat/completions", chat("ok")))
            assert_whole(read_stream(connection), TEXT)


def test_a_chunked_request_is_as_good_as_one_with_a_length(sluice):
    import framing_cases as f

    with sluice.connect() as connection:
        connection.send(f.P + f.TE + b"\r\n" + f.chunked(json.dumps(chat("ok")).encode(), 1))
        assert_whole(read_stream(connection), TEXT)


@pytest.mark.parametrize("model", ["ok-tools", "ok-parallel-tools"])
def test_tool_calls_arrive_complete(sluice, model):
    stream = ask(sluice.address, model)
    assert_whole(stream, finish="tool_calls")
    calls = {}
    for choice in stream.choices:
        for call in choice["delta"].get("tool_calls", []):
            calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
    cities = [json.loads(arguments)["city"] for _, arguments in sorted(calls.items())]
    assert cities == (["Paris", "Zürich"] if model == "ok-parallel-tools" else ["Paris"])


def test_the_list_of_models_and_each_of_them(sluice):
    models = sluice.get("/v1/models").json()
    names = {model["id"] for model in models["data"]}
    assert models["object"] == "list" and {"ok", "alias", "sim/story"} <= names
    one = sluice.get("/v1/models/alias").json()
    assert one["id"] == "alias" and one["object"] == "model"
    slashed = sluice.get("/v1/models/sim/story")
    assert slashed.status == 200 and slashed.json()["id"] == "sim/story"
    assert_error_answer(sluice.get("/v1/models/no-such-model"), 404, "model_not_found")


def test_an_unknown_model_is_404_in_the_dialect(sluice):
    assert_error_answer(sluice.post(chat("no-such-model")), 404, "model_not_found")


def test_a_provider_and_model_address_a_deployment_without_an_alias(sluice):
    stream = ask(sluice.address, "scripted/ok-other")
    assert_whole(stream, TEXT)


def test_authentication_is_off_where_it_is_switched_off(make_sluice):
    gateway = make_sluice(auth={"enabled": False, "keys": []})
    assert_whole(ask(gateway.address, "ok", key=None), TEXT)
    answer = request(gateway.address, "GET", "/v1/models", key=None)
    assert answer.status == 200
