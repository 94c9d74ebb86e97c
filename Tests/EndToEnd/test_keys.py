# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Virtual keys: made, shown, changed and revoked by API and command line, while gateways use them."""

import json
import os
import re
import subprocess
import time

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from checks import assert_error_answer
from events import chat
from gateway import BINARY
from wire import ADMIN, KEY, converse, render, request, wait_until

MODEL = "sim/story"
# How long a change may take to reach an instance that did not make it: a second is meant, and machines are busy.
REACH = 8.0


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return f"sqlite:{tmp_path_factory.mktemp('keys')}/sluice.db"


@pytest.fixture(scope="module")
def start(make_sluice, database):
    def start(**changes):
        return make_sluice(
            **{"auth": {"admin_key": ADMIN}, "database_url": database, "log": {"level": "debug"}, **changes}
        )

    return start


@pytest.fixture(scope="module")
def gate(start):
    return start()


@pytest.fixture(scope="module")
def other(gate, start):
    """A second instance on the same database."""
    return start()


def admin(process, method, path="/admin/keys", body=None, key=ADMIN, **options):
    return request(process.address, method, path, body, key=key, **options)


def create(process, **members):
    answer = admin(process, "POST", body={"name": "test", **members})
    assert answer.status == 201, answer.body
    return answer.json()


