# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The chat service: conversations that are stored, answered as streams, and belong to somebody."""

import json
import re
import sqlite3
import threading
import time

import pytest

from audit import row
from events import Stream, read_stream
from gateway import Sluice, settings
from stepped import CUT, END, Stepped
from wire import KEY, Connection, Response, render, request, wait_until

OTHER = "sk-test-0000000000000000"
SESSIONS = "/api/v1/chat/sessions"
ID = re.compile(r"(chat|msg)_[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
OPEN = {"enabled": False, "keys": []}


@pytest.fixture(scope="module")
def model():
    server = Stepped()
    yield server
    server.shutdown()


@pytest.fixture(autouse=True)
def forget(model):
    """No call of one test is left for the next."""
    model.automatic = None
    while not model.calls.empty():
        model.calls.get()


@pytest.fixture(scope="module")
def chat_settings(model):
    return {
        "auth": {"enabled": True, "keys": [KEY, OTHER]},
        # With two providers, a name that none of the models has is nobody's.
        "providers": [model.provider, {**model.provider, "name": "second"}, {"name": "sim", "kind": "simulator"}],
        "models": [{"name": "m", "deployments": [{"provider": "stepped", "model": "m"}]}],
    }


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request, make_database):
    """Makes addresses of databases that are empty."""
    return lambda: make_database(request.param)


@pytest.fixture(scope="module")
def chat(make_sluice, chat_settings, database):
    return make_sluice(**chat_settings, database_url=database())


@pytest.fixture(scope="module")
def open_chat(make_sluice, chat_settings, database):
    """A gateway that asks for no keys."""
    return make_sluice(**{**chat_settings, "auth": OPEN}, database_url=database())


def begin(sluice, key=KEY, **fields):
    answer = sluice.post(fields, SESSIONS, key=key)
    assert answer.status == 201, answer
    return answer.json()["id"]


def say(sluice, session, content="hi", key=KEY, timeout=15.0, **fields):
    """A connection on which a message has been sent."""
    connection = sluice.connect(timeout)
    connection.send(render("POST", f"{SESSIONS}/{session}/messages", {"content": content, **fields}, key=key))
    return connection


def chat_request(sluice, method, path, body=None, key=KEY, headers=()):
    return request(sluice.address, method, path, body, headers, key)


def messages(sluice, session, key=KEY):
    answer = sluice.get(f"{SESSIONS}/{session}/messages?limit=1000", key=key)
    assert answer.status == 200, answer
    return answer.json()["data"]


def found(sluice, session, key=KEY):
    answer = sluice.get(f"{SESSIONS}/{session}", key=key)
    assert answer.status == 200, answer
    return answer.json()


def named(stream):
    return [(name, data) for _, name, data in stream.events]


def roles(rows):
    return [(row["role"], row["content"]) for row in rows]


# The two contracts that clients were written against, byte for byte.


def test_chat_answers_whole_with_four_members_in_order(open_chat, model):
    model.automatic = ["Hello ", "you", END]
    answer = open_chat.post({"message": "Hi"}, "/chat", key=None, headers=[("x-org-id", "o1"), ("x-user-id", "u1")])
    assert answer.status == 200, answer
    body = answer.json()
    assert list(body) == ["chat_id", "message_id", "reply", "created_at"]
    assert body["reply"] == "Hello you"
    assert ID.fullmatch(body["chat_id"]) and ID.fullmatch(body["message_id"]) and TIME.fullmatch(body["created_at"])
    more = open_chat.post(
        {"message": "More", "chat_id": body["chat_id"]}, "/chat", key=None, headers=[("x-org-id", "o1"), ("x-user-id", "u1")]
    )
    assert more.json()["chat_id"] == body["chat_id"]
    model.take()
    assert model.take().messages == [("user", "Hi"), ("assistant", "Hello you"), ("user", "More")]


EXPECTED = (
    'data: {"token":"This","done":false}\n\n'
    'data: {"token":" ","done":false}\n\n'
    'data: {"token":"is \\"it\\"\\n☃","done":false}\n\n'
    'data: {"token":"","done":true,"fullText":"This is \\"it\\"\\n☃"}\n\n'
).encode()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_chat_stream_is_the_bytes_of_the_contract(open_chat, model, method):
    model.automatic = ["This", " ", 'is "it"\n☃', END]
    if method == "POST":
        answer = open_chat.post({"message": "Hi"}, "/chat/stream", key=None)
    else:
        answer = open_chat.get("/chat/stream?message=Hi+there&orgId=o&userId=u", key=None)
    assert answer.status == 200, answer
    assert answer.body == EXPECTED
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert answer.header("cache-control") == "no-cache, no-transform"
    assert answer.header("x-accel-buffering") == "no"
    assert ID.fullmatch(answer.header("x-sluice-chat-id"))


