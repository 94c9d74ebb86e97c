# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Pages of other origins: what their browsers are told, by the gateway with keys and without."""

import functools
import http.server
import subprocess
import threading
from contextlib import contextmanager

import pytest

from browser import launched, visit
from checks import assert_error_answer
from events import chat
from gateway import BINARY, ROOT, settings
from proxied import echo, providers
from wire import KEY, Connection, render, request, wait_until

APP, LOCAL = "https://app.example.com", "http://localhost:8000"
STRANGERS = [
    "https://evil.example",
    "null",
    "https://x.app.example.com",
    "https://app.example.com.evil.example",
    "https://gw.evil",
    "https://app.example.com:8443",
    "https://app.example.com:443",
    "https://app.example.com/",
    "http://app.example.com",
    "HTTPS://app.example.com",
    "https://APP.example.com",
    "http://localhost:8001",
    "http://localhost",
    "https://localhost:8000",
    "http://127.0.0.1:8000",
    "*",
    "",
    f"{APP}, {LOCAL}",
    f"{APP} {LOCAL}",
]
# Each door's path, and what it takes.
DOORS = {
    "/v1/chat/completions": "POST",
    "/v1/responses": "POST",
    "/v1/messages": "POST",
    "/v1/messages/count_tokens": "POST",
    "/v1/embeddings": "POST",
    "/v1/models": "GET, HEAD",
    "/v1/models/ok": "GET, HEAD, POST",
    "/v1beta/models": "GET, HEAD",
    "/v1beta/models/ok:streamGenerateContent": "GET, HEAD, POST",
    "/chat": "POST",
    "/chat/stream": "GET, HEAD, POST",
    "/api/v1/chat/sessions": "GET, HEAD, POST, PATCH, DELETE",
    "/api/v1/chat/sessions/x": "GET, HEAD, POST, PATCH, DELETE",
    "/api/v1/documents": "GET, HEAD, POST, DELETE",
    "/api/v1/streams": "GET, HEAD, DELETE",
    "/api/v1/audit": "GET, HEAD",
    "/api/v1/usage": "GET, HEAD",
    "/admin/keys": "GET, HEAD, POST, PATCH, DELETE",
    "/healthz": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/metrics": "GET, HEAD",
    "/": "GET, HEAD",
    "/assets/app.js": "GET, HEAD",
    "/proxy/raw/x": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
}
PREFLIGHT = [
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "cross-site"),
]




@pytest.fixture(scope="module")
def make(make_sluice, raw, upstream):
    """Starts a gateway that lets the pages of some origins in, with keys or without."""

    def start(keyed, origins, **changes):
        mine = [one for one in providers(raw, upstream.closed_port) if one["name"] == "raw"]
        gateway = make_sluice(
            auth={"enabled": keyed, "keys": [KEY] if keyed else []},
            providers=[*settings(upstream)["providers"], *mine],
            **({"allowed_origins": origins} if origins else {}),
            limits={"max_body": "64KiB", "body_timeout": "1s"},
            **changes,
        )
        gateway.key = KEY if keyed else None
        return gateway

    return start


@pytest.fixture(scope="module")
def keyed(make):
    return make(True, [APP, LOCAL])


@pytest.fixture(scope="module")
def keyless(make):
    return make(False, [APP, LOCAL])


@pytest.fixture(scope="module")
def closed(make):
    """With keys, and without the setting: as it is by default."""
    return make(True, [])


@pytest.fixture(params=["keyed", "keyless"])
def gateway(request):
    return request.getfixturevalue(request.param)


def ask(gateway, method, path, body=None, origin=APP, fields=(), key=True):
    fields = [("Origin", origin), ("Sec-Fetch-Site", "cross-site"), *fields]
    return request(gateway.address, method, path, body, fields, key=gateway.key if key else None)


def preflight(gateway, path, origin=APP, fields=PREFLIGHT):
    return ask(gateway, "OPTIONS", path, origin=origin, fields=fields, key=False)


def cors(answer):
    return {name: value for name, value in answer.headers if name.startswith("access-control-")}


