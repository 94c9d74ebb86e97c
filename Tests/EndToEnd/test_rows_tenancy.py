# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Two organisations on one gateway: no key reads what is another's, by any door that gives back what is stored."""

import re
import threading
import time
from urllib.parse import quote

import pytest

from audit import query
from events import chat, read_stream
from extraction import Events
from routes import STORED, routes
from wire import ADMIN, render, request, wait_until

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
MISSING = {
    "audit": "audit_" + "0" * 32, "stream": "stream_" + "0" * 32, "session": "chat_" + "0" * 32, "document": "doc_" + "0" * 32,
    "proxied": "stream_" + "0" * 32,
}
WORDS = "the-words-of-one"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def gate(request, make_sluice, make_database, upstream, extractor):
    """A gateway with all that stores something, on each kind of database."""
    url = make_database(request.param)
    remote = {"kind": "openai-compatible", "api_key": "sk-upstream-secret", "max_retries": 0}
    gate = make_sluice(
        auth={"admin_key": ADMIN},
        database_url=url,
        log={"level": "debug"},
        providers=[
            {**remote, "name": "scripted", "base_url": "http://%s:%d/v1" % upstream.address},
            {**remote, "name": "reader", "base_url": extractor.url, "models": ["scholar"]},
            {"name": "sim", "kind": "simulator"},
        ],
        models=[{"name": "ok-slow", "deployments": [{"provider": "scripted"}]}],
        documents={"model": "reader/scholar"},
    )
    gate.url = url
    wait_until(lambda: gate.get("/readyz", key=None).status == 200, 15, "the database is reached")
    return gate


@pytest.fixture(scope="module")
def keys(gate):
    """A key of each organisation, both of a user of the same name; and one of nobody's."""

    def create(**fields):
        answer = gate.post({"name": "k", **fields}, "/admin/keys", key=ADMIN)
        assert answer.status == 201, answer
        return answer.json()["key"]

    return {
        "one": create(organization="one", user="u"), "two": create(organization="two", user="u"), "none": create(),
    }


class Owned:
    """What the first organisation has: a row, a conversation, a document with its result, two streams that go on."""

    def __init__(self, gate, key):
        self.gate, self.key = gate, key
        name = "of-one-1"
        asked = gate.post(chat("sim/echo", stream=False, user=WORDS), headers=[("X-Request-Id", name)], key=key)
        assert asked.status == 200, asked
        rows = wait_until(lambda: gate.get(f"/api/v1/audit?request_id={name}", key=key).json()["data"], 10, "the row")
        session = gate.post({"model": "sim/echo", "title": WORDS}, "/api/v1/chat/sessions", key=key).json()["id"]
        said = gate.post({"content": WORDS}, f"/api/v1/chat/sessions/{session}/messages", key=key)
        assert said.status == 200 and b"event: done" in said.body, said.body
        text = f"# {WORDS}\n\n## Week 1: begin\n\n{WORDS} topic-one\n".encode()
        sent = request(gate.address, "POST", "/api/v1/documents", text, [("Content-Type", "text/markdown")], key)
        assert sent.status == 201, sent
        document = sent.json()["id"]
        with Events(gate.address, f"/api/v1/documents/{document}/extract-stream", key=key) as events:
            end = events.end()
            assert end[0] == "done", end
        self.connection = gate.connect(60)
        body = chat("ok-slow", metadata={"delay": "0.2", "count": "250"}, user=WORDS)
        self.connection.send(render("POST", "/v1/chat/completions", body, key=key))
        head = self.connection.head()
        assert head.status == 200
        self.handed_on = gate.connect(60)
        self.handed_on.send(render("POST", "/proxy/scripted/chat/completions", body, key=key))
        assert self.handed_on.head().status == 200
        streams = gate.get("/api/v1/streams", key=key).json()["data"]
        self.ids = {
            "audit": rows[0]["id"], "stream": head.header("x-sluice-stream-id"), "session": session, "document": document,
            "proxied": next(stream["id"] for stream in streams if stream["door"] == "/proxy"),
        }

    def view(self):
        """What its owner sees of it, but for figures that move by themselves."""
        paths = [path.format(**self.ids) for path in (
            "/api/v1/audit/{audit}", "/api/v1/chat/sessions/{session}", "/api/v1/chat/sessions/{session}/messages",
            "/api/v1/documents/{document}", "/api/v1/documents/{document}/result", "/api/v1/documents/{document}/content",
        )]
        answers = [self.gate.get(path, key=self.key) for path in paths]
        streams = self.gate.get("/api/v1/streams", key=self.key).json()["data"]
        return [(answer.status, answer.body) for answer in answers], [stream["id"] for stream in streams]


@pytest.fixture(scope="module")
def owned(gate, keys):
    owned = Owned(gate, keys["one"])
    yield owned
    owned.connection.close()
    owned.handed_on.close()


