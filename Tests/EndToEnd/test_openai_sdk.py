# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The official `openai` SDK works unchanged by base URL and key."""

import asyncio
import json
import statistics
import time

import openai
import pytest

from upstream_modes import TEXT, USAGE
from wire import KEY, wait_until

HI = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def base_url(sluice):
    return "http://%s:%d/v1" % sluice.address


@pytest.fixture(scope="module")
def client(base_url):
    with openai.OpenAI(api_key=KEY, base_url=base_url, max_retries=0, timeout=20) as client:
        yield client


def test_a_whole_answer(client):
    answer = client.chat.completions.create(model="ok", messages=HI)
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop" and answer.model == "ok"
    assert answer.usage.total_tokens == USAGE["total_tokens"]


def test_a_stream(client):
    stream = client.chat.completions.create(model="ok", messages=HI, stream=True)
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(client):
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model="ok", messages=HI, stream=True, stream_options=options)
    )
    assert chunks[-1].usage.total_tokens == USAGE["total_tokens"] and not chunks[-1].choices


@pytest.mark.parametrize("model", ["sim/story", "ok-slow"])
def test_tokens_arrive_over_time(client, model):
    extra = {"metadata": {"delay": "0.05", "count": "10"}} if model == "ok-slow" else {}
    stream = client.chat.completions.create(model=model, messages=HI, stream=True, **extra)
    times = [time.monotonic() for chunk in stream if chunk.choices and chunk.choices[0].delta.content]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len(times) >= 10 and statistics.median(gaps) > 0.005


@pytest.mark.parametrize("model", ["ok", "sim/story"])
def test_the_stream_helper(client, model):
    with client.chat.completions.stream(model=model, messages=HI) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert text and final.choices[0].message.content == text
    assert final.choices[0].finish_reason == "stop"


def test_raw_responses_show_the_headers(client):
    raw = client.chat.completions.with_raw_response.create(model="alias", messages=HI)
    assert raw.headers["x-sluice-provider"] == "scripted"
    assert raw.headers["x-sluice-model"] == "ok-alias-target"
    assert raw.headers["x-request-id"] and raw.parse().choices[0].message.content == TEXT
    with client.chat.completions.with_streaming_response.create(
        model="ok", messages=HI, stream=True
    ) as streamed:
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert streamed.headers["x-accel-buffering"] == "no"
        assert "[DONE]" in "".join(streamed.iter_text())


def collect(stream):
    """The tool calls of a stream, their fragments joined."""
    calls = {}
    for chunk in stream:
        for part in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
            call["id"] = call["id"] or part.id
            call["name"] = call["name"] or part.function.name
            call["arguments"] += part.function.arguments or ""
        reason = chunk.choices[0].finish_reason or None
    return [calls[index] for index in sorted(calls)], reason


@pytest.mark.parametrize("model", ["sim/tools", "ok-tools", "ok-parallel-tools"])
def test_a_whole_tool_loop(client, model):
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    calls, reason = collect(
        client.chat.completions.create(model=model, messages=messages, tools=[WEATHER], stream=True)
    )
    assert reason == "tool_calls" and calls
    assert len(calls) == (2 if model == "ok-parallel-tools" else 1)
    functions = [{"name": call["name"], "arguments": call["arguments"]} for call in calls]
    assert all(function["name"] == "get_weather" for function in functions)
    assert all(isinstance(json.loads(function["arguments"]), dict) for function in functions)
    assert len({call["id"] for call in calls}) == len(calls)
    tool_calls = [
        {"id": call["id"], "type": "function", "function": function}
        for call, function in zip(calls, functions, strict=True)
    ]
    messages.append({"role": "assistant", "content": None, "tool_calls": tool_calls})
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "21 degrees"} for call in calls]
    answer = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content and answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ["sim/tools", "ok-tools"])
def test_a_tool_call_in_a_whole_answer(client, model):
    answer = client.chat.completions.create(model=model, messages=HI, tools=[WEATHER])
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls" and call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments), dict)