def assert_allowed(answer, origin=APP):
    """The browser may hand the answer to the page, and nothing that the browser itself would add was asked for."""
    told = cors(answer)
    assert answer.header("access-control-allow-origin") == origin, answer.headers
    assert "Origin" in [value for name, value in answer.headers if name == "vary"], answer.headers
    assert "access-control-allow-credentials" not in told
    exposed = answer.header("access-control-expose-headers").split(", ")
    assert {"X-Request-Id", "X-Sluice-Stream-Id", "Retry-After", "x-ratelimit-remaining-tokens"} <= set(exposed)
    assert "*" not in exposed


# What a page gets


@pytest.mark.parametrize("origin", [APP, LOCAL])
def test_a_page_of_a_listed_origin_reads_answers(gateway, origin):
    answer = ask(gateway, "POST", "/v1/chat/completions", chat("ok", stream=False), origin)
    assert answer.status == 200 and answer.json()["choices"]
    assert_allowed(answer, origin)


@pytest.mark.parametrize("model", ["ok", "sim/story"])
def test_a_page_of_a_listed_origin_reads_streams(gateway, model):
    answer = ask(gateway, "POST", "/v1/chat/completions", chat(model))
    assert answer.status == 200 and answer.body.endswith(b"data: [DONE]\n\n")
    assert_allowed(answer)


@pytest.mark.parametrize("path", [path for path, methods in DOORS.items() if "GET" in methods])
def test_every_answer_says_so(gateway, raw, path):
    raw.on("/base/v1/x", echo)
    assert_allowed(ask(gateway, "GET", path))


@pytest.mark.parametrize(
    "method, path, body, status",
    [
        ("GET", "/nowhere", None, 404),
        ("PUT", "/v1/models", b"", 405),
        ("POST", "/v1/chat/completions", b"{", 400),
        ("POST", "/v1/messages", b"{", 400),
        ("POST", "/v1/chat/completions", b" " * 70_000, 413),
        ("POST", "/v1/chat/completions", chat("no-such-model"), 404),
        ("POST", "/v1/chat/completions", chat("fault-500", stream=False), None),
        ("GET", "/proxy/nobody/x", None, 404),
    ],
)
def test_errors_are_read_too(gateway, method, path, body, status):
    answer = ask(gateway, method, path, body)
    assert answer.status == status or (status is None and answer.status >= 500), answer
    assert_allowed(answer)


def test_a_missing_key_is_told_to_the_page(keyed):
    answer = ask(keyed, "POST", "/v1/chat/completions", chat("ok"), key=False)
    assert_error_answer(answer, 401, "missing_api_key")
    assert_allowed(answer)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_what_the_server_itself_refuses_is_told_to_the_page(gateway, path):
    """In the client's dialect too, though the door has no say any more."""
    fields = [("Origin", APP)]
    with Connection(gateway.address) as connection:
        connection.send(render("POST", path, b"12345", fields, gateway.key)[:-2])
        late = connection.response()
    with Connection(gateway.address) as connection:
        head = render("POST", path, None, [*fields, ("Transfer-Encoding", "chunked")], gateway.key)
        connection.send(head + b"20000\r\n")
        long = connection.response()
    assert (late.status, long.status) == (408, 413)
    for answer in (late, long):
        assert_allowed(answer)
        assert (answer.json().get("type") == "error") == (path == "/v1/messages")


def test_each_request_of_a_connection_is_judged_by_itself(keyed):
    with Connection(keyed.address) as connection:
        for origin in (APP, "https://evil.example", None, LOCAL):
            fields = [("Origin", origin)] if origin else []
            connection.send(render("GET", "/v1/models", headers=fields))
            answer = connection.response("GET")
            assert answer.header("access-control-allow-origin") == (origin if origin in (APP, LOCAL) else None)
            # A cache must not give one origin what was made for another, or for none.
            assert answer.header("vary") == "Origin"


def test_what_an_upstream_says_of_origins_does_not_reach_the_page(gateway, raw):
    def script(incoming):
        theirs = ["Origin: *", "Credentials: true", "Methods: FOO"]
        fields = "".join(f"Access-Control-Allow-{one}\r\n" for one in theirs)
        incoming.send(f"HTTP/1.1 200 OK\r\n{fields}Vary: Accept\r\nContent-Length: 2\r\n\r\nhi".encode())

    raw.on("/base/v1/theirs", script)
    answer = ask(gateway, "GET", "/proxy/raw/theirs")
    assert answer.body == b"hi" and ("vary", "Accept") in answer.headers
    assert_allowed(answer)
    assert set(cors(answer)) == {"access-control-allow-origin", "access-control-expose-headers"}
    assert not cors(request(gateway.address, "GET", "/proxy/raw/theirs", key=gateway.key))