def test_a_messages_stream_is_the_bytes_of_the_contract(chat, model):
    session = begin(chat)
    model.automatic = ["Hello", " world", "a\nb\r\nc", END]
    with say(chat, session) as connection:
        stream = read_stream(connection)
    ids = [row["id"] for row in messages(chat, session)]
    assert bytes(stream.raw) == (
        'event: start\ndata: {"status":"streaming"}\n\n'
        "event: chunk\ndata: Hello\n\n"
        "event: chunk\ndata:  world\n\n"
        "event: chunk\ndata: a\ndata: b\ndata: c\n\n"
        f'event: done\ndata: {{"user_message_id":"{ids[0]}","assistant_message_id":"{ids[1]}"}}\n\n'
    ).encode()


def test_each_token_arrives_when_it_is_said_and_heartbeats_disturb_no_parser(make_sluice, chat_settings, database, model):
    sluice = make_sluice(
        **{**chat_settings, "auth": OPEN}, database_url=database(),
        streaming={"heartbeat_interval": "100ms", "commit_after": "100ms"},
    )
    with sluice.connect() as connection:
        connection.send(render("GET", "/chat/stream?message=hi", key=None))
        call = model.take()
        heard = read_stream(connection, until=lambda stream: len(stream.heartbeats) >= 2)
        call.say("one")
        for at, data in connection.chunks(heard.response):
            heard.feed(at, data)
            if heard.events and len(heard.heartbeats) >= 5:
                break
        call.say("two", END)
        for at, data in connection.chunks(heard.response):
            heard.feed(at, data)
    # As an EventSource hears it, and as a reader of lines does.
    assert [json.loads(data).get("token") for data in heard.datas] == ["one", "two", ""]
    lines = [json.loads(line[6:]) for line in heard.raw.decode().split("\n") if line.startswith("data: ")]
    assert lines[-1] == {"token": "", "done": True, "fullText": "onetwo"}


# What is stored, and when.


def test_the_last_ten_messages_are_told_after_the_system_prompt(chat, model):
    session = begin(chat, system="Be brief.")
    for number in range(7):
        model.automatic = [f"a{number}", END]
        with say(chat, session, f"q{number}") as connection:
            assert named(read_stream(connection))[-1][0] == "done"
        last = model.take()
    assert last.messages[0] == ("system", "Be brief.")
    # Ten messages: the new one and nine before it, of which the first is not a model's.
    assert last.messages[1:] == [
        pair for number in range(2, 6) for pair in (("user", f"q{number}"), ("assistant", f"a{number}"))
    ] + [("user", "q6")]
    row = found(chat, session)
    assert (row["message_count"], row["title"], row["tokens"]) == (14, "q0", 7 * 8)


def test_an_answer_is_stored_with_what_is_known_of_it(chat, model):
    session = begin(chat, title="Mine")
    with say(chat, session, temperature=0.5, max_tokens=7) as connection:
        call = model.take()
        assert (call.body["temperature"], call.body["max_tokens"]) == (0.5, 7)
        call.say("fine", END)
        read_stream(connection)
    question, answer = messages(chat, session)
    assert question["outcome"] is None and question["model"] is None
    assert list(answer) == [
        "id", "role", "content", "created_at", "outcome", "is_partial", "is_streamed", "response_ms", "model", "provider",
        "input_tokens", "output_tokens", "is_estimated",
    ]
    assert (answer["outcome"], answer["is_partial"], answer["is_streamed"]) == ("completed", False, True)
    assert (answer["model"], answer["provider"]) == ("m", "stepped")
    assert (answer["input_tokens"], answer["output_tokens"], answer["is_estimated"]) == (3, 5, False)
    assert 0 <= answer["response_ms"] < 15000
    assert found(chat, session)["title"] == "Mine"


def test_the_question_survives_kill_9_amid_the_answer(upstream, chat_settings, database, model, tmp_path):
    content = settings(upstream, **chat_settings, database_url=database())
    first = Sluice(tmp_path / "first", content)
    session = begin(first)
    with say(first, session, "remember me") as connection:
        model.take().say("half of")
        read_stream(connection, until=lambda stream: ("chunk", "half of") in named(stream))
        assert roles(messages(first, session)) == [("user", "remember me")], "stored before the answer, no transaction open"
        first.kill()
    second = Sluice(tmp_path / "second", content)
    try:
        assert roles(messages(second, session)) == [("user", "remember me")]
        assert found(second, session)["message_count"] == 1
        model.automatic = ["whole", END]
        with say(second, session, "again") as connection:
            assert named(read_stream(connection))[-1][0] == "done"
        assert model.take().messages == [("user", "remember me"), ("user", "again")]
    finally:
        second.stop()


