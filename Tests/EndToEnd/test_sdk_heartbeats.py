# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Heartbeats at every front door: they are sent in every silence, and no official SDK minds them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from doors import DOORS, Ask
from gateway import BINARY, Process
from upstream_modes import TEXT
from wire import Connection, render

INTERVAL = 0.1  # seconds of silence before a heartbeat
PACE = 0.4  # seconds before each token of the slow simulator
WORDS = "slow but steady"
# A provider for each dialect that is handed on as it comes at one of the doors.
UPSTREAMS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama": ""}


@pytest.fixture(scope="module")
def gateway(make_sluice, upstream, tmp_path_factory):
    """A gateway of frequent heartbeats before a slow simulator and a scripted upstream that pauses."""
    command = [BINARY, "simulate", "--delay", str(int(PACE * 1000)), "--listen", "127.0.0.1:0"]
    simulator = Process(command, tmp_path_factory.mktemp("slow") / "stderr.log")
    root = "http://%s:%d" % simulator.address
    providers = [
        {"name": kind, "kind": kind, "base_url": root + path, "api_key": "sk-upstream-secret"}
        for kind, path in UPSTREAMS.items()
    ]
    scripted = {
        "name": "scripted",
        "kind": "openai-compatible",
        "base_url": "http://%s:%d/v1" % upstream.address,
        "api_key": "sk-upstream-secret",
    }
    streaming = {"heartbeat_interval": f"{int(INTERVAL * 1000)}ms", "commit_after": f"{int(INTERVAL * 1000)}ms"}
    yield make_sluice(streaming=streaming, providers=[*providers, scripted], models=[])
    simulator.kill()


@pytest.fixture(params=DOORS)
def door(request, gateway):
    door = DOORS[request.param](gateway.address)
    yield door
    door.close()


def test_heartbeats_before_the_first_event_and_between_events(door):
    ask = Ask("scripted/ok-pauses", door.user(WORDS), streams=True)
    assert "".join(door.pieces(ask)) == TEXT
    assert door.ask(ask).text == TEXT, "by the SDK's own helper"


def test_heartbeats_between_the_events_of_every_dialect(door):
    def ask(kind):
        return door.ask(Ask(f"{kind}/echo", door.user(WORDS), streams=True)).text

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(ask, UPSTREAMS)) == [WORDS] * len(UPSTREAMS)


USER = [{"role": "user", "content": WORDS}]
STREAMS = {
    "chat": ("/v1/chat/completions", {"messages": USER, "stream": True}),
    "responses": ("/v1/responses", {"input": WORDS, "stream": True}),
    "messages": ("/v1/messages", {"messages": USER, "max_tokens": 100, "stream": True}),
    "gemini": (
        "/v1beta/models/{model}:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]},
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_no_silence_is_longer_than_the_interval(gateway, name):
    path, body = STREAMS[name]

    def silences(model):
        with Connection(gateway.address) as connection:
            named = body if name == "gemini" else {"model": model, **body}
            connection.send(render("POST", path.format(model=model), named))
            answer = connection.head()
            assert answer.status == 200
            times = [time for time, _ in connection.chunks(answer)]
        return [later - earlier for earlier, later in zip(times, times[1:], strict=False)]

    models = ["scripted/ok-pauses", *(f"{kind}/echo" for kind in UPSTREAMS)]
    with ThreadPoolExecutor() as pool:
        longest = {model: max(found) for model, found in zip(models, pool.map(silences, models), strict=True)}
    assert all(silence < PACE * 0.8 for silence in longest.values()), longest