def command(database, *arguments, code=0):
    """What `sluice keys` wrote to standard output and to standard error."""
    clean = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_BASE_URL"))}
    done = subprocess.run(
        [BINARY, "keys", *arguments, "--database", database], capture_output=True, text=True, timeout=60, env=clean
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def status(process, key, **options):
    return request(process.address, "GET", "/v1/models", key=key, **options).status


def eventually(process, key, wanted):
    wait_until(lambda: status(process, key) == wanted, REACH, f"status {wanted}")


# The doors that ask a model, as a request for a model

HI = [{"role": "user", "content": "hi"}]
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
ASKS = {
    "chat": lambda m: ("/v1/chat/completions", {"model": m, "messages": HI}),
    "chat stream": lambda m: ("/v1/chat/completions", {"model": m, "messages": HI, "stream": True}),
    "responses": lambda m: ("/v1/responses", {"model": m, "input": "hi"}),
    "messages": lambda m: ("/v1/messages", {"model": m, "max_tokens": 16, "messages": HI}),
    "count": lambda m: ("/v1/messages/count_tokens", {"model": m, "messages": HI}),
    "embeddings": lambda m: ("/v1/embeddings", {"model": m, "input": "hi"}),
    "gemini": lambda m: (f"/v1beta/models/{m}:generateContent", CONTENTS),
    "gemini stream": lambda m: (f"/v1beta/models/{m}:streamGenerateContent?alt=sse", CONTENTS),
    "gemini count": lambda m: (f"/v1beta/models/{m}:countTokens", CONTENTS),
}


def ask(process, door, key, model=MODEL, headers=()):
    path, body = ASKS[door](model)
    return request(process.address, "POST", path, body, headers, key=key)


@pytest.mark.parametrize("door", ASKS)
def test_a_virtual_key_is_good_at_every_door_and_not_when_it_is_revoked(gate, door):
    made = create(gate)
    assert ask(gate, door, made["key"]).status == 200
    assert admin(gate, "DELETE", f"/admin/keys/{made['id']}").status == 200
    answer = ask(gate, door, made["key"])
    assert answer.status == 401 and made["key"].encode() not in answer.body
    wrong = ask(gate, door, "sk-slu-" + "A" * 43)
    drop = re.compile(rb"req_[0-9a-f]+")
    assert drop.sub(b"", answer.body) == drop.sub(b"", wrong.body), "a revoked key must look like a wrong one"


BAD_KEYS = {
    "A01": lambda k: [],
    "A02": lambda k: [("Authorization", "Bearer sk-slu-" + "A" * 43)],
    "A08": lambda k: [("Authorization", f"Bearer {k[:-1]}")],
    "A09": lambda k: [("Authorization", f"Bearer {k}a")],
    "A10": lambda k: [("Authorization", f"Bearer {k.swapcase()}")],
    "A14": lambda k: [("Authorization", "Bearer sk-slu-%")],
    "A15": lambda k: [("Authorization", "Bearer ' OR '1'='1")],
    "A18": lambda k: [("Authorization", f"Bearer sk-wrong, Bearer {k}")],
    "A20": lambda k: [("Cookie", f"key={k}; Authorization=Bearer {k}")],
    "A23": lambda k: [("Authorization", "Bearer sk-wrong"), ("x-api-key", k)],
    "A27": lambda k: [("X-Forwarded-For", "127.0.0.1")],
    "the identifier": lambda k: [("Authorization", "Bearer key_00000000000000000000000000000000")],
    "the hint": lambda k: [("Authorization", f"Bearer sk-slu-...{k[-4:]}")],
}


@pytest.fixture(scope="module")
def good(gate):
    return create(gate)["key"]


@pytest.mark.parametrize("case", BAD_KEYS)
@pytest.mark.parametrize("door", ASKS)
def test_what_is_not_quite_a_virtual_key_is_401_at_every_door(gate, good, door, case):
    answer = ask(gate, door, None, headers=BAD_KEYS[case](good))
    assert answer.status == 401, answer.body
    assert answer.json()["error"]["message"] and answer.header("www-authenticate") == "Bearer"
    assert good.encode() not in answer.body


GOOD_KEYS = {
    "A07": lambda k: [("Authorization", f"bearer {k}")],
    "A22": lambda k: [("x-api-key", k)],
    "google": lambda k: [("x-goog-api-key", k)],
}


@pytest.mark.parametrize("case", GOOD_KEYS)
@pytest.mark.parametrize("door", ASKS)
def test_a_virtual_key_may_stand_where_any_key_may(gate, good, door, case):
    assert ask(gate, door, None, headers=GOOD_KEYS[case](good)).status == 200


def test_a_key_in_the_query_is_taken_at_the_gemini_door_only(gate, good):
    path, body = ASKS["gemini"](MODEL)
    assert request(gate.address, "POST", f"{path}?key={good}", body, key=None).status == 200
    path, body = ASKS["chat"](MODEL)
    assert request(gate.address, "POST", f"{path}?key={good}", body, key=None).status == 401


def test_A12_A17_A28_tricks_with_the_header_do_not_pass(gate, good):
    head = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nConnection: close%s\r\n%s\r\n"
    auth = b"Authorization: Bearer " + good.encode()
    assert converse(gate.address, head % (b"", auth + b"\x00junk\r\n")).statuses in ([400], [401])
    twice = b"Authorization: Bearer sk-wrong\r\n" + auth + b"\r\n"
    assert converse(gate.address, head % (b"", twice)).statuses in ([400], [401])
    assert converse(gate.address, head % (b", authorization", b"")).statuses in ([400], [401])


# Command line and API, while gateways run


def test_a_key_of_the_command_line_is_good_soon_and_refused_soon_after_it_is_revoked(gate, other, database):
    out, err = command(database, "create", "--name", "by hand", "--organization", "acme")
    key = out.strip()
    assert re.fullmatch(r"sk-slu-[A-Za-z0-9_-]{43}", key) and out == key + "\n" and key not in err
    identifier = re.search(r"key_[0-9a-f]{32}", err)[0]
    eventually(gate, key, 200)
    eventually(other, key, 200)
    assert key[-4:] in command(database, "list")[0] and key not in command(database, "list")[0]
    command(database, "revoke", identifier)
    eventually(gate, key, 401)
    eventually(other, key, 401)
    assert re.search(rf"{identifier}\t\S+\trevoked\t", command(database, "list")[0])


def test_the_api_is_obeyed_at_once_here_and_soon_elsewhere(gate, other):
    made = create(gate)
    assert status(gate, made["key"]) == 200
    eventually(other, made["key"], 200)
    admin(gate, "DELETE", f"/admin/keys/{made['id']}")
    assert status(gate, made["key"]) == 401
    eventually(other, made["key"], 401)


def test_keys_are_known_from_the_first_request_after_a_start(gate, start, good):
    fresh = start()
    assert status(fresh, good) == 200
    metrics = request(fresh.address, "GET", "/metrics", key=ADMIN).body.decode()
    assert int(re.search(r"^sluice_keys (\d+)$", metrics, re.M)[1]) > 0


def test_revoking_is_idempotent_and_final(gate):
    made = create(gate)
    path = f"/admin/keys/{made['id']}"
    first, again = admin(gate, "DELETE", path), admin(gate, "DELETE", path)
    assert first.status == again.status == 200
    assert first.json()["revoked_at"] == again.json()["revoked_at"] is not None
    assert admin(gate, "PATCH", path, {"expires_at": None, "name": "back"}).status == 200
    assert status(gate, made["key"]) == 401
    assert_error_answer(admin(gate, "DELETE", "/admin/keys/key_" + "0" * 32), 404, "key_not_found")


def test_a_stream_under_way_outlives_its_key(gate):
    made = create(gate)
    connection = gate.connect(30)
    connection.send(render("POST", "/v1/chat/completions", chat("ok-slow", stream=True), key=made["key"]))
    assert connection.head().status == 200
    admin(gate, "DELETE", f"/admin/keys/{made['id']}")
    assert status(gate, made["key"]) == 401
    body = b""
    deadline = time.monotonic() + 30
    while b"[DONE]" not in body and time.monotonic() < deadline:
        body += connection.take(1, deadline)
    assert b"[DONE]" in body


def test_a_key_expires_by_itself(gate):
    made = create(gate, expires_in="2s")
    assert status(gate, made["key"]) == 200
    eventually(gate, made["key"], 401)
    assert admin(gate, "GET", f"/admin/keys/{made['id']}").json()["revoked_at"] is None
    # What has expired may be let live on.
    admin(gate, "PATCH", f"/admin/keys/{made['id']}", {"expires_at": "2999-01-01T00:00:00+01:00"})
    assert status(gate, made["key"]) == 200


def test_the_command_line_prints_one_object_as_json(database):
    made = json.loads(command(database, "create", "--name", "j", "--models", "a,b/*", "--json", "--concurrent", "3")[0])
    assert made["key"].startswith("sk-slu-") and made["models"] == ["a", "b/*"] and made["limits"] == {"concurrent": 3}
    listed = json.loads(command(database, "list", "--json")[0])
    assert made["id"] in [row["id"] for row in listed["data"]] and made["key"] not in json.dumps(listed)
    assert json.loads(command(database, "revoke", made["id"], "--json")[0])["revoked_at"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create"], 64),
        (["create", "--name", "x", "--role", "god"], 64),
        (["create", "--name", "x", "--concurrent", "0"], 64),
        (["create", "--name", "x", "--expires-in", "1y"], 64),
        (["create", "--name", "x", "--expires-at", "2001-01-01T00:00:00Z"], 64),
        (["create", "--name", "x", "--unknown", "1"], 64),
        (["create", "--name", "x\x1b[31m"], 64),
        (["revoke"], 64),
        (["erase"], 64),
        (["revoke", "key_" + "0" * 32], 65),
    ],
)
def test_the_command_line_ends_with_a_code_of_sysexits(database, arguments, code):
    out, err = command(database, *arguments, code=code)
    assert not out and err.startswith("sluice: ")