def test_leaving_a_stream_cancels_upstream(client, upstream, tag):
    name = tag()
    stream = client.chat.completions.create(model="fault-endless", messages=HI, stream=True, user=name)
    next(iter(stream))
    left = time.monotonic()
    stream.close()
    assert upstream.wait_for(name) - left < 0.25


def test_a_cancelled_task_cancels_upstream(base_url, upstream, tag):
    name = tag()

    async def run():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client:
            request = client.chat.completions.create(
                model="fault-hang-headers", messages=HI, stream=True, user=name
            )
            task = asyncio.create_task(request)
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(upstream.wait_for, name)

    asyncio.run(run())


def test_a_client_timeout_cancels_upstream(client, upstream, tag):
    name = tag()
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.4).chat.completions.create(
            model="fault-hang-headers", messages=HI, user=name
        )
    upstream.wait_for(name)


ERRORS = [
    ("fault-400", openai.BadRequestError),
    ("no-such-model", openai.NotFoundError),
    ("fault-404", openai.NotFoundError),
    ("fault-409", openai.ConflictError),
    ("fault-422", (openai.UnprocessableEntityError, openai.BadRequestError)),
    ("fault-429", openai.RateLimitError),
    ("fault-500", openai.InternalServerError),
    ("fault-401", openai.InternalServerError),
    ("refused", openai.InternalServerError),
    ("fault-html-502", openai.InternalServerError),
]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("model, error", ERRORS, ids=[model for model, _ in ERRORS])
def test_an_error_is_the_sdks_own_class(client, model, error, stream):
    with pytest.raises(error) as caught:
        client.chat.completions.create(model=model, messages=HI, stream=stream)
    assert caught.value.request_id and caught.value.body["message"]


def test_a_bad_key_is_an_authentication_error(base_url):
    with openai.OpenAI(api_key="sk-wrong", base_url=base_url, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="ok", messages=HI, stream=True)


def test_a_bad_request_is_a_bad_request_error(client):
    with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError)):
        client.chat.completions.create(model="ok", messages="not a list")


@pytest.mark.parametrize("model", ["fault-rst-midstream", "fault-error-event", "fault-truncate-chunk"])
def test_a_fault_in_mid_stream_raises_after_the_tokens_so_far(client, model):
    tokens = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model=model, messages=HI, stream=True):
            tokens.append(chunk.choices[0].delta.content or "")
    assert "".join(tokens) == "Ten deltas of t"
    assert not isinstance(caught.value, openai.APIConnectionError), (
        "told by an event, not by a broken connection"
    )


def test_models_are_listed_and_read(client):
    names = {model.id for model in client.models.list()}
    assert {"ok", "alias", "sim/story"} <= names
    assert client.models.retrieve("alias").id == "alias"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_heartbeats_do_not_disturb_the_sdk(make_sluice):
    gateway = make_sluice(streaming={"heartbeat_interval": "100ms", "commit_after": "100ms"})
    with openai.OpenAI(api_key=KEY, base_url="http://%s:%d/v1" % gateway.address, max_retries=0) as client:
        for model in ("ok-think", "fault-slow-first"):
            knobs = {"silence": "0.8", "delay": "0.8"}
            chunks = list(
                client.chat.completions.create(model=model, messages=HI, stream=True, metadata=knobs)
            )
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT


def test_30_streams_at_once_by_the_async_client(sluice, base_url):
    async def one(client, number):
        words = f"number {number} " * 5
        messages = [{"role": "user", "content": words}]
        parts = []
        stream = await client.chat.completions.create(model="sim/echo", messages=messages, stream=True)
        async for chunk in stream:
            parts.append((chunk.choices[0].delta.content or "") if chunk.choices else "")
        assert words.strip() in "".join(parts)

    async def run():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client:
            await asyncio.gather(*(one(client, number) for number in range(30)))

    asyncio.run(run())
    wait_until(sluice.idle, what="all streams ended")
