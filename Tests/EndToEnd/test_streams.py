# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The streams under way: who sees them, what is told of them, who may end them."""

import re
import socket
import threading

import pytest

from checks import assert_error_answer
from events import chat
from wire import ADMIN, KEY, Closed, render, request, wait_until

PATH = "/api/v1/streams"
OTHER = "sk-other-77c1d92e0a4b8f53"


@pytest.fixture(scope="module")
def gateway(make_sluice):
    return make_sluice(auth={"enabled": True, "keys": [KEY, OTHER], "admin_key": ADMIN})


def ask(gateway, method="GET", path=PATH, key=ADMIN, **options):
    return request(gateway.address, method, path, key=key, **options)


class Client(threading.Thread):
    """Asks in the background, and keeps the answer."""

    def __init__(self, gateway, model, tag, stream=True, key=KEY, **knobs):
        super().__init__(daemon=True)
        body = chat(model, stream=stream, metadata=knobs, user=tag)
        self.ask = lambda: request(gateway.address, "POST", "/v1/chat/completions", body=body, key=key, timeout=30)
        self.answer = None
        self.start()

    def run(self):
        self.answer = self.ask()

    def result(self):
        self.join(15)
        assert self.answer is not None, "no answer within 15 s"
        return self.answer


def streams(gateway, key=ADMIN):
    answer = ask(gateway, key=key)
    assert answer.status == 200, answer
    assert answer.header("cache-control") == "no-store"
    return answer.json()["data"]


def find(gateway, model, key=ADMIN, check=lambda stream: True):
    def look():
        return next((found for found in streams(gateway, key) if found["model"] == model and check(found)), None)

    return wait_until(look, 5, f"a stream of {model}")