# Who is a stranger


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("path", ["/v1/models", "/chat/stream?message=hi", "/proxy/raw/x", "/nowhere"])
def test_a_page_of_any_other_origin_is_told_nothing(gateway, raw, path, origin):
    raw.on("/base/v1/x", echo)
    answer = ask(gateway, "GET", path, origin=origin)
    assert not cors(answer)
    if not gateway.key:
        assert_error_answer(answer, 403, "origin_not_allowed")


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_preflight_of_any_other_origin_is_told_nothing(gateway, origin):
    for path in ("/v1/chat/completions", "/proxy/raw/x", "/admin/keys"):
        answer = preflight(gateway, path, origin)
        assert answer.status in (401, 403, 405) and not cors(answer), path


def test_two_origins_are_none(gateway):
    answer = ask(gateway, "GET", "/v1/models", fields=[("Origin", APP)])
    assert not cors(answer)


def test_without_the_setting_nothing_is_said_to_anybody(closed, raw):
    raw.on("/base/v1/x", echo)
    for origin in (APP, LOCAL, "null"):
        answers = [ask(closed, "GET", "/v1/models", origin=origin), preflight(closed, "/v1/models", origin)]
        for answer in [*answers, ask(closed, "GET", "/proxy/raw/x", origin=origin)]:
            assert not cors(answer) and answer.header("vary") is None
        assert answers[1].status == 405


def test_a_listed_origin_opens_no_other_name(keyless):
    """A name that somebody gave to this address is turned away whatever the page says."""
    with Connection(keyless.address) as connection:
        connection.send(f"GET /v1/models HTTP/1.1\r\nHost: rebound.example\r\nOrigin: {APP}\r\n\r\n".encode())
        assert_error_answer(connection.response("GET"), 403, "host_not_allowed")


# Preflights


@pytest.mark.parametrize("path", DOORS)
def test_a_preflight_is_answered_at_every_door_without_a_key(gateway, raw, path):
    before = len(raw.seen)
    answer = preflight(gateway, path)
    assert answer.status == 204 and answer.header("content-length") is None
    assert_allowed(answer)
    assert answer.header("access-control-allow-methods") == DOORS[path]
    assert answer.header("access-control-allow-headers") == "authorization, content-type"
    assert answer.header("access-control-max-age") == "600"
    assert len(raw.seen) == before, "a preflight is no upstream's"


def test_a_preflight_where_there_is_no_door_is_not_found(gateway):
    answer = preflight(gateway, "/nowhere")
    assert_error_answer(answer, 404, "not_found")


@pytest.mark.parametrize(
    "asked, told",
    [
        ("x-stainless-os, X-API-Key ,\tcontent-type", "x-stainless-os, X-API-Key, content-type"),
        ("a,,b", "a, b"),
        ("", None),
        ("a b", None),
        ("content-type, x(y)", None),
        ("na\xefve", None),
        (",".join(f"x-{number}" for number in range(64)), ", ".join(f"x-{number}" for number in range(64))),
        (",".join(f"x-{number}" for number in range(65)), None),
        ("x" * 4097, None),
    ],
)
def test_a_preflight_echoes_names_and_nothing_else(keyed, asked, told):
    fields = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", asked)]
    answer = preflight(keyed, "/v1/messages", fields=fields)
    assert answer.status == 204 and answer.header("access-control-allow-headers") == told


def test_another_options_is_handed_on_as_ever(gateway, raw):
    raw.on("/base/v1/options", echo)
    answer = ask(gateway, "OPTIONS", "/proxy/raw/options")
    assert answer.body == b"OPTIONS" and raw.last("/base/v1/options").method == "OPTIONS"
    assert_allowed(answer)
    assert ask(gateway, "OPTIONS", "/v1/models").status == 405


