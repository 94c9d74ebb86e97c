# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Where requests go, with which credentials, and where words of clients never get to (rows X04 to X17)."""

import json
import os
import socket
import threading
import time

import pytest

from events import chat
from proxied import SECRET
from raw_upstream import RawUpstream
from replies import Reply
from routes import targets
from wire import ADMIN, KEY, Closed, Connection, close_waited_on, request

ELSEWHERE = "http://169.254.169.254/"


class Trap:
    """A server that counts who comes, and tells them nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.visits = self.listener.getsockname()[1], 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()


@pytest.fixture
def trap():
    trap = Trap()
    yield trap
    close_waited_on(trap.listener)


KINDS = {
    "openai-compatible": "/v1", "openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama": "", "straico": "",
}


@pytest.fixture(scope="module")
def gate(make_sluice, replies):
    """A gateway with a provider of every kind, each with a key, all at one address."""
    return make_sluice(
        auth={"admin_key": ADMIN},
        log={"level": "debug"},
        providers=[
            *(
                {"name": kind, "kind": kind, "base_url": replies.url + path, "api_key": SECRET, "max_retries": 0}
                for kind, path in KINDS.items()
            ),
            {"name": "sim", "kind": "simulator"},
        ],
        models=[],
    )


# Where a request goes


STRAY = {
    "api_base": ELSEWHERE, "base_url": ELSEWHERE, "api_key": "sk-stray", "headers": {"X-Stray": "1"},
    "extra_headers": {"X-Stray": "1", "Authorization": "Bearer sk-stray"}, "extra_body": {"api_base": ELSEWHERE},
    "user_config": {"api_base": ELSEWHERE}, "proxy": ELSEWHERE, "organization": "org-stray", "custom_llm_provider": "anthropic",
    "host": "169.254.169.254", "url": ELSEWHERE, "extra_query": {"key": "sk-stray"},
}
PLACES = {
    "top": lambda name, value: {name: value},
    "metadata": lambda name, value: {"metadata": {name: value}},
    "extra_body": lambda name, value: {"extra_body": {name: value}},
    "tools": lambda name, value: {
        "tools": [{"type": "function", name: value, "function": {"name": "f", "parameters": {"type": "object"}, name: value}}]
    },
    "brackets": lambda name, value: {f"metadata[{name}]": value, f"extra_body[{name}]": value},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_X04_X05_nothing_in_a_body_chooses_the_address_or_the_key(gate, replies, kind, place):
    model = f"m-{kind}-{place}"
    replies.expect(model, Reply.error(422, "seen"))
    hi = [{"role": "user", "content": "hi"}]
    asked = 0
    for name, value in STRAY.items():
        fields = PLACES[place](name, value)
        for path, body in (
            ("/v1/chat/completions", {"messages": hi}), ("/v1/messages", {"messages": hi, "max_tokens": 9}),
            ("/v1/responses", {"input": "hi"}),
        ):
            answer = gate.post({"model": f"{kind}/{model}", **body, **fields}, path)
            assert 400 <= answer.status < 600
            asked += answer.status == 422
    told = replies.requests(model)
    # Straico names its model in another member; Gemini's is in the path, with the action.
    assert len(told) >= asked > 0 or kind == "straico"
    expected = {"anthropic": ("x-api-key", SECRET), "gemini": ("x-goog-api-key", SECRET)}
    field, value = expected.get(kind, ("authorization", f"Bearer {SECRET}"))
    for seen in told:
        assert seen["headers"][field] == value and seen["headers"]["host"] == replies.url.removeprefix("http://")
        assert "x-stray" not in seen["headers"] and "sk-stray" not in str(seen["headers"]) + seen["path"]
        assert "openai-organization" not in seen["headers"]


def picture(door, url):
    """A question with a picture at an address, as each door says it."""
    return {
        "/v1/chat/completions": {
            "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
        },
        "/v1/messages": {
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}]}],
        },
        "/v1/responses": {
            "input": [{"role": "user", "content": [
                {"type": "input_image", "image_url": url}, {"type": "input_file", "file_url": url}]}]
        },
        "/v1beta/models/{model}:generateContent": {
            "contents": [{"role": "user", "parts": [{"fileData": {"mimeType": "image/png", "fileUri": url}}]}]
        },
    }[door]


DOORS = ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/{model}:generateContent"]


@pytest.mark.parametrize("door", DOORS)
def test_X06_X07_X08_an_address_in_a_question_is_never_visited(gate, replies, trap, door):
    spellings = ["http://127.0.0.1:%d/x.png", "http://localhost.:%d/", "http://2130706433:%d/", "http://0x7f.1:%d/"]
    handed_on = 0
    for kind in KINDS:
        model = f"look-{kind}"
        replies.expect(model, Reply.error(422, "seen"))
        for spelling in spellings:
            body = picture(door, spelling % trap.port)
            if "{model}" not in door:
                body["model"] = f"{kind}/{model}"
            answer = gate.post(body, door.format(model=f"{kind}/{model}"))
            assert 400 <= answer.status < 600
        handed_on += any(str(trap.port) in json.dumps(seen["body"]) for seen in replies.requests(model))
    assert handed_on, "some provider is told the address, and looks itself"
    time.sleep(0.2)
    assert trap.visits == 0


@pytest.mark.parametrize("kind", KINDS)
def test_X12_line_ends_in_names_and_fields_of_clients_make_no_header_upstream(gate, replies, kind):
    model = f"m12-{kind}"
    replies.expect(model, Reply.error(422, "seen"))
    asked = len(replies.seen)
    strange = [
        ("anthropic-beta", "stray-beta"), ("openai-organization", "org-stray"), ("openai-project", "p-stray"),
        ("openai-beta", "stray"), ("x-stray", "1"),
    ]
    for odd in ("a\r\nX-Stray: 1", "a\nX-Stray: 1", "a\rX-Stray: 1", "a\x00b"):
        body = chat(f"{kind}/{model}", stream=False, user=odd, metadata={odd: odd})
        gate.post(body, headers=strange)
        assert 400 <= gate.post(chat(f"{kind}/{odd}", stream=False), headers=strange).status < 600
    told = replies.seen[asked:]
    assert len(told) >= 4
    for seen in told:
        assert "stray" not in str(seen["headers"]).lower() and "openai-organization" not in seen["headers"]
        assert "\n" not in seen["path"] and "X-Stray" not in seen["path"].replace("%0AX-Stray", "").replace("%0DX-Stray", "")


def test_X14_proxies_and_files_of_the_environment_are_ignored(make_sluice, replies, trap, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login stray password stray\ndefault login stray password stray\n")
    (tmp_path / ".curlrc").write_text(f'proxy = "http://127.0.0.1:{trap.port}"\nuser = "stray:stray"\n')
    proxies = {
        name: f"http://127.0.0.1:{trap.port}"
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    }
    home = {"HOME": str(tmp_path), "CURL_HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc"), "NO_PROXY": "", "no_proxy": ""}
    gateway = make_sluice(
        options={"env": {**os.environ, **proxies, **home}},
        providers=[
            {"name": "bare", "kind": "ollama", "base_url": replies.url},
            {"name": "keyed", "kind": "openai-compatible", "base_url": f"{replies.url}/v1", "api_key": SECRET},
        ],
        models=[],
    )
    replies.expect("m14", Reply.error(422, "seen"))
    replies.expect("k14", Reply.error(422, "seen"))
    assert gateway.post(chat("bare/m14", stream=False)).status == 422
    assert gateway.post({"model": "m14"}, "/proxy/bare/api/chat").status == 422
    assert gateway.post(chat("keyed/k14", stream=False)).status == 422
    assert [seen["headers"].get("authorization") for seen in replies.requests("m14")] == [None, None]
    assert [seen["headers"]["authorization"] for seen in replies.requests("k14")] == [f"Bearer {SECRET}"]
    assert trap.visits == 0


# Where secrets and words go


def test_X10_no_key_is_anywhere_but_where_it_belongs(make_sluice, tmp_path):
    raw = RawUpstream()
    gateway = make_sluice(
        auth={"admin_key": ADMIN},
        log={"level": "debug"},
        database_url=f"sqlite:{tmp_path}/x10.db",
        providers=[
            {"name": "up", "kind": "openai-compatible", "base_url": f"{raw.url}/v1", "api_key": SECRET, "max_retries": 0},
            {"name": "closed", "kind": "openai-compatible", "base_url": "http://127.0.0.1:1/v1", "api_key": SECRET, "max_retries": 0},
            {"name": "sim", "kind": "simulator"},
        ],
        models=[],
    )

    def tell(incoming):
        incoming.body()
        says = json.dumps({"error": {"message": f"bad key {SECRET} in {incoming.value('authorization')}"}})
        incoming.reply(says.encode(), "401 No", [("Content-Type", "application/json"), ("X-Stray", "a")])

    raw.on("/v1/chat/completions", tell)
    made = gateway.post({"name": "k", "organization": "o"}, "/admin/keys", key=ADMIN).json()["key"]
    bodies = []
    for key in (KEY, made, ADMIN):
        for target in targets(gateway):
            if target.startswith("/proxy/"):
                continue
            for method in ("GET", "POST"):
                for model in ("up/m", "closed/m", "sim/echo"):
                    body = {**chat(model, stream=False), "message": "hi", "input": "hi", "max_tokens": 9}
                    bodies.append(request(
                        gateway.address, method, f"{target}?key={key}&x={key}", body if method == "POST" else None,
                        [("x-api-key", key), ("Referer", f"http://x/?api_key={key}"), ("Cookie", f"k={key}")], key,
                    ))
        # What is proxied is handed on as it is, also an upstream's fault; it is not kept so.
        assert SECRET in gateway.post({"model": "m"}, "/proxy/up/chat/completions", key=key).body.decode()
        bodies.append(request(gateway.address, "GET", f"/v1/{key}", key=key))
        bodies.append(request(gateway.address, "GET", "/v1/models", key=key + "x"))
    metrics = gateway.get("/metrics", key=ADMIN).body
    bodies += [gateway.get(path, key=ADMIN) for path in ("/api/v1/audit?limit=100&include=content", "/api/v1/audit/export")]
    log = gateway.log().encode()
    gateway.stop()
    raw.close()
    files = {path.name: path.read_bytes() for path in tmp_path.glob("x10.db*")}
    assert len(bodies) > 200 and files and b"/v1/chat/completions" in log
    for name, text in {"log": log, "metrics": metrics, "answers": b"".join(a.body for a in bodies), **files}.items():
        for secret in (KEY, made, ADMIN, SECRET):
            assert secret.encode() not in text, f"{secret} is in {name}"
    heads = str([answer.headers for answer in bodies])
    assert not [secret for secret in (KEY, made, ADMIN, SECRET) if secret in heads]


def test_X11_X16_words_of_clients_are_one_escaped_line_and_no_label_and_no_title(gate, replies):
    odd, words = "a\x1b[31m\u2028b\r\nlevel=forged", "private-words-of-a-prompt"
    request(gate.address, "POST", "/api/v1/chat/sessions", {"title": odd + words})
    request(gate.address, "POST", "/admin/keys", {"name": words}, key=ADMIN)
    replies.expect("x11", Reply.error(400, odd))
    gate.post(chat("openai-compatible/x11", content=words, user=odd))
    gate.post(chat("sim/echo", content=words))
    gate.post(chat(odd, stream=False))
    with Connection(gate.address) as connection:
        connection.send(b"GET /x%0d%0alevel=forged HTTP/1.1\r\nHost: gw\r\nUser-Agent: a\xe2\x80\xa8b\r\nConnection: close\r\n\r\n")
        try:
            connection.response("GET")
        except Closed:
            pass
    log = gate.log()
    assert "\x1b" not in log and "\u2028" not in log and words not in log
    assert not [line for line in log.splitlines() if line.startswith("level=forged")]
    assert words not in gate.get("/metrics", key=ADMIN).body.decode()
    assert words not in open(f"/proc/{gate.pid}/cmdline").read() + open(f"/proc/{gate.pid}/comm").read()


def test_X17_labels_are_not_made_up_by_clients(gate, replies):
    replies.expect("seen-17", Reply.whole())

    def ask(number):
        made_up = f"made-up-{number}"
        made = gate.post({"name": made_up, "organization": made_up, "user": made_up}, "/admin/keys", key=ADMIN).json()["key"]
        for key in (KEY, made):
            for model in (made_up, f"openai-compatible/{made_up}", f"no-such/{made_up}", f"sim/{made_up}"):
                gate.post(chat(model, stream=False), key=key, headers=[("x-org-id", made_up), ("User-Agent", made_up)])
            gate.get(f"/{made_up}", key=key)
            gate.get(f"/proxy/openai-compatible/{made_up}", key=key)
            request(gate.address, made_up.upper(), "/v1/models", key=key)
            gate.post({"title": made_up}, "/api/v1/chat/sessions", key=key)

    def series():
        return gate.get("/metrics", key=ADMIN).body.decode()

    for number in range(2):
        ask(number)
    before = len(series().splitlines())
    for number in range(2, 30):
        ask(number)
    after = series()
    assert "made-up-" not in after.replace("sim/made-up", "")
    assert len(after.splitlines()) <= before + 4