def plain(answer):
    """An answer's status and body without what differs from one request to the next."""
    return answer.status, re.sub(rb"req_[0-9a-f]{32}", b"", answer.body)


def item_routes(gate):
    """Every route of one stored thing, from the gateway's own list of doors."""
    return [path + below for path in routes(gate) for below in STORED.get(path, []) if "{" in below]


BODIES = {"POST": {"content": "hi", "message": "hi"}, "PUT": {"title": "x"}, "PATCH": {"title": "stolen"}}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["two", "none"])
def test_T01_what_is_anothers_is_like_what_is_not_there(gate, keys, owned, who, method):
    before, found = owned.view(), 0
    for route in item_routes(gate):
        for tail in ("", ("&" if "?" in route else "?") + "key=" + keys["one"]):
            theirs, missing = (
                request(gate.address, method, (route + tail).format(**ids), body(method, route, ids), key=keys[who])
                for ids in (owned.ids, MISSING)
            )
            assert plain(theirs) == plain(missing), (method, route, theirs.status, missing.status)
            # The head of a stream is told without looking for anything, to everybody with a key.
            is_bare = (method, route.partition("?")[0]) == ("HEAD", "/chat/stream")
            assert theirs.status in ((200,) if is_bare else (400, 404, 405)), (method, route, theirs.status)
            assert WORDS.encode() not in theirs.body
            found += theirs.status == 404
    assert found or method in ("PUT", "OPTIONS")
    assert owned.view() == before, "the owner's own must be as it was"


def body(method, route, ids):
    if method not in BODIES:
        return None
    return {"message": "hi", "chat_id": ids["session"]} if route.startswith("/chat") else BODIES[method]


def lists(gate):
    return [path + below for path in routes(gate) for below in STORED.get(path, []) if "{" not in below]


@pytest.mark.parametrize("who", ["two", "none"])
def test_T01_T04_no_list_tells_of_anothers_whatever_it_is_asked_for(gate, keys, owned, who):
    stolen = [
        "", "key=" + keys["one"], "organization=one", "user=u", "organization=one&user=u", "limit=1000", "limit=1000000000",
        "limit=-1", "include=content", "q=" + WORDS, "request_id=of-one-1", "group_by=organization,user,key", "orgId=one&userId=u",
        "organization=%25", "user=_", "x-org-id=one",
    ]
    forged = [("x-org-id", "one"), ("x-user-id", "u"), ("X-Organization", "one")]
    for path in lists(gate):
        mine = gate.get(path, key=keys["one"])
        assert mine.status == 200 and mine.body, path
        for parameters in stolen:
            answer = request(gate.address, "GET", f"{path}?{parameters}", headers=forged, key=keys[who])
            assert answer.status in (200, 400), (path, parameters, answer.status)
            text = answer.body.decode()
            assert not [id for id in owned.ids.values() if id in text], (path, parameters)
            assert WORDS not in text and "of-one-1" not in text and '"one"' not in text, (path, parameters, text)


def test_V10_what_is_stored_is_kept_by_no_cache_and_is_what_it_says_it_is(gate, keys, owned):
    asked = 0
    for route in item_routes(gate) + lists(gate):
        if route.startswith("/chat"):
            continue
        for who in ("one", "two"):
            answer = gate.get(route.format(**owned.ids), key=keys[who])
            if answer.status in (404, 405) and who == "one":
                continue
            asked += answer.status == 200
            # Events are never asked for again by a cache; `no-transform` is what keeps proxies from holding them.
            is_stream = (answer.header("content-type") or "").startswith("text/event-stream")
            kept = "no-cache, no-transform" if is_stream else "no-store"
            assert answer.header("cache-control") == kept or answer.status != 200, (route, answer.headers)
            assert answer.header("x-content-type-options") == "nosniff", (route, answer.headers)
            name = answer.header("content-disposition")
            assert name is None or (name.startswith("attachment") and '\r' not in name)
    assert asked >= 10


def test_T03_a_run_and_a_stream_cannot_be_joined_by_another(gate, keys, owned):
    for path in ("/api/v1/documents/{document}/extract-stream", "/chat/stream?message=hi&chat_id={session}"):
        headers = [("Last-Event-ID", "0"), ("Accept", "text/event-stream")]
        answer = request(gate.address, "GET", path.format(**owned.ids), headers=headers, key=keys["two"])
        assert answer.status == 404 and b"event:" not in answer.body
    with gate.connect(10) as connection:
        connection.send(render("GET", "/api/v1/streams", None, [("Last-Event-ID", owned.ids["stream"])], keys["two"]))
        assert connection.response("GET").json()["data"] == []