@pytest.mark.parametrize("arguments", [["list"], ["revoke", "key_" + "0" * 32]])
def test_a_file_that_is_not_there_is_not_made_by_who_only_reads(tmp_path, arguments):
    out, err = command(f"sqlite:{tmp_path}/typo.db", *arguments, code=66)
    assert not out and "typo.db" in err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments, code", [(["list"], 0), (["create", "--name", "lost"], 74)])
def test_a_reader_who_has_enough_is_no_failure_but_a_key_that_nobody_took_is(tmp_path, arguments, code):
    database = f"sqlite:{tmp_path}/keys.db"
    told = command(database, "create", "--name", "first")[1]
    assert f"made a new database: {tmp_path}/keys.db" in told
    assert "new database" not in command(database, "create", "--name", "second")[1]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [BINARY, "keys", *arguments, "--database", database], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert done.returncode == code and bool(code) == ("nobody took the key" in done.stderr), done


def test_without_a_database_there_are_no_virtual_keys(start):
    process = start(database_url="none")
    assert_error_answer(admin(process, "GET"), 503, "no_database")
    assert_error_answer(admin(process, "POST", body={"name": "x"}), 503, "no_database")
    assert status(process, "sk-slu-" + "A" * 43) == 401
    assert command("none", "list", code=78)


