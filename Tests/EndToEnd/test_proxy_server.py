# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A gateway that hands everything on to one upstream: the setting `upstream_url`."""

import os
import time

import pytest

from proxied import echo
from wire import ADMIN, KEY, render, request, wait_until


@pytest.fixture(scope="module")
def whole(make_sluice, raw):
    """By the variable, without keys."""
    environment = {**os.environ, "SLUICE_UPSTREAM_URL": raw.url}
    return make_sluice(
        options={"env": environment}, auth={"enabled": False, "keys": []}, providers=[], models=[]
    )


@pytest.fixture(scope="module")
def guarded(make_sluice, raw):
    """By the file, with keys, and below a path."""
    return make_sluice(upstream_url=f"{raw.url}/below/", providers=[], models=[])


def test_chunks_of_a_chat_stream_arrive_when_they_are_sent(whole, raw):
    sent = []

    def script(incoming):
        incoming.body()
        incoming.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for word in (b"Hello", b" world", b"!"):
            time.sleep(0.1)
            sent.append(incoming.chunk(b'data: {"content": "%s"}\n\n' % word))
        time.sleep(0.1)
        sent.append(incoming.chunk(b"data: [DONE]\n\n"))
        incoming.send(b"0\r\n\r\n")

    raw.on("/v1/chat/completions", script)
    with whole.connect() as connection:
        connection.send(render("POST", "/v1/chat/completions", {"model": "any", "stream": True}, key="sk-client-own"))
        head = connection.head()
        pieces = list(connection.chunks(head))
    assert head.header("content-type") == "text/event-stream"
    assert b"".join(data for _, data in pieces) == (
        b'data: {"content": "Hello"}\n\ndata: {"content": " world"}\n\ndata: {"content": "!"}\n\ndata: [DONE]\n\n'
    )
    assert len(pieces) == 4
    for number in range(3):
        assert pieces[number][0] < sent[number + 1], f"chunk {number} waited for the next"
    assert raw.last("/v1/chat/completions").value("authorization") == "Bearer sk-client-own"


@pytest.mark.parametrize("path", ["/", "/v1/models", "/proxy/raw/x", "/v1/messages", "//a//b", "/x?y=/../z"])
def test_every_path_that_is_no_door_of_the_gateways_own_goes_upstream(whole, raw, path):
    raw.on(path.partition("?")[0], echo)
    answer = request(whole.address, "PUT", path, b"body", key=None)
    assert answer.body == b"body" and raw.seen[-1].target == path


def test_the_gateways_own_doors_stay(whole, raw):
    before = len(raw.seen)
    assert request(whole.address, "GET", "/healthz", key=None).json() == {"status": "ok"}
    assert b"sluice_streams_active" in request(whole.address, "GET", "/metrics", key=None).body
    assert request(whole.address, "POST", "/readyz", b"", key=None).status == 405
    assert request(whole.address, "OPTIONS", "*", key=None).status == 404
    assert len(raw.seen) == before


def test_a_foreign_page_is_turned_away_as_at_every_door(whole, raw):
    before = len(raw.seen)
    answer = request(whole.address, "POST", "/v1/x", b"{}", [("Origin", "https://evil.example")], key=None)
    assert answer.status == 403 and len(raw.seen) == before


def test_with_keys_on_the_key_is_asked_for_and_kept(guarded, raw):
    raw.on("/below/v1/keys", echo)
    assert request(guarded.address, "GET", "/v1/keys", key=None).status == 401
    assert request(guarded.address, "GET", "/v1/keys", key="sk-wrong").status == 401
    assert not raw.requests("/below/v1/keys")
    answer = request(guarded.address, "GET", "/v1/keys", headers=[("x-api-key", "upstream's")])
    seen = raw.last("/below/v1/keys")
    assert answer.status == 200 and not seen.values("authorization") and seen.value("x-api-key") == "upstream's"
    assert KEY not in str(seen.headers)
    assert request(guarded.address, "GET", "/../up").status == 400


def test_a_key_of_the_gateways_goes_no_further_where_none_is_asked_for(make_sluice, raw):
    auth = {"enabled": False, "keys": [KEY], "admin_key": ADMIN}
    gateway = make_sluice(upstream_url=raw.url, auth=auth, providers=[], models=[])
    raw.on("/open", echo)
    for key, passes in ((KEY, False), (ADMIN, False), ("sk-client-own", True)):
        assert request(gateway.address, "GET", "/open", key=key).status == 200
        assert (key in str(raw.last("/open").headers)) == passes, key


def test_it_is_accounted_for_under_the_name_upstream(guarded, raw):
    raw.on("/below/count", echo)
    before = guarded.metric("sluice_requests_total", door="/proxy", provider="upstream")
    request(guarded.address, "GET", "/count")
    wait_until(lambda: guarded.metric("sluice_requests_total", door="/proxy", provider="upstream") == before + 1)


def test_the_log_says_at_its_start_where_everything_goes(guarded, raw):
    assert f"{raw.url}/below" in guarded.log() and "sim" not in guarded.log().partition("listening on")[0]