def test_a_connection_goes_on_after_a_preflight(keyed):
    with Connection(keyed.address) as connection:
        connection.send(render("OPTIONS", "/v1/models", headers=[("Origin", APP), *PREFLIGHT], key=None))
        assert connection.response("OPTIONS").status == 204
        connection.send(render("GET", "/v1/models", headers=[("Origin", APP)]))
        assert connection.response("GET").status == 200


# The setting


def test_an_asterisk_lets_every_page_in_that_has_a_key(make):
    gateway = make(True, ["*"])
    for origin in (APP, "null", "https://evil.example"):
        answer = ask(gateway, "POST", "/v1/chat/completions", chat("ok", stream=False), origin)
        assert answer.status == 200
        assert_allowed(answer, "*")
        assert preflight(gateway, "/v1/messages", origin).status == 204
    answer = ask(gateway, "GET", "/v1/models", key=False)
    assert_error_answer(answer, 401, "missing_api_key")


def test_an_asterisk_without_keys_is_an_error(tmp_path):
    path = tmp_path / "open.yaml"
    path.write_text("allowed_origins: ['*']\n")
    result = subprocess.run([BINARY, "check", path], capture_output=True, text=True, timeout=5)
    assert result.returncode == 78 and "auth.enabled" in result.stderr


# The example, in a browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    """The folder of examples, as `python3 -m http.server` serves it."""
    handler = functools.partial(Quiet, directory=ROOT / "examples")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://127.0.0.1:%d" % server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with launched() as process:
        yield process


@contextmanager
def example(browser, site, gateway, **options):
    address = ("127.0.0.1", int(site.rpartition(":")[2]))
    where = "/eventsource.html?gateway=http://%s:%d" % gateway.address
    # Who the gateway takes a client for that does not say.
    with visit(browser, address, where, user="anonymous", **options) as page:
        yield page


@pytest.fixture(scope="module")
def welcoming(make, site):
    return make(False, [site])


def test_the_example_shows_tokens_as_they_arrive(browser, site, welcoming):
    with example(browser, site, welcoming) as page:
        page.evaluate(
            """() => { window.lengths = new Set();
            new MutationObserver(() => window.lengths.add(document.getElementById('answer').textContent.length))
                .observe(document.getElementById('answer'), {childList: true, characterData: true, subtree: true}); }"""
        )
        page.get_by_role("button", name="Send").click()
        page.wait_for_function("document.getElementById('answer').textContent.length > 0")
        assert page.get_by_role("button", name="Send").is_disabled()
        page.wait_for_function("!document.getElementById('send').disabled")
        text = page.locator("#answer").inner_text()
        assert len(page.evaluate("[...window.lengths]")) > 10, "it came in one piece"
        assert page.locator("#error").inner_text() == ""
    stored = welcoming.get("/api/v1/chat/sessions", key=None).json()["data"]
    assert len(stored) == 1 and stored[0]["message_count"] == 2, "an EventSource that is not closed asks again"
    assert len(text) > 50


def test_the_examples_stop_ends_the_stream(browser, site, welcoming):
    with example(browser, site, welcoming) as page:
        page.get_by_role("button", name="Send").click()
        page.wait_for_function("document.getElementById('answer').textContent.length > 0")
        page.get_by_role("button", name="Stop").click()
        wait_until(welcoming.idle, what="the stream's end")
        assert page.get_by_role("button", name="Send").is_enabled()
        assert page.locator("#error").inner_text() == ""
    session = welcoming.get("/api/v1/chat/sessions", key=None).json()["data"][0]["id"]

    def stored():
        return welcoming.get(f"/api/v1/chat/sessions/{session}/messages", key=None).json()["data"]

    wait_until(lambda: len(stored()) == 2, what="the answer as far as it came")
    assert stored()[1]["is_partial"] is True


def test_the_example_says_that_its_origin_is_not_allowed(browser, site, keyless):
    context = browser.new_context()
    page = context.new_page()
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    page.goto(f"{site}/eventsource.html?gateway=http://%s:%d" % keyless.address)
    page.get_by_role("button", name="Send").click()
    page.wait_for_function("document.getElementById('error').textContent.includes('allowed')", timeout=15_000)
    assert page.locator("#answer").inner_text() == ""
    assert any("blocked by CORS policy" in text for text in heard), heard
    context.close()