# What the administrator sees, and may ask for


def test_lists_go_page_by_page_through_every_key_once(gate):
    mine = {create(gate, organization="pages", user=f"u{n % 2}")["id"] for n in range(7)}
    seen, cursor = [], ""
    while cursor is not None:
        page = admin(gate, "GET", f"/admin/keys?organization=pages&limit=3&cursor={cursor}" if cursor else
                     "/admin/keys?organization=pages&limit=3").json()
        assert len(page["data"]) <= 3
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert len(seen) == 7 and set(seen) == mine
    users = admin(gate, "GET", "/admin/keys?organization=pages&user=u1").json()["data"]
    assert len(users) == 3 and {row["user"] for row in users} == {"u1"}
    for odd in ("%25", "_ages", "pages'%20OR%20'1'='1", "PAGES"):
        assert admin(gate, "GET", f"/admin/keys?organization={odd}").json()["data"] == []


def test_T04_forged_cursors_and_limits_are_400(gate):
    for _ in range(2):
        create(gate)
    cursor = admin(gate, "GET", "/admin/keys?limit=1").json()["next_cursor"]
    forged = ["", "x", "A" * 300, cursor + "A", cursor[:-2], cursor[:4] + "AAAA" + cursor[8:], "%00", "1 key_1"]
    for text in forged:
        assert_error_answer(admin(gate, "GET", "/admin/keys?cursor=" + text.replace(" ", "%20")), 400, "invalid_value")
    for text in ("0", "-1", "1001", "1e9", "1000000000", "", "x"):
        assert_error_answer(admin(gate, "GET", f"/admin/keys?limit={text}"), 400, "invalid_value")
    assert admin(gate, "GET", f"/admin/keys?cursor={cursor}").status == 200


def test_T02_identifiers_cannot_be_guessed(gate):
    made = [create(gate) for _ in range(100)]
    ids = sorted(int(row["id"].removeprefix("key_"), 16) for row in made)
    assert len({row["key"] for row in made}) == 100
    assert min(b - a for a, b in zip(ids, ids[1:])) > 1 << 64


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', {}, {"name": ""}, {"name": 5}, {"name": "x" * 129}, {"name": "a\nb"},
        {"name": "x", "role": "owner"}, {"name": "x", "models": []}, {"name": "x", "models": "m"},
        {"name": "x", "models": [1]}, {"name": "x", "models": ["a*"]}, {"name": "x", "limits": {"requests": 1}},
        {"name": "x", "limits": {"concurrent": -1}}, {"name": "x", "limits": {"money_per_day": "1"}},
        {"name": "x", "expires_in": "soon"}, {"name": "x", "expires_in": 30}, {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "x", "expires_in": "1h", "expires_at": "2999-01-01T00:00:00Z"},
        {"name": "x", "tenant": "other"}, {"name": "x", "key": "sk-mine"}, {"name": "x", "digest": "00"},
        b'{"name":"x","name":"y"}',
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_wrong_order_for_a_key_is_400_and_makes_none(gate, body):
    before = admin(gate, "GET", "/admin/keys?limit=1").json()["data"]
    assert_error_answer(admin(gate, "POST", body=body), 400, "invalid_value")
    assert admin(gate, "GET", "/admin/keys?limit=1").json()["data"] == before


