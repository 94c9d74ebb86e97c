# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""What is recorded of requests, and who may see it (rows A9, D1, D4)."""

import base64
import json
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import matrix
import pytest
from audit import assert_consistent, get, lines, query, row, rows, usage
from checks import memory_bound
from events import ask, chat, read_stream
from gateway import BINARY
from replies import TEXT, Reply, completion
from wire import ADMIN, KEY, Connection, render, wait_until

WORDS = "The quick brown fox jumps över the lazy dog."


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def audited(request, make_sluice, make_database, replies, simulator):
    """A gateway that records, with each kind of database."""
    url = make_database(request.param)
    providers = matrix.providers(simulator)
    scripted = {"kind": "openai-compatible", "base_url": f"{replies.url}/v1", "api_key": "sk-upstream-secret"}
    providers.append({"name": "up", **scripted, "max_retries": 1, "timeouts": {"first_byte": "1s"}})
    sluice = make_sluice(
        auth={"admin_key": ADMIN},
        database_url=url,
        providers=providers,
        models=[
            {"name": "priced", "deployments": [{"provider": "up"}], "price": {"input": 2.5, "output": 10, "cached": 1.25}},
            {"name": "two", "deployments": [{"provider": "up", "model": "first"}], "fallbacks": ["up/second"]},
        ],
        prices=[{"model": "up/listed", "input": "0.000001", "output": "0.5"}],
        limits={"max_body": "1MiB"},
        log={"level": "debug"},
    )
    sluice.database_url = url
    wait_until(lambda: sluice.get("/readyz", key=None).status == 200, 15, "the database is reached")
    return sluice


@pytest.fixture
def named(tag):
    """Header fields that name a request, and the name."""
    name = f"audit-{tag()}"
    return name, [("X-Request-Id", name)]


def post(sluice, headers, model, stream=False, key=KEY, path="/v1/chat/completions", **fields):
    return sluice.post(chat(model, stream, **fields), path, headers=headers, key=key)


# MARK: what a row holds


def test_a_refusal_of_somebody_admitted_names_the_key(audited, named):
    name, headers = named
    refused = [("/proxy/no-such-provider/x", [], 404), ("/v1/chat/completions", [("X-Sluice-Dialect", "klingon")], 400)]
    for number, (path, more, status) in enumerate(refused):
        one = f"{name}-{number}"
        assert audited.post(b"{}", path, headers=[("X-Request-Id", one), *more]).status == status
        assert row(audited, one)["key"].startswith("settings_")
    assert audited.post(b"{}", headers=[("X-Request-Id", f"{name}-stranger")], key=None).status == 401
    assert row(audited, f"{name}-stranger")["key"] is None


def test_a_stranger_is_not_told_what_is_wrong_with_the_head(audited):
    answer = audited.post(b"{}", headers=[("X-Sluice-Dialect", "klingon")], key="sk-wrong")
    assert answer.status == 401


@pytest.mark.parametrize("stream", [True, False])
def test_a_completed_request(audited, replies, named, stream):
    name, headers = named
    replies.expect("priced", Reply.events() if stream else Reply.whole())
    before = time.time()
    assert post(audited, [*headers, ("X-Team", "blue")], "priced", stream).status == 200
    found = row(audited, name)
    assert found["outcome"] == "completed" and found["status"] == 200 and found["stream"] is stream
    assert found["response"] == TEXT and found["reasoning"] is None and found["tool_calls"] is None
    assert (found["input_tokens"], found["output_tokens"], found["estimated"]) == (3, 5, False)
    assert found["cost"] == pytest.approx(3 * 2.5e-6 + 5 * 10e-6, abs=1e-12)
    assert (found["requested_model"], found["provider"], found["model"]) == ("priced", "up", "priced")
    assert found["attempts"] == 1 and found["failed_attempts"] is None and found["error"] is None
    assert found["door"] == "/v1/chat/completions" and found["stream_id"].startswith("stream_")
    assert found["duration_us"] > 0 and (found["first_token_us"] is None or found["first_token_us"] > 0)
    assert json.loads(found["request"])["messages"] == [{"role": "user", "content": "hi"}]
    assert found["request_bytes"] == len(found["request"]) and not found["request_truncated"]
    assert "x-team: blue" in found["request_headers"].lower()
    told = found["response_headers"].lower().splitlines()
    assert ("content-type: text/event-stream" if stream else "content-type: application/json") in told
    assert found["received_at"] <= found["ended_at"] and found["received_at"].endswith("Z")
    started = time.strptime(found["received_at"][:19], "%Y-%m-%dT%H:%M:%S")
    assert abs(time.mktime(started) - time.timezone - before) < 5
    whole = get(audited, f"/api/v1/audit/{found['id']}")
    assert whole.status == 200 and whole.json() == found
    brief = get(audited, "/api/v1/audit", request_id=name).json()["data"]
    assert "response" not in brief[0] and brief[0]["id"] == found["id"]