def test_what_is_done_survives_kill_9_at_that_moment(upstream, chat_settings, database, model, tmp_path):
    content = settings(upstream, **chat_settings, database_url=database())
    first = Sluice(tmp_path / "first", content)
    session = begin(first)
    model.automatic = ["kept", END]
    with say(first, session) as connection:
        read_stream(connection, until=lambda stream: named(stream)[-1:] and named(stream)[-1][0] == "done")
        first.kill()
    second = Sluice(tmp_path / "second", content)
    try:
        assert roles(messages(second, session)) == [("user", "hi"), ("assistant", "kept")]
    finally:
        second.stop()


def test_two_clients_in_one_conversation_lose_nothing(chat, model):
    session = begin(chat)
    with say(chat, session, "first") as one:
        first = model.take()
        with say(chat, session, "second") as two:
            second = model.take()
            second.say("to two", END)
            assert named(read_stream(two))[-1][0] == "done"
        first.say("to one", END)
        assert named(read_stream(one))[-1][0] == "done"
    assert second.messages == [("user", "first"), ("user", "second")]
    rows = messages(chat, session)
    assert roles(rows) == [("user", "first"), ("user", "second"), ("assistant", "to two"), ("assistant", "to one")]
    row = found(chat, session)
    assert (row["message_count"], row["tokens"]) == (4, 16)


def test_many_clients_at_once_in_one_conversation_lose_nothing(chat, model):
    session, model.automatic = begin(chat), ["x", END]
    ends = []

    def run(number):
        for turn in range(5):
            with say(chat, session, f"{number}.{turn}") as connection:
                ends.append(named(read_stream(connection))[-1][0])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == ["done"] * 30
    rows = messages(chat, session)
    assert len(rows) == 60 == found(chat, session)["message_count"]
    assert sorted(row["content"] for row in rows if row["role"] == "user") == sorted(
        f"{number}.{turn}" for number in range(6) for turn in range(5)
    )


# Answers that are cut short.


def test_a_client_that_leaves_stops_upstream_and_its_part_is_stored(chat, model):
    session = begin(chat)
    connection = say(chat, session)
    call = model.take()
    call.say("so ", "far")
    read_stream(connection, until=lambda stream: ("chunk", "far") in named(stream))
    connection.reset()
    assert call.left.wait(5), "upstream was not cancelled"
    wait_until(lambda: len(messages(chat, session)) == 2, what="the part is stored")
    answer = messages(chat, session)[1]
    assert (answer["content"], answer["is_partial"], answer["outcome"]) == ("so far", True, "client_disconnected")
    assert answer["is_estimated"] and answer["output_tokens"] == 2
    assert found(chat, session)["message_count"] == 2


def test_a_client_that_leaves_before_the_first_word_leaves_its_question(chat, model):
    session = begin(chat)
    connection = say(chat, session)
    call = model.take()
    connection.close()
    assert call.left.wait(5), "upstream was not cancelled"
    wait_until(chat.idle, what="no stream is left")
    assert roles(messages(chat, session)) == [("user", "hi")]
    assert found(chat, session)["message_count"] == 1


def test_an_upstream_that_dies_leaves_its_part_and_an_error(chat, model):
    session, model.automatic = begin(chat), ["half", CUT]
    with say(chat, session) as connection:
        stream = read_stream(connection)
    assert stream.complete and [name for name, _ in named(stream)] == ["start", "chunk", "error"]
    assert list(json.loads(stream.datas[-1])) == ["error"]
    answer = messages(chat, session)[1]
    assert (answer["content"], answer["is_partial"], answer["outcome"]) == ("half", True, "upstream_error")


def test_an_upstream_that_dies_at_once_leaves_no_answer(chat, model):
    session, model.automatic = begin(chat), [CUT]
    with say(chat, session) as connection:
        stream = read_stream(connection)
    assert [name for name, _ in named(stream)] == ["start", "error"]
    assert roles(messages(chat, session)) == [("user", "hi")]
    assert found(chat, session)["message_count"] == 1
    refused = chat.post({"message": "hi"}, "/chat/stream")
    assert refused.status == 502 and list(refused.json()) == ["error", "message"], refused