def test_T07_a_change_of_what_cannot_be_changed_is_400_and_not_stored(gate):
    made = create(gate, organization="acme", user="ada")
    path = f"/admin/keys/{made['id']}"
    before = admin(gate, "GET", path).json()
    for member in ("role", "organization", "user", "id", "key_id", "tenant", "budget", "revoked_at", "created_at", "hint"):
        assert_error_answer(admin(gate, "PATCH", path, {"name": "new", member: "admin"}), 400, "invalid_value")
    assert_error_answer(admin(gate, "PATCH", path, {}), 400)
    assert admin(gate, "GET", path).json() == before


def test_a_change_is_stored_and_shown(gate, other):
    made = create(gate, models=[MODEL], limits={"concurrent": 2}, expires_in="1h")
    path = f"/admin/keys/{made['id']}"
    changed = admin(gate, "PATCH", path, {"name": "ü", "models": None, "limits": {"money_per_day": 2.5}, "expires_at": None})
    assert changed.status == 200
    for row in (changed.json(), admin(other, "GET", path).json()):
        assert (row["name"], row["models"], row["limits"], row["expires_at"]) == ("ü", None, {"money_per_day": 2.5}, None)
    wait_until(lambda: ask(other, "chat", made["key"], "sim/other").status != 403, REACH, "the wider scope")


def test_HEAD_and_other_methods(gate):
    head = request(gate.address, "HEAD", "/admin/keys", key=ADMIN)
    assert head.status == 200 and not head.body
    for path, allow in (("/admin/keys", "GET, HEAD, POST"), ("/admin/keys/key_1", "GET, HEAD, PATCH, DELETE")):
        answer = admin(gate, "PUT", path, {})
        assert answer.status == 405 and answer.header("allow") == allow
    for path in ("/admin/keys/", "/admin/keys/a/b", "/admin"):
        assert admin(gate, "GET", path).status == 404


# Who may manage


def admin_paths(process):
    """Every path below /admin of the gateway's own table of doors, as its log tells it."""
    paths = re.search(r'doors paths="?([^"\n]+)', process.log())[1].split()
    found = [path for path in paths if path.startswith("/admin")]
    assert found
    return found


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]


@pytest.mark.parametrize("method", METHODS)
def test_T06_a_member_is_refused_at_every_path_of_the_administrator(gate, good, method):
    for path in admin_paths(gate):
        for target in (path, path + "key_1" if path.endswith("/") else path + "?limit=1"):
            for key, wanted in ((good, 403), (KEY, 403), (None, 401), ("sk-wrong", 401)):
                answer = request(gate.address, method, target, key=key)
                assert answer.status == wanted, (method, target, answer.status)
            body = request(gate.address, method, target, {"name": "x", "role": "admin"}, key=good)
            assert body.status == 403
    tricks = [("X-HTTP-Method-Override", "GET"), ("X-Forwarded-For", "127.0.0.1"), ("X-Original-URL", "/v1/models")]
    assert request(gate.address, method, "/admin/keys", headers=tricks, key=good).status == 403


@pytest.mark.parametrize("spelling", [
    "//admin/keys", "/admin//keys", "/ADMIN/KEYS", "/admin/./keys", "/v1/models/../../admin/keys", "/admin/%6beys",
    "/admin%2fkeys", "/admin/keys%00", "/admin/keys;a=b", "/admin/keys#x", "http://gw/admin/keys", "/admin/keys/",
])
def test_A29_no_spelling_of_the_path_opens_it_to_a_member(gate, good, spelling):
    for key in (good, None):
        answer = request(gate.address, "GET", spelling, key=key)
        assert answer.status in (400, 401, 403, 404), answer.status
        assert b'"data"' not in answer.body