def test_a_client_that_leaves(audited, named):
    name, headers = named
    with Connection(audited.address, 10) as connection:
        connection.send(render("POST", "/v1/chat/completions", chat("sim/story", max_tokens=2000), headers, KEY))
        read_stream(connection, until=lambda stream: len(stream.text) > 40)
    found = row(audited, name)
    assert found["outcome"] == "client_disconnected" and found["status"] == 499
    assert len(found["response"]) > 30, "what was delivered is there"
    assert found["estimated"] and found["output_tokens"] >= len(found["response"]) // 4


def test_an_upstream_that_fails(audited, replies, named):
    name, headers = named
    replies.expect("first", Reply.error(500, "first is down, said sk-abcdefgh12345678"))
    replies.expect("second", Reply.error(503, "second too"))
    answer = post(audited, headers, "two", True)
    assert answer.status >= 500
    found = row(audited, name)
    assert found["outcome"] == "upstream_error" and found["status"] == answer.status
    assert found["attempts"] >= 2 and "second too" in found["error"]
    assert {attempt["model"] for attempt in found["failed_attempts"]} == {"first", "second"}
    assert "sk-abcdefgh" not in json.dumps(found) and "[redacted]" in json.dumps(found["failed_attempts"])
    assert (found["input_tokens"], found["output_tokens"], found["cost"]) == (None, None, None)
    assert found["response"] is None and found["request"]


def test_an_upstream_that_is_silent(audited, replies, named):
    name, headers = named
    replies.expect("slow", Reply.error(500, delay=3))
    assert post(audited, headers, "up/slow").status == 504
    assert row(audited, name)["outcome"] == "upstream_timeout"


def test_what_is_refused(audited, tag):
    def refused(status, body, key=KEY, **options):
        name = f"audit-{tag()}"
        answer = audited.post(body, headers=[("X-Request-Id", name)], key=key, **options)
        assert answer.status == status, answer
        found = row(audited, name)
        assert found["outcome"] == "refused" and found["status"] == status and found["attempts"] == 0
        assert found["error"] and found["request"] is None and found["response"] is None
        return found

    assert refused(404, chat("no-such-model"))["requested_model"] == "no-such-model"
    assert refused(400, b"{")["client"].startswith("sk-")
    assert refused(401, chat("sim/echo"), key="sk-wrong-0000000000000000")["client"] == "127.0.0.1"


def test_what_the_gateway_ends_itself(make_sluice):
    sluice = make_sluice(auth={"admin_key": ADMIN}, drain_timeout="300ms")
    path = sluice.config.parent / "sluice.db"
    connection = sluice.open_stream("ok-long")
    read_stream(connection, until=lambda stream: stream.text)
    assert sluice.terminate() == 0
    connection.close()
    exported = export(f"sqlite:{path}")
    assert [line["outcome"] for line in exported] == ["cancelled"]
    assert exported[0]["response"].startswith("0 ")
    assert_consistent(path)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", matrix.PROVIDERS)
