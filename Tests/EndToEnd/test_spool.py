# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Answers of providers that are kept as they came, with the times of their chunks."""

import gzip
import os
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest
from audit import ADMIN, get, row
from checks import memory_bound
from events import assert_whole, chat, read_stream
from gateway import BINARY
from proxied import SECRET, ask, providers
from raw_upstream import END
from spool import answer, answers, dropped
from wire import KEY, Connection, render, request, wait_until

# Keys that look like no vendor's.
ODD_SECRET = "0123456789abcdef0123456789abcdef"
OWN_KEY = "correct.horse:battery+staple"
CHAT = "/base/v1/chat/completions"
PAUSE = 0.4
# What a machine with much else to do may add to a time; a time is never told too short by more than a clock's step.
SLACK = 0.3


def event(text, **fields):
    choice = f'{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}'
    return f'data: {{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{choice}]}}\n\n'.encode()


STOP = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def spooling(make_sluice, raw, upstream, folder):
    """Makes a gateway that keeps the answers of the raw upstream."""

    def make(options=None, audit=None, **changes):
        scripted = {
            "name": "scripted", "kind": "openai-compatible", "base_url": "http://%s:%d/v1" % upstream.address,
            "api_key": SECRET, "max_retries": 0,
        }
        plain = {"kind": "openai-compatible", "base_url": f"{raw.url}/base/v1", "max_retries": 0}
        odd = [{**plain, "name": "odd", "api_key": ODD_SECRET}, {**plain, "name": "bare"}]
        base = {"auth": {"admin_key": ADMIN}, "models": []}
        return make_sluice(
            options=options, providers=[*providers(raw, upstream.closed_port), scripted, *odd],
            audit={"spool": str(folder), **(audit or {})}, **{**base, **changes})

    return make


def stream(sluice, model, request_id, path="/v1/chat/completions", key=KEY, **fields):
    with Connection(sluice.address, 30) as connection:
        connection.send(render("POST", path, chat(model, **fields), [("X-Request-Id", request_id)], key))
        return read_stream(connection, 30)


def say(*pieces, pause=0.0, head=()):
    """A script that sends the pieces, each as a chunk of its own, and when."""

    def script(incoming):
        incoming.body()
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *head]
        script.began = incoming.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        script.sent = []
        for piece in pieces:
            time.sleep(pause)
            script.sent.append(incoming.chunk(piece))
        incoming.send(b"0\r\n\r\n")

    return script


def test_an_answer_is_kept_byte_for_byte_with_its_pauses(spooling, raw, folder):
    sluice = spooling()
    smile = event("snow ☃ smile 😀")
    cut = smile.index("😀".encode()) + 2
    pieces = [event("one"), b": a comment\r\n\r\n", smile[:cut], smile[cut:], event("two") + event("three"), STOP]
    script = say(*pieces, pause=PAUSE, head=["X-Ratelimit-Remaining-Tokens: 7", "Set-Cookie: id=deadbeef", "X-Request-Id: up-1"])
    raw.on(CHAT, script)
    got = stream(sluice, "raw/m", "pauses")
    assert got.text == "onesnow ☃ smile 😀twothree" and got.done == 1
    kept = answer(folder, "pauses")
    assert kept.body == b"".join(pieces)
    assert kept.chunks == pieces, "pauses keep the pieces apart"
    for piece, at, sent in zip(kept.chunks, kept.times, script.sent, strict=True):
        assert abs(at / 1e6 - (sent - script.began)) < SLACK, piece
    for earlier, later in zip(kept.times, kept.times[1:], strict=False):
        assert PAUSE - SLACK / 2 < (later - earlier) / 1e6 < PAUSE + SLACK
    assert kept.end["end"] == "complete" and "redacted" not in kept.end
    head = kept.head
    assert head["provider"] == "raw" and head["model"] == "m" and head["status"] == 200 and head["attempt"] == 1
    assert head["door"] == "/v1/chat/completions" and head["dialect"] == head["client_dialect"] == "openai-chat"
    assert kept.header("x-ratelimit-remaining-tokens") == ["7"] and kept.header("set-cookie") == ["[redacted]"]
    found = row(sluice, "pauses")
    assert found["stream_id"] == head["stream_id"], "the row leads to the file"
    assert head["time"][:10] == found["received_at"][:10]