def test_a_key_with_the_role_admin_manages_until_it_is_revoked(gate):
    chief = create(gate, role="admin")
    made = admin(gate, "POST", body={"name": "made by a virtual key"}, key=chief["key"])
    assert made.status == 201
    admin(gate, "DELETE", f"/admin/keys/{chief['id']}")
    assert admin(gate, "GET", key=chief["key"]).status == 401


def test_T12_management_is_closed_where_anybody_could_reach_it_without_a_key(start, database):
    away = ("--listen", "0.0.0.0:0")
    for auth in ({"enabled": False, "keys": []}, {"enabled": False, "keys": [], "admin_key": ADMIN}):
        process = start(auth=auth, arguments=away)
        assert request(process.address, "GET", "/admin/keys", key=None).status == 403
        assert request(process.address, "POST", "/admin/keys", {"name": "x"}, key=None).status == 403
        assert admin(process, "GET").status == (200 if "admin_key" in auth else 403)
    # On this machine, without keys, whoever is here is the administrator.
    process = start(auth={"enabled": False, "keys": []})
    assert request(process.address, "GET", "/admin/keys", key=None).status == 200


def test_A44_a_gateway_with_virtual_keys_only_starts_and_lets_nobody_in_until_there_is_one(start, tmp_path):
    process = start(auth={"enabled": True, "keys": []}, database_url=f"sqlite:{tmp_path}/new.db")
    assert "sluice keys create" in process.log()
    for key in (None, "admin", "sk-1234", "sluice", "sk-slu-"):
        assert status(process, key) == 401
        assert admin(process, "GET", key=key).status == 401
    out, _ = command(f"sqlite:{tmp_path}/new.db", "create", "--name", "first", "--role", "admin")
    eventually(process, out.strip(), 200)
    assert admin(process, "GET", key=out.strip()).status == 200


# Models


@pytest.fixture(scope="module")
def narrow(gate):
    return create(gate, models=["alias", "sim/*"])["key"]


@pytest.mark.parametrize("door", ASKS)
def test_a_key_is_for_its_models_only_at_every_door(gate, narrow, door):
    assert ask(gate, door, narrow).status == 200
    answer = ask(gate, door, narrow, "ok")
    assert answer.status == 403, answer.body
    error = answer.json()["error"]
    if door.startswith("gemini"):
        assert error["status"] == "PERMISSION_DENIED" and error["code"] == 403
    elif door in ("messages", "count"):
        assert error["type"] == "permission_error" and answer.json()["type"] == "error"
    else:
        assert error["code"] == "model_not_allowed" and error["type"] == "permission_error"
    missing = ask(gate, door, narrow, "no-such-model")
    assert missing.status == 403, "what may not be asked for does not tell whether it is there"


@pytest.mark.parametrize("model", ["ok ", " ok", "OK", "Alias", "alias ", "scripted/ok", "sim", "sim/", "SIM/story", "*", "alias/*", "al"])
def test_T09_no_other_spelling_gets_past_the_scope(gate, narrow, model):
    answer = ask(gate, "chat", narrow, model)
    assert answer.status in (400, 403), answer.body


def test_a_name_of_the_operators_may_lead_to_a_model_that_the_key_cannot_name(gate, narrow):
    assert ask(gate, "chat", narrow, "alias").status == 200
    assert ask(gate, "chat", narrow, "ok-alias-target").status == 403