def test_what_every_kind_of_provider_says(audited, named, provider, stream):
    name, headers = named
    body = {"messages": [{"role": "user", "content": WORDS}], "reasoning_effort": "low"}
    model = "think" if provider != "straico" else "echo"
    if provider == "straico":
        del body["reasoning_effort"]
    if stream:
        told = ask(audited.address, f"{provider}/{model}", headers=headers, **body).text
    else:
        told = audited.post({"model": f"{provider}/{model}", **body}, headers=headers).json()["choices"][0]["message"]["content"]
    found = row(audited, name)
    assert told and found["response"] == told, found
    assert bool(found["reasoning"]) == (model == "think")
    assert found["input_tokens"] > 0 and found["output_tokens"] > 0
    if provider == "straico":
        return
    name += "-tools"
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
    body = {"messages": [{"role": "user", "content": "weather"}], "tools": [tool]}
    assert audited.post({"model": f"{provider}/tools", "stream": stream, **body}, headers=[("X-Request-Id", name)]).status == 200
    calls = row(audited, name)["tool_calls"]
    assert [call["name"] for call in calls] == ["get_weather"] and calls[0]["id"] is not None
    assert json.loads(calls[0]["arguments"])["city"] == "example"


@pytest.mark.parametrize("path, body", [
    ("/v1/responses", {"model": "sim/echo", "input": WORDS}),
    ("/v1/messages", {"model": "sim/echo", "max_tokens": 100, "messages": [{"role": "user", "content": WORDS}]}),
    ("/v1beta/models/sim/echo:generateContent", {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}),
])
def test_every_door(audited, named, path, body):
    name, headers = named
    assert audited.post(body, path, headers=headers).status == 200
    found = row(audited, name)
    assert found["response"] == WORDS and path.startswith(found["door"])


def test_what_nobody_counted_is_estimated_and_marked(audited, replies, named):
    name, headers = named
    answer = completion("a" * 400)
    del answer["usage"]
    replies.expect("uncounted", Reply(200, answer))
    assert post(audited, headers, "up/uncounted").status == 200
    found = row(audited, name)
    assert found["estimated"] and found["output_tokens"] == 100 and found["input_tokens"] > 0