def test_a_token_stream_tells_of_its_fault_and_ends(chat, model):
    model.automatic = ["half", CUT]
    answer = chat.post({"message": "hi"}, "/chat/stream")
    assert answer.complete
    first, last, rest = answer.body.split(b"\n\n")
    assert (first, rest) == (b'data: {"token":"half","done":false}', b"")
    assert list(json.loads(last.removeprefix(b"data: "))) == ["error", "message"]


def test_a_conversation_deleted_amid_its_answer_ends_in_good_order(chat, model):
    session = begin(chat)
    with say(chat, session) as connection:
        call = model.take()
        call.say("one")
        read_stream(connection, until=lambda stream: ("chunk", "one") in named(stream))
        gone = chat_request(chat, "DELETE", f"{SESSIONS}/{session}")
        assert (gone.status, gone.body) == (204, b"") and gone.header("content-length") is None
        call.say("two", END)
        stream = rest_of(connection)
    assert stream.complete and named(stream)[-1][0] == "error"
    assert chat.get(f"{SESSIONS}/{session}").status == 404
    assert chat.get(f"{SESSIONS}/{session}/messages").status == 404
    wait_until(chat.idle, what="no stream is left")
    assert chat.metric("sluice_chat_saves_failed_total") == 0


def rest_of(connection):
    """What is still to come of a chunked stream whose head was read."""
    stream = Stream(Response(200, "HTTP/1.1", [("transfer-encoding", "chunked")]))
    for at, data in connection.chunks(stream.response):
        stream.feed(at, data)
    return stream


def test_a_very_long_answer_is_told_whole_and_kept_in_part(chat, model):
    session = begin(chat)
    model.automatic = ["x" * 400_000, "é" * 200_000, "y" * 400_000, "z" * 400_000, END]
    with say(chat, session) as connection:
        stream = read_stream(connection)
    assert sum(len(data) for name, data in named(stream) if name == "chunk") == 1_400_000
    name, data = named(stream)[-1]
    assert name == "done" and json.loads(data)["is_partial"] is True
    told = chat.post({"message": "q", "chat_id": session}, "/chat").json()
    assert len(told["reply"].encode()) == 1 << 20 and told["is_partial"] is True
    streamed = chat.post({"message": "q", "chat_id": session}, "/chat/stream")
    done = json.loads(streamed.body.strip().splitlines()[-1].removeprefix(b"data: "))
    assert done["done"] and done["is_partial"] is True and done["fullText"] == told["reply"]
    answer = messages(chat, session)[1]
    assert len(answer["content"].encode()) == 1 << 20 and answer["is_partial"]
    assert answer["content"].startswith("x" * 400_000 + "é" * 200_000) and answer["outcome"] == "completed"


def test_sigterm_lets_an_answer_end_and_stores_it(upstream, chat_settings, database, model, tmp_path):
    content = settings(upstream, **chat_settings, database_url=database())
    first = Sluice(tmp_path / "first", content)
    session = begin(first)
    with say(first, session) as connection:
        call = model.take()
        call.say("one ")
        read_stream(connection, until=lambda stream: ("chunk", "one ") in named(stream))
        first.process.terminate()
        time.sleep(0.2)
        call.say("two", END)
        assert named(rest_of(connection))[-1][0] == "done"
    assert first.process.wait(10) == 0
    second = Sluice(tmp_path / "second", content)
    try:
        assert roles(messages(second, session)) == [("user", "hi"), ("assistant", "one two")]
    finally:
        second.stop()


def test_the_end_of_a_drain_stores_what_was_said(upstream, chat_settings, database, model, tmp_path):
    content = settings(upstream, **chat_settings, database_url=database(), drain_timeout="300ms")
    first = Sluice(tmp_path / "first", content)
    session = begin(first)
    with say(first, session) as connection:
        model.take().say("half")
        read_stream(connection, until=lambda stream: ("chunk", "half") in named(stream))
        first.process.terminate()
        assert named(rest_of(connection))[-1][0] == "error"
    assert first.process.wait(10) == 0
    second = Sluice(tmp_path / "second", content)
    try:
        answer = messages(second, session)[1]
        assert (answer["content"], answer["is_partial"], answer["outcome"]) == ("half", True, "cancelled")
    finally:
        second.stop()


# A database that fails.