def test_models_are_listed_as_far_as_the_key_may_use_them(gate, narrow, good):
    def listed(key, **options):
        return [row["id"] for row in request(gate.address, "GET", "/v1/models", key=key, **options).json()["data"]]

    assert set(listed(narrow)) == {name for name in listed(good) if name == "alias" or name.startswith("sim/")}
    assert "ok" in listed(good)
    assert request(gate.address, "GET", "/v1/models/alias", key=narrow).status == 200
    hidden = request(gate.address, "GET", "/v1/models/ok", key=narrow)
    missing = request(gate.address, "GET", "/v1/models/no", key=good)
    assert hidden.status == missing.status == 404 and hidden.error["code"] == missing.error["code"]
    gemini = request(gate.address, "GET", "/v1beta/models", key=narrow).json()["models"]
    assert "models/ok" not in [row["name"] for row in gemini]


def test_the_official_clients_name_the_failures(gate, narrow):
    url = "http://%s:%d" % gate.address
    with openai.OpenAI(api_key=narrow, base_url=url + "/v1", max_retries=0) as client:
        assert client.chat.completions.create(model=MODEL, messages=HI).choices[0].message.content
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model="ok", messages=HI)
        assert caught.value.code == "model_not_allowed"
        with pytest.raises(openai.PermissionDeniedError):
            client.responses.create(model="ok", input="hi")
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="sk-slu-wrong").chat.completions.create(model=MODEL, messages=HI)
    with anthropic.Anthropic(api_key=narrow, base_url=url, max_retries=0) as client:
        assert client.messages.create(model=MODEL, max_tokens=16, messages=HI).content
        with pytest.raises(anthropic.PermissionDeniedError):
            client.messages.create(model="ok", max_tokens=16, messages=HI)
        with pytest.raises(anthropic.AuthenticationError):
            client.with_options(api_key="sk-slu-wrong").messages.create(model=MODEL, max_tokens=16, messages=HI)
    client = genai.Client(api_key=narrow, http_options=types.HttpOptions(base_url=url))
    assert client.models.generate_content(model=MODEL, contents="hi").text
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="ok", contents="hi")
    assert caught.value.code == 403


# Secrets


def test_T10_long_keys_that_share_their_beginning_are_told_apart(start):
    shared = "k" * 200
    process = start(auth={"keys": [shared + "a", shared + "b"]})
    assert status(process, shared + "a") == status(process, shared + "b") == 200
    for length in (20, 64, 128, 200):
        assert status(process, shared[:length]) == 401
    assert status(process, shared + "c") == 401


def test_T11_no_list_and_no_detail_shows_a_key_or_its_digest(gate):
    made = create(gate)
    shown = admin(gate, "GET", "/admin/keys?limit=1000").body + admin(gate, "GET", f"/admin/keys/{made['id']}").body
    assert made["hint"] == f"sk-slu-...{made['key'][-4:]}" and made["hint"].encode() in shown
    assert made["key"].encode() not in shown and made["key"][7:-4].encode() not in shown
    assert b"digest" not in shown and b"hash" not in shown
    row = admin(gate, "GET", f"/admin/keys/{made['id']}").json()
    assert set(row) == set(made) - {"key"}


def test_Z05_Z06_X10_a_key_is_nowhere_in_clear(gate, database):
    made = create(gate)
    key = made["key"]
    assert ask(gate, "chat", key).status == 200
    bodies = b""
    for door in ASKS:
        bodies += ask(gate, door, key, "no-such-model").body
        bodies += ask(gate, door, key + "x").body
    bodies += request(gate.address, "GET", f"/v1/{key}", key=key).body
    bodies += admin(gate, "PATCH", f"/admin/keys/{made['id']}", {"name": "x", "models": [""]}).body
    by_hand = command(database, "create", "--name", "x")[0].strip()
    wait_until(lambda: status(gate, by_hand) == 200, REACH, "the key of the command line")
    path = database.removeprefix("sqlite:")
    files = [open(path + tail, "rb").read() for tail in ("", "-wal", "-shm") if os.path.exists(path + tail)]
    assert len(files) >= 2
    for secret in (key, by_hand, ADMIN, KEY):
        for place in (*files, bodies, gate.log().encode()):
            assert secret.encode() not in place and secret[7:].encode() not in place
    # The log does name who it was.
    assert made["hint"] in gate.log()