@pytest.mark.parametrize("counts", [(-5, -7), (10**18, 10**18), (2**63 - 1, 2**63 - 1)])
def test_absurd_counts_give_no_credit(audited, replies, named, counts):
    name, headers = named
    answer = completion()
    answer["usage"] = {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": 0}
    replies.expect("listed", Reply(200, answer))
    assert post(audited, headers, "up/listed").status == 200
    found = row(audited, name)
    assert found["input_tokens"] >= 0 and found["output_tokens"] >= 0 and found["cost"] >= 0
    audited.assert_healthy()


def test_a_model_without_a_price_is_told_apart(audited, replies, named):
    name, headers = named
    replies.expect("free", Reply.whole())
    assert post(audited, headers, "up/free").status == 200
    assert row(audited, name)["cost"] is None
    found = usage(audited, group_by="model", model="free")
    assert found == [{**found[0], "model": "free", "requests": 1, "unpriced": 1, "cost": 0}]


def test_a_long_answer_is_cut_and_says_so(make_sluice, named):
    name, headers = named
    sluice = make_sluice(auth={"admin_key": ADMIN})
    stream = ask(sluice.address, "ok-big", 60, headers=headers, metadata={"size": 10_000_000})
    assert len(stream.text) > 9_900_000
    found = row(sluice, name)
    assert found["truncated"] and 1_000_000 < len(found["response"]) <= 1 << 20
    assert stream.text.startswith(found["response"])


def test_long_answers_do_not_add_up_in_memory(make_sluice, named):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    # The first ones bring the memory to where storing rows of 1 MiB leaves it.
    for _ in range(6):
        ask(sluice.address, "ok-big", 60, metadata={"size": 10_000_000})
    before = sluice.rss()
    for _ in range(15):
        ask(sluice.address, "ok-big", 60, metadata={"size": 10_000_000})
    assert sluice.rss() - before < memory_bound(12 << 20)


def test_a_long_question_is_cut_and_says_so(audited, named):
    name, headers = named
    body = json.dumps(chat("sim/echo", False, metadata={"x": "ü" * 200_000}), ensure_ascii=False).encode()
    assert audited.post(body, headers=headers).status == 200
    found = row(audited, name)
    assert found["request_truncated"] and found["request_bytes"] > 400_000
    assert 65_000 < len(found["request"].encode()) <= 65_536 and "\ufffd" not in found["request"]


def test_odd_characters_are_kept(audited, replies, named):
    name, headers = named
    text = "NUL \0 line \u2028 esc \x1b[31m emoji \U0001f600 end \uffff"
    replies.expect("odd", Reply.whole(text))
    assert post(audited, headers, "up/odd").status == 200
    found = row(audited, name)
    assert found["response"].replace("\u2400", "\0") == text


def test_nothing_a_client_or_upstream_says_forges_a_log_line_or_a_row(audited, replies, named):
    name, headers = named
    nasty = 'x\r\n{"forged":true}\n\x1b[2J\u2028'
    replies.expect(f"nasty{nasty}", Reply.error(500, nasty, code=nasty))
    post(audited, headers, f"up/nasty{nasty}", user=nasty)
    row(audited, name)
    exported = get(audited, "/api/v1/audit/export", request_id=name).body
    assert exported.count(b"\n") == 1 and b"\x1b" not in exported
    log = audited.log()
    assert "\x1b" not in log and not any(line.startswith('{"forged"') for line in log.splitlines())


def test_content_can_be_left_out(make_sluice, replies, named):
    name, headers = named
    scripted = {"kind": "openai-compatible", "base_url": f"{replies.url}/v1", "api_key": "sk-upstream-secret"}
    sluice = make_sluice(auth={"admin_key": ADMIN}, audit={"content": "none"}, providers=[{"name": "up", **scripted}], models=[])
    replies.expect("quiet", Reply.events("w" * 400))
    assert ask(sluice.address, "up/quiet", headers=headers).text == "w" * 400
    found = row(sluice, name)
    texts = ("request", "response", "reasoning", "tool_calls", "request_headers", "response_headers")
    assert all(found[text] is None for text in texts) and not found["truncated"]
    assert found["input_tokens"] == 3 and found["output_tokens"] == 5
    assert b"wwww" not in (sluice.config.parent / "sluice.db-wal").read_bytes()
    # What a provider says of a request may quote it.
    replies.expect("quoting", Reply.error(400, "your prompt 'quoted-prompt' was flagged", code="flagged"))
    answer = post(sluice, [("X-Request-Id", f"{name}-q")], "up/quoting")
    assert answer.status == 400 and b"quoted-prompt" in answer.body
    assert row(sluice, f"{name}-q")["error"] == "flagged"
    assert "quoted-prompt" not in sluice.log() and "error=flagged" in sluice.log()


def test_the_head_of_a_providers_answer_is_recorded_without_credentials(make_sluice, replies, named):
    name, headers = named
    key = "0123456789abcdef0123456789abcdef"
    scripted = {"kind": "openai-compatible", "base_url": f"{replies.url}/v1", "api_key": key, "max_retries": 0}
    sluice = make_sluice(auth={"admin_key": ADMIN}, providers=[{"name": "up", **scripted}], models=[])
    told = {"X-Request-Id": "theirs-1", "Set-Cookie": "id=1", "X-Echo": f"you sent {key}", "Location": "https://u:pw@h/x"}
    replies.expect("heads", Reply(200, completion(TEXT), headers=told), Reply.error(400, f"no {key}", headers=told))
    for path in ("/v1/chat/completions", "/proxy/up/chat/completions"):
        for number, status in enumerate((200, 400)):
            one = f"{name}-{len(path)}-{number}"
            body = {"model": "heads" if path.startswith("/proxy") else "up/heads", "messages": []}
            body["messages"].append({"role": "user", "content": "hi"})
            if path.startswith("/proxy"):
                replies.expect("heads", Reply(status, completion(TEXT) if status == 200 else {"error": key}, headers=told))
            assert sluice.post(body, path, headers=[("X-Request-Id", one)]).status == status
            lines = row(sluice, one)["response_headers"].lower().splitlines()
            assert {"x-request-id: theirs-1", "set-cookie: [redacted]", "x-echo: you sent [redacted]"} <= set(lines), lines
            assert "location: https://[redacted]@h/x" in lines
    assert key.encode() not in get(sluice, "/api/v1/audit/export").body and key not in sluice.log()


def test_a_key_in_the_place_of_a_model_is_not_recorded(audited, named):
    name, headers = named
    answer = post(audited, headers, "sim/sk-proj-abcdefgh12345678")
    found = row(audited, name)
    assert found.pop("request"), "what was asked is kept as it came"
    assert "abcdefgh12345678" not in json.dumps(found) and "abcdefgh12345678" not in audited.log(), answer


# MARK: secrets


def test_no_secret_is_recorded_logged_or_told(audited, replies, named):
    name, headers = named
    secrets = {
        "x-api-key": "zz-api-11112222", "cookie": "zz-cookie-11112222", "proxy-authorization": "Basic zz-proxy-11112222",
        "x-auth-token": "zz-token-11112222", "x-my-secret": "zz-secret-11112222",
    }
    replies.expect("leaky", Reply.error(400, "key sk-proj-zzzz11112222 and Bearer zz-bearer-11112222 are wrong"))
    answer = post(audited, [*headers, *secrets.items(), ("Referer", "http://x/?key=zz-query-11112222")], "up/leaky")
    assert answer.status == 400
    row(audited, name)
    directory = Path(audited.database_url.removeprefix("sqlite:")).parent
    seen = {
        "answer": answer.body, "log": audited.log().encode(),
        "export": get(audited, "/api/v1/audit/export", request_id=name).body, "metrics": get(audited, "/metrics").body,
        **{file.name: file.read_bytes() for file in directory.glob("sluice.db*")},
    }
    for place, text in seen.items():
        assert b"11112222" not in text, f"{place} has a secret"
        for secret in (KEY, ADMIN, "sk-upstream-secret"):
            assert secret.encode() not in text, f"{place} has a key"


# MARK: reading


def test_pages_go_through_all_rows_once(audited, replies, tag):
    replies.expect("paged", Reply.whole())
    wanted = [f"audit-{tag()}" for _ in range(7)]
    for name in wanted:
        assert post(audited, [("X-Request-Id", name)], "up/paged").status == 200
    row(audited, wanted[-1])
    seen, cursor = [], None
    while True:
        page = get(audited, "/api/v1/audit", model="paged", limit=2, **({"cursor": cursor} if cursor else {})).json()
        assert len(page["data"]) <= 2
        seen += [found["request_id"] for found in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == wanted[::-1]


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": -1}, {"limit": 10**9}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "A" * 64}, {"nonsense": 1},
    {"from_": "yesterday"}, {"status": "200 OR 1=1"}, {"include": "everything"}, {"q": "x" * 1000},
    {"limit": 500, "include": "content"},
])
def test_a_wrong_parameter_is_an_error(audited, query):
    answer = get(audited, "/api/v1/audit", **query)
    assert answer.status == 400 and answer.error["code"] == "invalid_parameter"