def test_T05_no_answer_is_kept_for_another_who_asks_the_same(gate, keys, upstream):
    before = upstream.count("ok-other")
    for who in ("one", "two", "one"):
        assert gate.post(chat("scripted/ok-other", stream=False), key=keys[who]).status == 200
    assert upstream.count("ok-other") == before + 3


def test_T07_nobody_gives_what_is_theirs_away_or_takes_more(gate, keys, owned):
    path = "/api/v1/chat/sessions/{session}".format(**owned.ids)
    before = owned.view()
    for member in ("organization", "org_id", "user", "user_id", "key", "key_id", "tenant", "role", "budget", "owner", "id"):
        answer = request(gate.address, "PATCH", path, {"title": "new", member: "two"}, key=keys["one"])
        assert answer.status == 400, (member, answer.status)
        made = gate.post({"title": "new", member: "two"}, "/api/v1/chat/sessions", key=keys["two"])
        assert made.status == 400, (member, made.status)
    assert owned.view() == before


def test_T02_identifiers_cannot_be_guessed(gate, keys):
    made = {"chat": [], "doc": [], "stream": []}
    for number in range(40):
        made["chat"].append(gate.post({}, "/api/v1/chat/sessions", key=keys["two"]).json()["id"])
        fields = [("Content-Type", "text/plain")]
        document = request(gate.address, "POST", "/api/v1/documents", b"%d" % number, fields, keys["two"])
        made["doc"].append(document.json()["id"])
    streams = wait_until(lambda: gate.get("/api/v1/streams", key=keys["one"]).json()["data"] or [{}], 5, "a stream")
    made["stream"] += [stream["id"] for stream in streams if stream]
    for _ in range(40):
        answer = gate.post(chat("sim/echo", max_tokens=1), key=keys["two"])
        made["stream"].append(answer.header("x-sluice-stream-id"))
    for prefix, ids in made.items():
        assert all(re.fullmatch(prefix + "_[0-9a-f]{32}", id) for id in ids), ids
        numbers = [int(id.partition("_")[2], 16) for id in ids]
        steps = [later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)]
        assert min(abs(step) for step in steps) > 1 << 64 and {step > 0 for step in steps} == {True, False}


HOSTILE = [
    "%", "_", "\\", "%%%%%%", "'", '"', "'; DROP TABLE audit; --", "' OR '1'='1", "\x00", "a\x00b", "$1", ":q", "\u2028", "\x1b[31m",
    "%_" * 100, "x" * 255, "x" * 1000, "x" * 7000, "x" * 1_000_000,
]
NAMES = {
    "/api/v1/audit": ["q", "key", "organization", "user", "model", "provider", "door", "outcome", "request_id", "cursor", "from", "to"],
    "/api/v1/audit/export": ["q", "user", "model", "request_id"],
    "/api/v1/usage": ["group_by", "from", "to"],
    "/api/v1/streams": ["limit"],
    "/api/v1/chat/sessions": ["cursor", "limit"],
    "/api/v1/documents": ["cursor", "limit"],
}


def test_T13_no_search_is_more_than_a_search_and_streams_go_on_meanwhile(gate, keys, owned):
    assert set(NAMES) == set(lists(gate)), "each list has its parameters here"
    streams = [gate.connect(60) for _ in range(4)]
    for stream in streams:
        stream.send(render("POST", "/v1/chat/completions", chat("sim/story"), key=keys["two"]))
    read = [None] * len(streams)
    threads = [
        threading.Thread(target=lambda n=n, stream=stream: read.__setitem__(n, read_stream(stream, 30)), daemon=True)
        for n, stream in enumerate(streams)
    ]
    for thread in threads:
        thread.start()
    before, slowest = owned.view(), 0.0
    for path, names in NAMES.items():
        for name in names:
            for text in HOSTILE:
                began = time.monotonic()
                answer = gate.get(f"{path}?{name}={quote(text)}", key=keys["two"])
                slowest = max(slowest, time.monotonic() - began)
                assert answer.status in (200, 400, 414), (path, name, text[:20], answer.status)
                assert WORDS.encode() not in answer.body and b"SELECT" not in answer.body and b"syntax" not in answer.body
    for name in ("organization", "user", "cursor"):
        for text in HOSTILE:
            assert gate.get(f"/admin/keys?{name}={quote(text)}", key=ADMIN).status in (200, 400, 414)
    for thread in threads:
        thread.join(30)
    assert all(stream and stream.done == 1 for stream in read)
    gaps = [b - a for stream in read for a, b in zip(stream.text_times, stream.text_times[1:], strict=False)]
    assert max(gaps) < 1.0 and slowest < 5.0, (max(gaps), slowest)
    assert owned.view() == before
    if gate.url.startswith("sqlite:"):
        assert query(gate.url.removeprefix("sqlite:"), "PRAGMA integrity_check") == [("ok",)]