def test_a_stream_is_told_with_its_figures_and_is_gone_at_its_end(gateway, tag):
    client = Client(gateway, "ok-slow", tag(), delay="0.1", count="20")
    seen = find(gateway, "ok-slow", check=lambda stream: stream["output_tokens"] > 2)
    assert seen["phase"] == "streaming" and seen["stream"] is True
    assert seen["provider"] == "scripted" and seen["upstream_model"] == "ok-slow"
    assert seen["door"] == "/v1/chat/completions" and seen["attempts"] == 1
    assert re.fullmatch(r"stream_[0-9a-f]{32}", seen["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen["started_at"])
    assert 0 <= seen["queue_ms"] <= seen["first_token_ms"] <= seen["age_ms"]
    assert seen["connect_ms"] >= 0 and seen["events"] > 2 and seen["tokens_per_second"] > 0
    assert seen["pauses"] == 0 and seen["paused"] is False
    answer = client.result()
    assert answer.header("x-sluice-stream-id") == seen["id"]
    assert answer.header("x-request-id") == seen["request_id"]
    assert seen["id"] not in [stream["id"] for stream in streams(gateway)]


def test_cancelling_a_stream_ends_upstream_and_tells_the_client(gateway, upstream, tag):
    name = tag()
    client = Client(gateway, "ok-slow", name, delay="0.1", count="200")
    seen = find(gateway, "ok-slow", check=lambda stream: stream["phase"] == "streaming")
    answer = ask(gateway, "DELETE", f"{PATH}/{seen['id']}")
    assert answer.status == 204 and answer.body == b"" and answer.header("content-length") is None
    upstream.wait_for(name)
    told = client.result()
    assert told.status == 200 and told.complete
    assert b'"stream_cancelled"' in told.body and b"cancelled by its owner or an operator" in told.body
    assert wait_until(lambda: "outcome=cancelled" in gateway.log(), 5, "the outcome in the log")
    assert_error_answer(ask(gateway, "DELETE", f"{PATH}/{seen['id']}"), 404, "stream_not_found")


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_has_had_nothing_yet_gets_a_status_that_it_does_not_repeat(gateway, upstream, tag, stream):
    name = tag()
    client = Client(gateway, "fault-hang-headers", name, stream=stream)
    seen = find(gateway, "fault-hang-headers", check=lambda stream: stream["phase"] == "waiting")
    assert seen["first_token_ms"] is None and seen["tokens_per_second"] is None and seen["output_tokens"] == 0
    assert seen["stream"] is stream
    assert ask(gateway, "DELETE", f"{PATH}/{seen['id']}").status == 204
    assert_error_answer(client.result(), 499, "stream_cancelled")
    upstream.wait_for(name)


def test_what_waits_for_a_connection_says_so(make_sluice, tag):
    # A full backlog takes no connection, and refuses none.
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        base = "http://127.0.0.1:%d/v1" % full.getsockname()[1]
        slow = {"name": "slow", "kind": "openai-compatible", "base_url": base, "max_retries": 0}
        gateway = make_sluice(
            auth={"enabled": True, "keys": [KEY], "admin_key": ADMIN}, providers=[{**slow, "timeouts": {"connect": "20s"}}],
            models=[],
        )
        client = Client(gateway, "slow/any", tag())
        seen = find(gateway, "slow/any", check=lambda stream: stream["phase"] == "connecting")
        assert seen["connect_ms"] is None and seen["provider"] == "slow" and seen["upstream_model"] == "any"
        assert ask(gateway, "DELETE", f"{PATH}/{seen['id']}").status == 204
        assert_error_answer(client.result(), 499, "stream_cancelled")
        for other in others:
            other.close()


def test_a_member_sees_and_ends_its_own_streams_only(gateway, upstream, tag):
    name = tag()
    client = Client(gateway, "ok-slow", name, delay="0.1", count="100")
    seen = find(gateway, "ok-slow", key=KEY)
    assert streams(gateway, OTHER) == []
    answer = ask(gateway, "DELETE", f"{PATH}/{seen['id']}", key=OTHER)
    missing = ask(gateway, "DELETE", f"{PATH}/stream_{'0' * 32}", key=OTHER)
    assert_error_answer(answer, 404, "stream_not_found")
    same = ("message", "type", "code", "param")
    assert [answer.error[name] for name in same] == [missing.error[name] for name in same]
    assert upstream.abort_of(name) is None
    assert ask(gateway, "DELETE", f"{PATH}/{seen['id']}", key=KEY).status == 204
    client.result()


def hand_on(gateway, model, tag, key=KEY, **knobs):
    """A connection on which a request was sent to be handed on unread."""
    connection = gateway.connect(20)
    body = chat(model, metadata=knobs, user=tag)
    connection.send(render("POST", "/proxy/scripted/chat/completions", body, key=key))
    return connection


def test_what_is_handed_on_is_told_and_ended_like_other_streams(gateway, upstream, tag):
    name = tag()
    with hand_on(gateway, "ok-slow", name, delay="0.05", count="400") as connection:
        answer = connection.head()
        assert answer.status == 200
        seen = find(gateway, "", KEY, lambda stream: stream["first_token_ms"] is not None)
        assert (seen["door"], seen["provider"], seen["upstream_model"]) == ("/proxy", "scripted", None)
        assert seen["phase"] == "streaming" and seen["stream"] is True and seen["attempts"] == 1
        assert 0 <= seen["connect_ms"] <= seen["first_token_ms"] <= seen["age_ms"]
        assert re.fullmatch(r"stream_[0-9a-f]{32}", seen["id"])
        assert seen in [{**stream, **{name: seen[name] for name in ("age_ms", "started_at")}} for stream in streams(gateway)]
        assert streams(gateway, OTHER) == []
        assert_error_answer(ask(gateway, "DELETE", f"{PATH}/{seen['id']}", key=OTHER), 404, "stream_not_found")
        assert upstream.abort_of(name) is None
        assert ask(gateway, "DELETE", f"{PATH}/{seen['id']}", key=KEY).status == 204
        with pytest.raises(Closed):
            list(connection.chunks(answer, 10))
    wait_until(lambda: upstream.abort_of(name) is not None, 5, "upstream is let go of")
    assert streams(gateway) == []
    assert_error_answer(ask(gateway, "DELETE", f"{PATH}/{seen['id']}"), 404, "stream_not_found")


def test_what_is_handed_on_and_not_answered_yet_is_refused_when_it_is_ended(gateway, upstream, tag):
    name = tag()
    with hand_on(gateway, "fault-hang-headers", name) as connection:
        seen = find(gateway, "", check=lambda stream: stream["phase"] == "waiting")
        assert ask(gateway, "DELETE", f"{PATH}/{seen['id']}").status == 204
        assert_error_answer(connection.response(), 499, "stream_cancelled")
    wait_until(lambda: upstream.abort_of(name) is not None, 5, "upstream is let go of")


def test_the_bound_of_the_list_is_for_all_together_newest_first(gateway, upstream, tag):
    client = Client(gateway, "ok-slow", tag(), delay="0.1", count="30")
    find(gateway, "ok-slow")
    with hand_on(gateway, "ok-slow", tag(), delay="0.1", count="30") as connection:
        assert connection.head().status == 200
        told = ask(gateway, path=f"{PATH}?limit=1").json()
        assert [stream["door"] for stream in told["data"]] == ["/proxy"] and told["total"] == 2
        assert [stream["model"] for stream in streams(gateway)] == ["", "ok-slow"]
    client.result()


def test_without_a_key_nothing_is_told(gateway):
    assert_error_answer(ask(gateway, key=None), 401, "missing_api_key")
    assert_error_answer(ask(gateway, "DELETE", f"{PATH}/x", key=None), 401)
    assert_error_answer(ask(gateway, key="sk-wrong"), 401, "invalid_api_key")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e9", "99999999999999999999"])
def test_a_limit_must_be_a_number_from_one(gateway, limit):
    assert_error_answer(ask(gateway, path=f"{PATH}?limit={limit}"), 400)


@pytest.mark.parametrize("path", ["/x", "/x/y", "/", "/%2e%2e/audit"])
def test_a_stream_is_not_read_by_itself(gateway, path):
    assert_error_answer(ask(gateway, path=PATH + path), 404)


def test_the_list_is_bounded_and_says_how_many_there_are(gateway, tag):
    clients = [Client(gateway, "ok-slow", tag(), delay="0.2", count="10") for _ in range(5)]
    wait_until(lambda: len(streams(gateway)) >= 5, 5, "five streams")
    newest = [stream["id"] for stream in streams(gateway)][:2]
    told = ask(gateway, path=f"{PATH}?limit=2").json()
    assert [stream["id"] for stream in told["data"]] == newest and told["total"] >= 5
    for client in clients:
        assert client.result().status == 200


def test_a_stream_that_its_client_does_not_read_shows_its_pause(make_sluice, upstream, tag):
    gateway = make_sluice(
        auth={"enabled": True, "keys": [KEY], "admin_key": ADMIN}, streaming={"high_watermark": "16KiB"}
    )
    with gateway.open_stream("ok-big", 60, 4096, metadata={"size": "20000000"}):
        seen = find(gateway, "ok-big", check=lambda stream: stream["paused"])
        assert seen["pauses"] >= 1