def test_a_changed_cursor_is_an_error(audited):
    page = get(audited, "/api/v1/audit", limit=1).json()
    cursor = page["next_cursor"]
    for position in range(len(cursor)):
        changed = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
        assert get(audited, "/api/v1/audit", cursor=changed).status == 400
    plain = base64.urlsafe_b64encode(b"0 audit_0").decode().rstrip("=")
    assert get(audited, "/api/v1/audit", cursor=plain).status == 400


@pytest.mark.parametrize("text, count", [
    ("fifty%", 1), ("a_b", 1), ("FIFTY", 1), ("%_%_%", 0), ("back\\slash", 1), ("'; DROP TABLE audit; --", 1), ("aXb", 0),
])
def test_a_search_is_literal(audited, replies, named, text, count):
    name, headers = named
    replies.expect("searched", Reply.whole("fifty% a_b back\\slash '; DROP TABLE audit; --"))
    post(audited, headers, "up/searched")
    row(audited, name)
    assert len(rows(audited, q=text, request_id=name)) == count


def test_a_row_that_is_not_there(audited):
    for path in ("/api/v1/audit/audit_0", "/api/v1/audit/x/y", "/api/v1/audit/"):
        answer = get(audited, path)
        assert answer.status == 404 and answer.error["code"] == "not_found"