def test_the_time_before_the_head_is_kept(spooling, raw, folder):
    sluice = spooling()
    answer_now = say(event("late"), STOP)

    def slow(incoming):
        time.sleep(PAUSE)
        return answer_now(incoming)

    raw.on(CHAT, slow)
    stream(sluice, "raw/m", "waited")
    kept = answer(folder, "waited")
    assert PAUSE - 0.05 < kept.head["waited_us"] / 1e6 < PAUSE + SLACK and kept.times[0] / 1e6 < SLACK


@pytest.mark.parametrize("model, path", [("raw/m", "/v1/messages"), ("sim/echo", "/v1/chat/completions")])
def test_it_is_the_providers_answer_that_is_kept_whatever_the_client_speaks(spooling, raw, folder, model, path):
    sluice = spooling()
    raw.on(CHAT, say(event("hello"), STOP))
    assert request(
        sluice.address, "POST", path, {"model": model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hello"}]},
        [("X-Request-Id", "dialect")]).status == 200
    kept = answer(folder, "dialect")
    assert kept.head["dialect"] == "openai-chat" and kept.end["end"] == "complete"
    assert kept.body.endswith(b"data: [DONE]\n\n") and b'"chat.completion.chunk"' in kept.body
    assert (kept.head["client_dialect"] == "anthropic") == (path == "/v1/messages")


def test_a_whole_answer_is_kept(spooling, upstream, folder):
    sluice = spooling()
    got = sluice.post(chat("scripted/ok", False), headers=[("X-Request-Id", "whole")])
    assert got.status == 200
    kept = answer(folder, "whole")
    assert b'"chat.completion"' in kept.body and kept.end["end"] == "complete"


@pytest.mark.parametrize("body", [bytes(range(256)) * 1000, gzip.compress(b"compressed " * 100), b"plain"])
def test_what_is_handed_on_is_kept_as_it_came(spooling, raw, folder, body):
    sluice = spooling()
    raw.on("/base/v1/x", lambda incoming: incoming.body() and None or incoming.reply(body, headers=[("Content-Encoding", "gzip")]))
    got = ask(sluice, "/x", headers=[("X-Request-Id", "proxied")])
    assert got.status == 200 and got.body == body
    kept = answer(folder, "proxied")
    assert kept.body == body and kept.end["end"] == "complete" and kept.head["door"] == "/proxy"
    assert kept.header("content-encoding") == ["gzip"]
    assert row(sluice, "proxied")["stream_id"] == kept.head["stream_id"]


def test_an_answer_without_a_body_leaves_no_file(spooling, raw, folder):
    sluice = spooling()
    raw.on("/base/v1/none", lambda incoming: incoming.body() and None or incoming.reply(status="204 No Content", length=False))
    assert ask(sluice, "/none").status == 204
    assert sluice.post(chat("closed/m")).status == 502
    assert ask(sluice, "/none", "HEAD").status == 204
    sluice.stop()
    assert answers(folder) == []


# How it ends


def test_an_answer_that_breaks_off(spooling, raw, folder):
    sluice = spooling()

    def breaks_off(incoming):
        incoming.body()
        incoming.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        incoming.chunk(event("half"))
        time.sleep(0.2)
        return END

    raw.on(CHAT, breaks_off)
    stream(sluice, "raw/m", "broken")
    kept = answer(folder, "broken")
    assert (kept.end["end"], kept.end["error"], kept.body) == ("failed", "upstream_truncated", event("half"))
    raw.on("/base/v1/half", breaks_off)
    with Connection(sluice.address, 10) as connection:
        connection.send(render("GET", "/proxy/raw/half", headers=[("X-Request-Id", "half")]))
        connection.head()
        kept = answer(folder, "half")
    assert (kept.end["end"], kept.end["error"], kept.body) == ("failed", "upstream_truncated", event("half"))


def test_a_client_that_leaves(spooling, folder):
    sluice = spooling()
    with Connection(sluice.address, 10) as connection:
        connection.send(render("POST", "/v1/chat/completions", chat("scripted/ok-slow"), [("X-Request-Id", "left")]))
        connection.head()
        wait_until(lambda: answers(folder, "left"), 10, "the file")
        assert answers(folder, "left")[0].end is None
    kept = answer(folder, "left")
    assert kept.end["end"] == "cancelled" and 0 < len(kept.chunks) < 20


def test_each_attempt_has_a_file_and_no_key_is_in_any(spooling, raw, folder):
    refusal = f'{{"error":{{"message":"Incorrect API key {SECRET} for Bearer {KEY}","code":"invalid_api_key"}}}}'.encode()

    def refuses(incoming):
        incoming.body()
        incoming.send(f"HTTP/1.1 401 No\r\nX-Api-Key: {SECRET}\r\nX-Hint: use {SECRET}\r\n".encode())
        incoming.send(f"Content-Type: application/json\r\nContent-Length: {len(refusal)}\r\n\r\n".encode() + refusal[:44])
        # In the midst of the key.
        time.sleep(0.1)
        incoming.send(refusal[44:])

    raw.on(CHAT, refuses)
    raw.on("/base/v1/x", refuses)
    sluice = spooling(models=[
        {"name": "two", "deployments": [{"provider": "raw", "model": "m"}], "fallbacks": ["sim/echo"]}])
    assert stream(sluice, "two", "attempts").done == 1
    assert ask(sluice, "/x", headers=[("X-Request-Id", "handed")]).status == 401
    assert answer(folder, "handed").end["redacted"]
    found = wait_until(lambda: len(answers(folder, "attempts")) == 2 and answers(folder, "attempts"), 10, "two files")
    assert [(kept.head["provider"], kept.head["attempt"], kept.head["status"]) for kept in found] == [("raw", 1, 401), ("sim", 2, 200)]
    assert found[0].head["stream_id"] == found[1].head["stream_id"] == row(sluice, "attempts")["stream_id"]
    assert found[0].end["redacted"] and b"Incorrect API key [redacted]" in found[0].body
    assert found[0].header("x-api-key") == ["[redacted]"] and found[0].header("x-hint") == ["use [redacted]"]
    sluice.stop()
    text = b"".join(path.read_bytes() for path in folder.iterdir())
    assert SECRET.encode() not in text and KEY.encode() not in text and ADMIN.encode() not in text


def repeats_the_key(incoming):
    """Refuses, and says which key it was shown, cut in two."""
    incoming.body()
    key = incoming.value("x-api-key") or incoming.value("authorization").removeprefix("Bearer ")
    said = f"Incorrect API key provided: {key}, key: x. ".encode()
    incoming.send(f"HTTP/1.1 400 No\r\nX-Echo: {key}\r\n".encode())
    incoming.send(f"Content-Type: text/plain\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said[:40])
    time.sleep(0.1)
    incoming.send(said[40:])


def assert_nowhere(sluice, folder, *secrets):
    """No secret is in the spool, the log or the database, whose gateway ends."""
    log = sluice.log().encode()
    sluice.stop()
    places = {path: path.read_bytes() for path in [*folder.iterdir(), *sluice.config.parent.glob("sluice.db*")]}
    assert len(places) > 1
    for place, text in {"log": log, **places}.items():
        for secret in secrets:
            assert secret.encode() not in text and secret[:12].encode() not in text, (place, secret)


def test_no_key_is_kept_whatever_it_looks_like(spooling, raw, folder):
    sluice = spooling()
    raw.on(CHAT, repeats_the_key)
    raw.on("/base/v1/x", repeats_the_key)
    refusal = sluice.post(chat("odd/m"), headers=[("X-Request-Id", "asked")])
    assert refusal.status == 400 and ODD_SECRET.encode() not in refusal.body and b"provided: [redacted], key" in refusal.body
    assert ODD_SECRET in ask(sluice, "/x", headers=[("X-Request-Id", "handed")], provider="odd").body.decode()
    # Where the gateway has no key of its own, the client's goes upstream.
    own = [("X-Request-Id", "own"), ("x-api-key", OWN_KEY)]
    assert OWN_KEY in ask(sluice, "/x", headers=own, provider="bare").body.decode()
    for name in ("asked", "handed", "own"):
        kept = answer(folder, name)
        assert kept.body == b"Incorrect API key provided: [redacted], key: x. " and kept.end["redacted"], name
        assert kept.header("x-echo") == ["[redacted]"]
    assert row(sluice, "handed")["response"] == row(sluice, "own")["response"] == kept.body.decode()
    assert "provided: [redacted], key" in row(sluice, "asked")["error"]
    assert_nowhere(sluice, folder, ODD_SECRET, OWN_KEY)


def test_a_refusal_that_ends_inside_a_key_keeps_no_part_of_it(spooling, raw, folder):
    sluice = spooling()

    def breaks_off(incoming):
        incoming.body()
        incoming.send(b"HTTP/1.1 401 No\r\nContent-Type: text/plain\r\nContent-Length: 900\r\n\r\nIncorrect API key: ")
        incoming.send(ODD_SECRET[:12].encode())
        time.sleep(0.3)
        return END

    raw.on(CHAT, breaks_off)
    raw.on("/base/v1/x", breaks_off)
    assert sluice.post(chat("odd/m"), headers=[("X-Request-Id", "broken")]).status in (401, 502)
    with Connection(sluice.address, 10) as connection:
        connection.send(render("GET", "/proxy/odd/x", headers=[("X-Request-Id", "handed")]))
        connection.head()
        assert answer(folder, "handed").end["end"] == "failed"
    with Connection(sluice.address, 10) as connection:
        connection.send(render("GET", "/proxy/odd/x", headers=[("X-Request-Id", "left")]))
        connection.head()
    for name in ("broken", "handed", "left"):
        kept = answer(folder, name)
        assert kept.body == b"Incorrect API key: " and kept.end["redacted"], name
    assert row(sluice, "handed")["response"] == row(sluice, "left")["response"] == "Incorrect API key: "
    assert_nowhere(sluice, folder, ODD_SECRET)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/proxy/raw/chat/completions"])
def test_a_long_refusal_is_cut_and_says_so(spooling, raw, folder, path):
    sluice = spooling()
    raw.on(CHAT, lambda incoming: incoming.body() and None or incoming.reply(b"no word of it. " * 10_000, "500 No"))
    assert sluice.post(chat("raw/m"), path, headers=[("X-Request-Id", "long")]).status in (500, 502)
    kept = answer(folder, "long")
    assert (kept.end["end"], kept.end["error"]) == ("truncated", "limit") and len(kept.body) <= 64 << 10


def test_an_answer_is_cut_at_its_bound_and_the_stream_is_not(spooling, folder):
    sluice = spooling(audit={"spool_max_answer": "100KiB"})
    got = stream(sluice, "scripted/ok-big", "long", metadata={"size": 1 << 20})
    assert_whole(got)
    kept = answer(folder, "long")
    assert len(kept.body) == 100 << 10 and (kept.end["end"], kept.end["error"]) == ("truncated", "limit")


def test_the_folder_keeps_within_its_bound(spooling, folder):
    sluice = spooling(audit={"spool_max_bytes": "1MiB"})
    for number in range(12):
        assert_whole(stream(sluice, "scripted/ok-big", f"bound-{number}", metadata={"size": 128 << 10}))
        answer(folder, f"bound-{number}")
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 1 << 20, "nothing is under way"
    assert answers(folder, "bound-0") == [] and answers(folder, "bound-10"), "the oldest go"
    assert dropped(sluice) == 0


# When the disk fails


def test_a_full_disk_disturbs_no_stream(spooling, folder, disk):
    control, environment = disk
    sluice = spooling(options={"env": environment}, database_url="none")
    assert_whole(stream(sluice, "scripted/ok", "before"))
    answer(folder, "before")
    control.write_text("full")
    for number in range(5):
        assert_whole(stream(sluice, "scripted/ok", f"full-{number}"))
    wait_until(lambda: dropped(sluice, "folder") == 5, 10, "all are counted")
    complaints = [line for line in sluice.log().splitlines() if "not spooled whole" in line]
    assert len(complaints) == 1 and "No space left" in complaints[0], "said once, not for each answer"
    assert len(list(folder.iterdir())) == 1, "no empty files are left"
    control.unlink()
    assert_whole(stream(sluice, "scripted/ok", "after"))
    assert answer(folder, "after").end["end"] == "complete"


def test_a_disk_that_becomes_full_amid_an_answer_leaves_whole_lines(spooling, folder, disk):
    control, environment = disk
    sluice = spooling(options={"env": environment}, database_url="none")
    done = []
    reader = threading.Thread(
        target=lambda: done.append(stream(sluice, "scripted/ok-slow", "amid", metadata={"delay": 0.15, "count": 20})))
    reader.start()
    wait_until(lambda: answers(folder, "amid") and answers(folder, "amid")[0].chunks, 10, "its beginning")
    control.write_text("full")
    wait_until(lambda: dropped(sluice) == 1, 10, "it is counted")
    control.unlink()
    reader.join(20)
    assert_whole(done[0])
    kept = answer(folder, "amid")
    assert (kept.end["end"], kept.end["error"]) == ("truncated", "folder")
    told = done[0].raw.replace(b'"scripted/ok-slow"', b'"ok-slow"')
    assert told.startswith(kept.body) and 0 < len(kept.chunks) < 23


def test_a_folder_that_is_removed_disturbs_no_stream(spooling, folder):
    sluice = spooling()
    done = []
    reader = threading.Thread(
        target=lambda: done.append(stream(sluice, "scripted/ok-slow", "gone", metadata={"delay": 0.1, "count": 20})))
    reader.start()
    wait_until(lambda: answers(folder, "gone"), 10, "its beginning")
    shutil.rmtree(folder)
    reader.join(20)
    assert_whole(done[0])
    assert_whole(stream(sluice, "scripted/ok", "gone-too"))
    wait_until(lambda: dropped(sluice, "folder") == 2, 10, "both are counted")
    assert not folder.exists(), "it is not made anew: it may be one on a disk that is not mounted"
    folder.mkdir()
    assert_whole(stream(sluice, "scripted/ok", "back"))
    assert answer(folder, "back").end["end"] == "complete"


def test_more_than_the_disk_takes_is_cut_and_the_stream_is_not(spooling, folder, disk):
    control, environment = disk
    sluice = spooling(options={"env": environment}, database_url="none", audit={"spool_max_answer": "1GiB"})
    done = []
    reader = threading.Thread(
        target=lambda: done.append(stream(sluice, "scripted/ok-slow", "slow", metadata={"delay": 0.2, "count": 10})))
    reader.start()
    wait_until(lambda: answers(folder, "slow") and answers(folder, "slow")[0].chunks, 10, "its beginning")
    before = sluice.rss()
    control.write_text("stuck")
    began = time.monotonic()
    assert_whole(stream(sluice, "scripted/ok-big", "flood", metadata={"size": 48 << 20}))
    reader.join(20)
    assert_whole(done[0])
    assert time.monotonic() - began < 20
    assert sluice.rss() - before < memory_bound(40 << 20), "what waits is bounded"
    assert dropped(sluice, "queue") >= 1
    control.unlink()
    kept = answer(folder, "flood")
    assert (kept.end["end"], kept.end["error"]) == ("truncated", "queue") and 0 < len(kept.body) < 20 << 20
    assert_whole(stream(sluice, "scripted/ok", "after"))
    assert answer(folder, "after").end["end"] == "complete"
    sluice.assert_healthy()


def test_kill_9_leaves_lines_that_can_be_read(spooling, folder):
    sluice = spooling()
    connections = [sluice.open_stream("scripted/ok-slow", metadata={"delay": 0.05, "count": 200}) for _ in range(20)]
    wait_until(lambda: len([kept for kept in answers(folder) if len(kept.chunks) > 5]) == 20, 20, "all run")
    sluice.kill()
    for connection in connections:
        connection.close()
    found = answers(folder)
    assert len(found) == 20
    for kept in found:
        assert kept.end is None and len(kept.chunks) > 5 and kept.body.startswith(b"data: ")


def test_what_waits_is_written_at_the_end(spooling, folder):
    sluice = spooling()
    done = []
    reader = threading.Thread(
        target=lambda: done.append(stream(sluice, "scripted/ok-slow", "drained", metadata={"delay": 0.05, "count": 20})))
    reader.start()
    wait_until(lambda: answers(folder, "drained"), 10, "its beginning")
    assert sluice.terminate(20) == 0
    reader.join(20)
    assert_whole(done[0])
    kept = answers(folder, "drained")[0]
    kept.assert_sound()
    assert kept.end["end"] == "complete" and kept.body.endswith(b"data: [DONE]\n\n")


def test_a_database_that_fails_takes_no_time_from_the_spool(spooling, folder, disk):
    control, environment = disk
    sluice = spooling(options={"env": environment})
    database = sluice.config.parent / "sluice.db"
    database.rename(database.with_name("elsewhere.db"))
    wait_until(lambda: "storage fails" in sluice.log(), 15, "the database fails")
    control.write_text("stuck")
    assert_whole(stream(sluice, "scripted/ok", "late"))
    sluice.process.send_signal(signal.SIGTERM)
    time.sleep(3)
    assert sluice.alive, "it waits for the disk"
    control.unlink()
    assert sluice.process.wait(20) == 0
    assert answer(folder, "late").end["end"] == "complete" and "not spooled whole" not in sluice.log()


def test_what_the_drain_cuts_says_so(spooling, folder):
    sluice = spooling(drain_timeout="500ms")
    with sluice.open_stream("scripted/ok-slow") as connection:
        connection.head()
        wait_until(lambda: answers(folder), 10, "the file")
        assert sluice.terminate(20) == 0
    assert answers(folder)[0].end["end"] == "cancelled"


# Who reads it, and for how long


def test_nobody_reads_it_but_the_owner_of_the_files(spooling, folder):
    sluice = spooling(auth={"admin_key": ADMIN, "enabled": True, "keys": [KEY]}, page=True)
    marker = "spooled-words"
    messages = [{"role": "user", "content": marker}]
    asked = {"model": "sim/echo", "stream": True, "messages": messages}
    assert sluice.post(asked, headers=[("X-Request-Id", "mine")], key=KEY).status == 200
    kept = answer(folder, "mine")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    found = row(sluice, "mine")
    assert str(folder) not in str(found) and "base64" not in found
    name, stream_id = kept.path.name, kept.head["stream_id"]
    member = sluice.post({"name": "other"}, "/admin/keys", key=ADMIN).json()["key"]
    wait_until(lambda: sluice.get("/v1/models", key=member).status == 200, 10, "the key")
    paths = [
        f"/{name}", f"/spool/{name}", f"/api/v1/spool/{name}", f"/api/v1/spool/{stream_id}", "/api/v1/spool", f"/api/v1/audit/{name}",
        f"/api/v1/audit/{stream_id}", f"/api/v1/audit/{found['id']}/spool", f"/api/v1/streams/{stream_id}", f"//{folder}/{name}",
        f"/..{folder}/{name}", f"/%2e%2e{folder}/{name}", f"/api/v1/audit/..%2f..%2f{name}", f"/proxy/raw/..%2f{name}",
    ]
    for path in paths:
        for key in (None, KEY, member, ADMIN):
            got = sluice.get(path, key=key)
            assert got.status in (400, 401, 403, 404, 405, 502), (path, got)
            assert b"sluice_spool" not in got.body and b"chat.completion.chunk" not in got.body
    assert get(sluice, "/api/v1/audit", member, request_id="mine").json()["data"] == []


def test_what_a_key_was_answered_can_be_erased(spooling, folder):
    sluice = spooling()
    made = [sluice.post({"name": "k"}, "/admin/keys", key=ADMIN).json() for _ in range(2)]
    for number, key in enumerate(made):
        wait_until(lambda key=key: sluice.get("/v1/models", key=key["key"]).status == 200, 10, "the key")
        for turn in range(3):
            assert_whole(stream(sluice, "scripted/ok", f"key-{number}-{turn}", key=key["key"]))
            assert answer(folder, f"key-{number}-{turn}").head["key"] == key["id"]
            row(sluice, f"key-{number}-{turn}")
    def erase(key):
        return subprocess.run(
            [BINARY, "audit", "erase", "--key", key["id"], "--config", sluice.config,
             "--database", f"sqlite:{sluice.config.parent}/sluice.db"], capture_output=True, text=True)

    erased = erase(made[0])
    assert erased.returncode == 0, erased
    assert erased.stdout == "erased the content of 3 requests\nremoved 3 spooled answers\n"
    assert {kept.head["request_id"] for kept in answers(folder)} == {f"key-1-{turn}" for turn in range(3)}
    # A folder that is not there, as of a disk that is not mounted.
    folder.rename(folder.with_name("elsewhere"))
    failed = erase(made[1])
    assert failed.returncode == os.EX_IOERR and failed.stdout == "erased the content of 3 requests\n"
    assert "the database's rows are erased, the spool is not" in failed.stderr and "No such file" in failed.stderr
    folder.with_name("elsewhere").rename(folder)
    # What cannot be looked through may be the key's.
    (folder / f"stream_{'0' * 32}-1.jsonl").write_bytes(bytes(9 << 20))
    failed = erase(made[1])
    assert failed.returncode == os.EX_IOERR and "3 spooled answers are removed, but 1 files may be left" in failed.stderr
    assert len(list(folder.iterdir())) == 1


def test_old_answers_are_removed(spooling, folder):
    folder.mkdir(mode=0o700)
    old = folder / f"stream_{'0' * 32}-1.jsonl"
    other = folder / "notes.txt"
    for path in (old, other):
        path.write_text("{}\n")
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    sluice = spooling(audit={"retention": "1h"})
    wait_until(lambda: not old.exists(), 10, "the old answer is gone")
    assert other.exists(), "what is not the spool's is left alone"
    assert_whole(stream(sluice, "scripted/ok", "new"))
    answer(folder, "new")


# The settings


def refused(make_sluice, upstream, **audit):
    with pytest.raises(AssertionError) as failure:
        make_sluice(audit=audit)
    return str(failure.value)


def test_a_folder_that_cannot_be_used_is_refused_at_the_start(make_sluice, upstream, tmp_path):
    (tmp_path / "file").write_text("")
    assert "audit.spool: " in (said := refused(make_sluice, upstream, spool=str(tmp_path / "file"))) and "Not a directory" in said
    # Nobody makes files there, root neither.
    assert "/proc/self cannot be written to" in refused(make_sluice, upstream, spool="/proc/self")
    assert "audit.spool must be the path of a folder, from / on" in refused(make_sluice, upstream, spool="spool")
    assert "cannot be made: No such file" in refused(make_sluice, upstream, spool=str(tmp_path / "a" / "b"))
    environment = {**os.environ, "SLUICE_AUDIT_SPOOL": str(tmp_path / "file"), "SLUICE_DATABASE_URL": "none"}
    assert subprocess.run([BINARY, "serve"], env=environment, cwd=tmp_path, capture_output=True, timeout=20).returncode == 78


def test_a_spool_is_content(make_sluice, upstream, tmp_path):
    said = refused(make_sluice, upstream, spool=str(tmp_path / "spool"), content="none")
    assert "audit.spool keeps what providers answer, which audit.content 'none' forbids" in said
    assert not (tmp_path / "spool").exists()


def test_nothing_is_kept_unless_asked(make_sluice):
    sluice = make_sluice()
    assert_whole(stream(sluice, "ok", "off"))
    assert [path.name for path in sluice.config.parent.rglob("*.jsonl")] == []