def test_a_locked_database_delays_the_end_of_a_stream_and_nothing_else(make_sluice, chat_settings, model, tmp_path):
    sluice = make_sluice(**chat_settings, database_url=f"sqlite:{tmp_path}/chat.db")
    session = begin(sluice)
    with say(sluice, session) as connection:
        call = model.take()
        call.say("one")
        read_stream(connection, until=lambda stream: ("chunk", "one") in named(stream))
        lock = sqlite3.connect(f"{tmp_path}/chat.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        call.say("two")
        heard = []
        reader = threading.Thread(target=lambda: heard.append(rest_of(connection)))
        reader.start()
        call.say(END)
        wait_until(sluice.idle, what="upstream is let go of")
        sluice.assert_healthy()
        time.sleep(0.5)
        assert reader.is_alive(), "it was told as done before it was stored"
        lock.execute("ROLLBACK")
        reader.join(15)
    assert [name for name, _ in named(heard[0])] == ["chunk", "done"]
    assert roles(messages(sluice, session)) == [("user", "hi"), ("assistant", "onetwo")]


def test_an_answer_that_cannot_be_stored_is_not_told_as_done(make_sluice, chat_settings, model, tmp_path):
    file, away = tmp_path / "chat.db", tmp_path / "away.db"
    sluice = make_sluice(**chat_settings, database_url=f"sqlite:{file}")
    session = begin(sluice)
    with say(sluice, session) as connection:
        call = model.take()
        call.say("one")
        read_stream(connection, until=lambda stream: ("chunk", "one") in named(stream))
        file.rename(away)
        call.say(END)
        stream = rest_of(connection)
        assert [name for name, _ in named(stream)] == ["error"]
        assert sluice.metric("sluice_chat_saves_failed_total") == 1
        refused = sluice.post({"message": "hi"}, "/chat")
        assert (refused.status, refused.json()["error"]) == (503, "storage_unavailable")
        away.rename(file)
    wait_until(lambda: sluice.get(f"{SESSIONS}/{session}").status == 200, 10, "the database is back")
    assert roles(messages(sluice, session)) == [("user", "hi")]


def test_without_storage_every_door_of_the_chat_says_so(make_sluice, chat_settings):
    sluice = make_sluice(**chat_settings, database_url="none")
    for method, path, body in ROUTES:
        answer = chat_request(sluice, method, path.format(id="chat_0"), body)
        assert answer.status == 503, (method, path, answer)
        if method != "HEAD":
            assert answer.json()["error"] == "storage_unavailable"


# Whose conversations they are.

ROUTES = [
    ("POST", "/chat", {"message": "hi", "chat_id": "{id}"}),
    ("POST", "/chat/stream", {"message": "hi", "chat_id": "{id}"}),
    ("GET", "/chat/stream?message=hi&chat_id={id}", None),
    ("GET", SESSIONS + "/{id}", None),
    ("HEAD", SESSIONS + "/{id}", None),
    ("PATCH", SESSIONS + "/{id}", {"title": "stolen"}),
    ("DELETE", SESSIONS + "/{id}", None),
    ("GET", SESSIONS + "/{id}/messages", None),
    ("HEAD", SESSIONS + "/{id}/messages", None),
    ("POST", SESSIONS + "/{id}/messages", {"content": "hi"}),
    ("GET", SESSIONS + "/{id}/export", None),
    ("HEAD", SESSIONS + "/{id}/export", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[f"{route[0]}-{route[1]}" for route in ROUTES])
def test_somebody_elses_conversation_is_like_a_missing_one(chat, model, method, path, body):
    model.automatic = ["secret", END]
    session = begin(chat)
    with say(chat, session) as connection:
        read_stream(connection)
    before = found(chat, session)

    def ask(id, key):
        filled = body and {name: value.replace("{id}", id) for name, value in body.items()}
        return chat_request(chat, method, path.replace("{id}", id), filled, key)

    theirs, missing = ask(session, OTHER), ask("chat_" + "0" * 32, OTHER)
    assert theirs.status == 404, theirs
    assert (theirs.status, theirs.body) == (missing.status, missing.body)
    mine = ask("chat_" + "0" * 32, KEY)
    assert (mine.status, mine.body) == (theirs.status, theirs.body)
    assert found(chat, session) == before
    assert session not in chat.get(SESSIONS, key=OTHER).body.decode()


def test_headers_say_who_asks_only_where_no_key_is_asked_for(chat, open_chat):
    forged = [("x-org-id", "default"), ("x-user-id", "anonymous")]
    session = begin(chat)
    assert chat_request(chat, "GET", f"{SESSIONS}/{session}", key=OTHER, headers=forged).status == 404
    assert chat_request(chat, "GET", f"{SESSIONS}/{session}", headers=forged).status == 200
    assert chat_request(chat, "GET", f"{SESSIONS}/{session}", key=None, headers=forged).status == 401
    mine, theirs = [("x-org-id", "o"), ("x-user-id", "u")], [("x-org-id", "o"), ("x-user-id", "v")]
    made = chat_request(open_chat, "POST", SESSIONS, {}, None, mine).json()["id"]
    assert chat_request(open_chat, "GET", f"{SESSIONS}/{made}", key=None, headers=mine).status == 200
    assert chat_request(open_chat, "GET", f"{SESSIONS}/{made}", key=None, headers=theirs).status == 404
    assert chat_request(open_chat, "GET", f"{SESSIONS}/{made}", key=None).status == 404
    for bad in ("x" * 129, "a\tb"):
        answer = chat_request(open_chat, "GET", SESSIONS, key=None, headers=[("x-user-id", bad)])
        assert (answer.status, answer.json()["error"]) == (400, "invalid_value")
    query = "/chat/stream?message=hi&userId=" + "x" * 129
    assert open_chat.get(query, key=None).status == 400


def test_keys_of_one_user_share_conversations_but_not_their_models(make_sluice, chat_settings, database, model):
    auth = {"enabled": True, "keys": [], "admin_key": KEY}
    sluice = make_sluice(**{**chat_settings, "auth": auth}, database_url=database())

    def key(**fields):
        made = sluice.post({"name": "test", "organization": "o", **fields}, "/admin/keys")
        assert made.status in (200, 201), made
        return made.json()["key"]

    free, scoped, other = key(user="u"), key(user="u", models=["sim/*"]), key(user="v")
    session, model.automatic = begin(sluice, free, model="m"), ["fine", END]
    with say(sluice, session, key=free) as connection:
        assert named(read_stream(connection))[-1][0] == "done"
    assert len(messages(sluice, session, scoped)) == 2
    for stranger in (other, KEY):
        assert sluice.get(f"{SESSIONS}/{session}", key=stranger).status == 404
    with say(sluice, session, "more", key=scoped) as connection:
        stream = read_stream(connection)
    assert named(stream)[-1][0] == "error" and "may not use" in stream.datas[-1], "the conversation's own model"
    refused = sluice.post({"message": "hi", "model": "m"}, "/chat", key=scoped)
    assert (refused.status, refused.json()["error"]) == (403, "model_not_allowed")
    assert sluice.post({"message": "hi"}, "/chat", key=scoped).status == 200, "its default is one that it may use"
    assert len(model.calls.queue) == 1


def test_a_client_that_reads_slowly_pauses_its_upstream(chat, model):
    session = begin(chat)
    connection = Connection(chat.address, 30, receive_buffer=4096)
    connection.send(render("POST", f"{SESSIONS}/{session}/messages", {"content": "hi"}))
    call = model.take()
    call.say(*["x" * 16_384] * 2000, END)
    time.sleep(1)
    assert not call.words.empty(), "32 MiB were taken for a client that took nothing"
    chat.assert_healthy()
    stream = read_stream(connection, 30)
    assert named(stream)[-1][0] == "done" and len(stream.events) == 2002
    assert len(messages(chat, session)[1]["content"]) == 1 << 20


def test_ids_tell_nothing_of_one_another(chat):
    ids = [begin(chat) for _ in range(100)]
    assert len(set(ids)) == 100 and all(ID.fullmatch(id) for id in ids)
    assert ids != sorted(ids) and len({id[5:13] for id in ids}) == 100


# Lists.


def pages(sluice, path, limit, between=lambda: None):
    cursor, rows = "", []
    while True:
        answer = sluice.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
        assert answer.status == 200, answer
        body = answer.json()
        rows += body["data"]
        assert list(body) == ["data", "next_cursor"] and len(body["data"]) <= limit
        if body["next_cursor"] is None:
            return rows
        cursor = "&cursor=" + body["next_cursor"]
        between()


def test_ten_thousand_conversations_are_listed_once_each_while_new_ones_come(make_sluice, chat_settings, database):
    sluice = make_sluice(**chat_settings, database_url=database())
    made = []

    def make(count):
        with sluice.connect(60) as connection:
            for start in range(0, count, 50):
                connection.send(render("POST", SESSIONS, {"title": f"t{start}"}) * 50)
                made.extend(connection.response(timeout=60).json()["id"] for _ in range(50))

    threads = [threading.Thread(target=make, args=(2500,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 10_000
    before, later = set(made), []
    rows = pages(sluice, SESSIONS, 333, lambda: later.append(begin(sluice)))
    listed = [row["id"] for row in rows]
    assert len(listed) == len(set(listed)) and len(later) > 25
    assert set(listed) == before, "those made after the first page are newer than all of it"
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_messages_come_page_by_page_oldest_first(chat, model):
    session, model.automatic = begin(chat), ["a", END]
    for number in range(5):
        with say(chat, session, f"q{number}") as connection:
            read_stream(connection)
    rows = pages(chat, f"{SESSIONS}/{session}/messages", 3)
    said = [pair for number in range(5) for pair in (("user", f"q{number}"), ("assistant", "a"))]
    assert roles(rows) == said
    assert pages(chat, f"{SESSIONS}/{session}/messages?order=asc", 3) == rows
    assert pages(chat, f"{SESSIONS}/{session}/messages?order=desc", 3) == rows[::-1], "and the latest first for who asks so"
    assert len(pages(chat, f"{SESSIONS}/{session}/messages?order=desc", 5)) == 10, "the last page has no next one"
    for order in ("", "x", "DESC", "%00"):
        assert chat.get(f"{SESSIONS}/{session}/messages?order={order}").status == 400, order


def test_a_cursor_that_is_not_ours_is_refused(chat):
    session = begin(chat)
    begin(chat)
    cursor = chat.get(f"{SESSIONS}?limit=1").json()["next_cursor"]
    assert chat.get(f"{SESSIONS}?limit=1&cursor={cursor}").status == 200
    forged = ["", "x", cursor[:-1], "1" + cursor, cursor.swapcase(), "%00", "a" * 5000]
    for text in forged:
        assert chat.get(f"{SESSIONS}?cursor={text}").status == 400, text
    theirs = chat.get(f"{SESSIONS}?cursor={cursor}", key=OTHER)
    assert theirs.status == 200 and not theirs.json()["data"], "a place shows nobody rows that are not theirs"
    assert chat.get(f"{SESSIONS}/{session}/messages?cursor={cursor}").status == 400
    for limit in ("0", "-1", "1001", "1e9", "x", "", "99999999999999999999"):
        assert chat.get(f"{SESSIONS}?limit={limit}").status == 400, limit
        assert chat.get(f"{SESSIONS}/{session}/messages?limit={limit}").status == 400, limit


# Sessions by themselves.


def test_a_conversation_is_made_read_changed_and_deleted(chat):
    title = '<script>alert("x")</script>\r\n\x1b[31m☃'
    made = chat.post({"title": title, "model": "sim/echo", "system": "s"}, SESSIONS)
    body = made.json()
    assert made.status == 201
    assert list(body) == [
        "id", "title", "model", "system", "message_count", "tokens", "created_at", "updated_at", "last_message_at",
    ]
    assert (body["title"], body["model"], body["system"], body["last_message_at"]) == (title, "sim/echo", "s", None)
    path = f"{SESSIONS}/{body['id']}"
    for answer in (made, chat.get(path), chat.get(SESSIONS), chat.get(path + "/export")):
        assert answer.header("content-type") == "application/json"
        assert answer.header("x-content-type-options") == "nosniff" and answer.header("cache-control") == "no-store"
    changed = chat_request(chat, "PATCH", path, {"title": "b", "model": None})
    assert changed.status == 200 and changed.json()["title"] == "b"
    assert (changed.json()["model"], changed.json()["system"]) == ("m", "s")
    assert chat.get(path).json() == changed.json()
    assert chat_request(chat, "HEAD", path).status == 200
    assert chat_request(chat, "DELETE", path).status == 204
    assert chat_request(chat, "DELETE", path).status == 404
    assert chat.get(path).status == 404


def test_a_conversation_is_exported_as_a_file(chat, model):
    session, model.automatic = begin(chat, title="t"), ["x" * 300_000, END]
    for number in range(30):
        with say(chat, session, f"q{number}") as connection:
            assert named(read_stream(connection))[-1][0] == "done"
    answer = chat.get(f"{SESSIONS}/{session}/export", timeout=30)
    assert answer.header("content-disposition") == f'attachment; filename="{session}.json"'
    body = answer.json()
    assert body["session"] == found(chat, session)
    assert [row["content"] for row in body["messages"][::2]] == [f"q{number}" for number in range(30)]
    assert body["messages"][-1]["content"] == "x" * 300_000


BAD = [
    ({}, "missing_parameter"), ({"message": ""}, "invalid_value"), ({"message": " \n"}, "invalid_value"),
    ({"message": 1}, "invalid_value"), ({"message": "a", "temperature": 1}, "unknown_parameter"),
    ({"message": "a", "chat_id": 7}, "invalid_value"), ({"message": "a", "model": {}}, "invalid_value"),
    ([], "invalid_json"), (b"{", "invalid_json"), (b"", "invalid_json"),
]


@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
@pytest.mark.parametrize(("body", "code"), BAD, ids=[str(body) for body, _ in BAD])
def test_what_is_wrong_is_refused_before_anything_is_stored(chat, path, body, code):
    before = chat.get(SESSIONS).body
    answer = chat.post(body, path)
    assert (answer.status, answer.json()["error"]) == (400, code), answer
    assert list(answer.json()) == ["error", "message"] and answer.header("content-type") == "application/json"
    assert chat.get(SESSIONS).body == before


def test_a_system_prompt_has_at_most_64_KiB(chat):
    session, before = begin(chat), chat.get(SESSIONS).body
    for system in ("x" * 65537, "a\0b"):
        answers = [chat.post({"message": "a", "system": system}, path) for path in ("/chat", "/chat/stream")]
        answers += [chat.post({"system": system}, SESSIONS)]
        answers += [chat_request(chat, "PATCH", f"{SESSIONS}/{session}", {"system": system})]
        assert [(answer.status, answer.json()["error"]) for answer in answers] == [(400, "invalid_value")] * 4
    assert chat.get(SESSIONS).body == before
    assert chat_request(chat, "PATCH", f"{SESSIONS}/{session}", {"system": "x" * 65536}).status == 200
    assert len(chat.get(f"{SESSIONS}?limit=1").json()["data"][0]["system"]) == 65536
    assert chat.post({"model": "stepped/" + "x" * 1024}, SESSIONS).json()["error"] == "invalid_value"


def test_addresses_and_models_that_are_not_there(chat, model):
    session = begin(chat)
    assert chat.get("/chat/stream").json()["error"] == "invalid_value"
    for path in ("/x", "/messages/x", "/"):
        assert chat.get(f"{SESSIONS}/{session}{path}").status == 404, path
    assert chat.get(f"{SESSIONS}/").status == 404
    assert chat_request(chat, "PUT", f"{SESSIONS}/{session}", {}).status == 405
    refused = chat_request(chat, "DELETE", f"{SESSIONS}/{session}/messages")
    assert (refused.status, refused.header("allow")) == (405, "GET, HEAD, POST")
    for path, body in (("/chat", {"message": "a"}), (SESSIONS, {}), (f"{SESSIONS}/{session}/messages", {"content": "a"})):
        answer = chat.post({**body, "model": "nobody/none"}, path)
        assert (answer.status, answer.json()["error"]) == (404, "model_not_found"), answer
    assert chat_request(chat, "HEAD", "/chat/stream?message=hi").status == 200
    assert model.calls.empty(), "to ask for the head alone asks no model"
    assert messages(chat, session) == []


def test_a_turn_is_one_line_of_the_log_at_its_door(chat, model):
    session, model.automatic = begin(chat), ["a", END]
    with say(chat, session) as connection:
        read_stream(connection)
    chat.post({"message": "b"}, "/chat")
    wait_until(lambda: re.search(r"request .*door=/chat caller", chat.log()), what="a line for /chat")
    assert re.search(r"request .*door=/api/v1/chat/sessions caller=\S+ model=m provider=stepped", chat.log())
    assert chat.metric("sluice_requests_total", door="/chat", outcome="completed") >= 1


@pytest.mark.parametrize("path", ["/chat", f"{SESSIONS}/{{session}}/messages"])
def test_the_row_of_a_turn_has_what_the_model_was_asked(chat, model, path):
    session = begin(chat, system="Be brief.", model="m")
    model.automatic = ["a", END]
    with say(chat, session, "first") as connection:
        read_stream(connection)
    body = {"message": "second ü", "chat_id": session} if path == "/chat" else {"content": "second ü"}
    answer = chat.post(body, path.format(session=session))
    assert answer.status == 200, answer
    if path == "/chat":
        # A stream of a conversation begins before it is known who answers.
        assert re.fullmatch(r"stream_[0-9a-f]{32}", answer.header("x-sluice-stream-id"))
    found = row(chat, answer.header("x-request-id"), key=KEY)
    asked = json.loads(found["request"])
    assert [(message["role"], message["content"]) for message in asked["messages"]] == [
        ("system", "Be brief."), ("user", "first"), ("assistant", "a"), ("user", "second ü"),
    ]
    assert asked["model"] == "m" and not found["request_truncated"]
    assert found["request_bytes"] == len(found["request"].encode())


def test_the_row_of_a_very_long_turn_is_cut_and_says_so(chat, model):
    session, model.automatic = begin(chat), ["a", END]
    with say(chat, session, "ü" * 100_000) as connection:
        name = read_stream(connection).response.header("x-request-id")
    found = row(chat, name, key=KEY)
    assert found["request_truncated"] and found["request_bytes"] > 200_000
    assert 65_000 < len(found["request"].encode()) <= 65_536 and "\ufffd" not in found["request"]