def test_identifiers_cannot_be_guessed(audited):
    ids = [found["id"] for found in get(audited, "/api/v1/audit", limit=50).json()["data"]]
    assert len(set(ids)) == len(ids) and all(len(id) == 38 for id in ids)
    assert len({id[:14] for id in ids}) == len(ids), "nothing in common but the prefix"


def test_usage_is_the_sum_of_the_rows(audited, replies, tag):
    replies.expect("listed", Reply.whole())
    for _ in range(3):
        assert post(audited, [], "up/listed").status == 200
    name = f"audit-{tag()}"
    post(audited, [("X-Request-Id", name)], "up/listed")
    row(audited, name)
    for group in ("model,provider", "day", "key", "organization", "user", "day,model"):
        found = usage(audited, group_by=group)
        assert sum(one["requests"] for one in found) == len(rows(audited))
    if audited.database_url.startswith("sqlite:"):
        assert_consistent(audited.database_url.removeprefix("sqlite:"))
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert usage(audited, group_by="day", from_=today) and not usage(audited, to="2020-01-01")
    assert get(audited, "/api/v1/usage", group_by="password").status == 400
    assert get(audited, "/api/v1/usage", group_by="day,day").status == 400


def test_an_export_that_nobody_reads_holds_nothing_up(make_sluice, replies):
    scripted = {"kind": "openai-compatible", "base_url": f"{replies.url}/v1", "api_key": "sk-upstream-secret"}
    sluice = make_sluice(auth={"admin_key": ADMIN}, providers=[{"name": "up", **scripted}], models=[])
    replies.expect("bulky", Reply.whole("b" * 500_000))
    for _ in range(40):
        assert post(sluice, [], "up/bulky").status == 200
    wait_until(lambda: len(get(sluice, "/api/v1/audit", limit=100).json()["data"]) == 40, 10, "forty rows")
    before = sluice.rss()
    lazy = Connection(sluice.address, 10, 4096)
    lazy.send(render("GET", "/api/v1/audit/export", None, [], ADMIN))
    lazy.head()
    time.sleep(0.5)
    sluice.assert_healthy()
    assert sluice.rss() - before < 24 << 20, "only some rows are held for a reader that does not read"
    lazy.close()
    answer = get(sluice, "/api/v1/audit/export", timeout=60)
    exported = lines(answer.body.decode())
    assert len(exported) == 40 and all(len(line["response"]) == 500_000 for line in exported)
    assert answer.header("content-type") == "application/jsonl"
    whole = get(sluice, "/api/v1/audit", timeout=60, limit=100, include="content").json()
    assert [one["id"] for one in whole["data"]] == [line["id"] for line in exported] and whole["next_cursor"] is None
    first = get(sluice, "/api/v1/audit", timeout=60, limit=25, include="content").json()
    rest = get(sluice, "/api/v1/audit", timeout=60, limit=25, include="content", cursor=first["next_cursor"]).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == [line["id"] for line in exported]
    assert len(first["data"]) == 25 and rest["next_cursor"] is None


# MARK: who may see what


@pytest.fixture(scope="module")
def tenants(audited):
    """Virtual keys: two of one user, one of another user, one without an organisation."""

    def create(**fields):
        answer = audited.post({"name": "k", **fields}, "/admin/keys", key=ADMIN)
        assert answer.status in (200, 201), answer
        return answer.json()

    keys = {
        "ann": create(organization="acme", user="ann"),
        "ann2": create(organization="acme", user="ann"),
        "bob": create(organization="acme", user="bob"),
        "eve": create(organization="evil", user="ann"),
        "solo": create(),
    }
    for name, key in keys.items():
        wait_until(
            lambda key=key: audited.get("/v1/models", key=key["key"]).status == 200, 10, f"the key of {name} is known")
    return {name: key["key"] for name, key in keys.items()}


def test_each_sees_its_own(audited, tenants, tag):
    names = {}
    for who, key in tenants.items():
        names[who] = f"audit-{tag()}"
        assert post(audited, [("X-Request-Id", names[who])], "sim/echo", key=key).status == 200
    ids = {who: row(audited, name)["id"] for who, name in names.items()}
    allowed = {"ann": {"ann", "ann2"}, "ann2": {"ann", "ann2"}, "bob": {"bob"}, "eve": {"eve"}, "solo": {"solo"}}
    missing = get(audited, "/api/v1/audit/audit_00000000000000000000000000000000", ADMIN)
    for who, key in tenants.items():
        seen = {found["request_id"] for found in rows(audited, key)}
        assert seen & set(names.values()) == {names[other] for other in allowed[who]}
        exported = lines(get(audited, "/api/v1/audit/export", key).body.decode())
        assert {line["request_id"] for line in exported} == seen
        assert sum(one["requests"] for one in usage(audited, key, group_by="user")) == len(exported)
        for other, id in ids.items():
            answer = get(audited, f"/api/v1/audit/{id}", key)
            assert answer.status == (200 if other in allowed[who] else 404)
            if answer.status == 404:
                assert {**answer.error, "request_id": 0} == {**missing.error, "request_id": 0}
            assert audited_head(audited, id, key) == answer.status
        # Asking for others by a filter or a cursor gives no more.
        assert not {found["request_id"] for found in rows(audited, key, user="bob")} - {names["bob"]}
        if who != "bob":
            assert rows(audited, key, request_id=names["bob"]) == []
        everybody = get(audited, "/api/v1/audit", ADMIN, limit=1).json()["next_cursor"]
        assert get(audited, "/api/v1/audit", key, cursor=everybody).status == 200
        assert names["solo"] not in seen or who == "solo"


def audited_head(sluice, id, key):
    with Connection(sluice.address, 10) as connection:
        connection.send(render("HEAD", f"/api/v1/audit/{id}", None, [], key))
        return connection.response("HEAD").status


def test_a_key_of_the_settings_sees_its_own_and_strangers_nothing(audited, named):
    name, headers = named
    assert post(audited, headers, "sim/echo").status == 200
    assert row(audited, name, key=KEY)["key"].startswith("settings_")
    assert len({found["key"] for found in rows(audited, KEY)}) == 1
    assert get(audited, "/api/v1/audit/audit_0", KEY).status == 404
    for path in ("/api/v1/audit", "/api/v1/audit/export", "/api/v1/audit/audit_0", "/api/v1/usage"):
        assert get(audited, path, None).status == 401
        assert get(audited, f"{path}?key={ADMIN}", None).status == 401


# MARK: the command line


def export(url, *options):
    command = [BINARY, "audit", "export", "--database", url, *options]
    return lines(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_the_command_line_exports(audited, replies, named):
    name, headers = named
    replies.expect("exported", Reply.whole())
    post(audited, headers, "up/exported")
    found = row(audited, name)
    url = audited.database_url
    assert export(url, "--model", "exported") == [found]
    assert export(url, "--model", "exported", "--to", "2020-01-01") == []
    command = [BINARY, "audit", "export", "--database", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(10) == 0 and process.stderr.read() == b"", "a reader that has enough is no failure"
    nowhere = subprocess.run([BINARY, "audit", "export", "--database", "sqlite:/nowhere/x.db"], capture_output=True)
    assert nowhere.returncode == 66 and b"there is no database" in nowhere.stderr
    assert subprocess.run([BINARY, "audit", "export", "--colour", "x"], capture_output=True).returncode == 64


def test_long_answers_are_stored_as_fast_as_they_come_and_are_exported_at_any_length(make_sluice):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    for _ in range(70):
        ask(sluice.address, "ok-big", 60, metadata={"size": 1_000_000})
    # Far beyond the interval, and far below what a row an interval would take.
    time.sleep(1.5)
    sluice.kill()
    path = sluice.config.parent / "sluice.db"
    assert query(path, "SELECT COUNT(*), SUM(LENGTH(response_text) > 900000) FROM audit") == [(70, 70)]
    # More than 64 MiB, which is the most that is read at once.
    exported = export(f"sqlite:{path}")
    assert len(exported) == len({found["id"] for found in exported}) == 70
    assert all(len(found["response"]) > 900_000 for found in exported)


def test_an_export_ends_with_a_code_of_sysexits(tmp_path):
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE cats (name)")
        database.commit()
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at " * 20)
    for url, code in ((f"sqlite:{other}", 65), (f"sqlite:{tmp_path}/text.db", 65), ("nonsense:x", 78), ("none", 78)):
        done = subprocess.run([BINARY, "audit", "export", "--database", url], capture_output=True, text=True, timeout=30)
        assert done.returncode == code and done.stderr.count("\n") == 1, (url, done)


@pytest.mark.parametrize("below", ["%00", "%ff", "export%00", "%ff/x/y", "x/y"])
def test_a_path_below_that_is_none_is_404(audited, below):
    answer = get(audited, f"/api/v1/audit/{below}")
    assert answer.status == 404, answer


def test_a_count_that_is_an_estimate_leaves_a_row_that_used_nothing(audited, named):
    name, headers = named
    body = {"model": "up/counted", "messages": [{"role": "user", "content": "How many?"}]}
    assert audited.post(body, "/v1/messages/count_tokens", headers=headers).json()["input_tokens"] > 0
    found = row(audited, name)
    assert (found["status"], found["outcome"], found["requested_model"]) == (200, "completed", "up/counted")
    assert found["attempts"] == 0 and found["input_tokens"] is None and found["cost"] is None


def test_use_is_asked_for_by_whole_days(audited):
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert get(audited, "/api/v1/usage", from_=f"{today}T00:00:00Z").status == 200
    for name in ("from", "to"):
        answer = get(audited, "/api/v1/usage", **{f"{name}_": f"{today}T00:00:01Z"})
        assert answer.status == 400 and answer.error["param"] == name, answer


def test_what_a_key_said_can_be_erased(make_sluice):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    path = sluice.config.parent / "sluice.db"
    made = [sluice.post({"name": "k"}, "/admin/keys", key=ADMIN).json() for _ in range(2)]
    for key, word in zip(made, ("forgetmenot", "rememberme"), strict=True):
        wait_until(lambda key=key: sluice.get("/v1/models", key=key["key"]).status == 200, 10, "the key")
        for number in range(50):
            messages = [{"role": "user", "content": f"{word} {number}"}]
            assert sluice.post({"model": "sim/echo", "messages": messages}, key=key["key"]).status == 200
    wait_until(lambda: len(get(sluice, "/api/v1/audit", limit=200).json()["data"]) >= 100, 10, "all rows")
    erased = subprocess.run(
        [BINARY, "audit", "erase", "--key", made[0]["id"], "--database", f"sqlite:{path}"], capture_output=True, text=True)
    assert erased.returncode == 0 and erased.stdout == "erased the content of 50 requests\n", erased
    left = rows(sluice)
    assert {found["response"] for found in left if found["key"] == made[0]["id"]} == {None}
    assert all("rememberme" in found["response"] for found in left if found["key"] == made[1]["id"])
    sluice.stop()
    kept = b"".join(file.read_bytes() for file in path.parent.glob("sluice.db*"))
    assert b"forgetmenot" not in kept and b"rememberme" in kept


def test_old_rows_are_deleted(make_sluice):
    sluice = make_sluice(auth={"admin_key": ADMIN})
    path = sluice.config.parent / "sluice.db"
    assert post(sluice, [], "sim/echo").status == 200
    wait_until(lambda: rows(sluice), 10, "the row")
    sluice.stop()
    again = make_sluice(
        auth={"admin_key": ADMIN}, audit={"retention": "1ms"}, database_url=f"sqlite:{path}")
    wait_until(lambda: not rows(again), 10, "no row")
    assert sum(one["requests"] for one in usage(again)) == 1, "the sums stay"
