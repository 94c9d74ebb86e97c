# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Requests that are handed on as they are, by /proxy/{provider}/{path}: what upstream gets and what the client gets."""

import gzip
import hashlib
import json
import os
import threading
import time

import pytest

from checks import memory_bound
from proxied import SECRET, ask, chunked, echo, providers
from raw_upstream import END
from wire import KEY, Closed, render, request, wait_until

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@pytest.fixture(scope="module")
def proxy(make_sluice, raw, upstream):
    return make_sluice(
        providers=providers(raw, upstream.closed_port), models=[], limits={"max_body": "64MiB"}, drain_timeout="20s"
    )


@pytest.fixture(autouse=True)
def nothing_left_behind(proxy):
    yield
    proxy.assert_healthy()
    wait_until(proxy.idle, what="no stream and no transfer active")


# What upstream gets


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [None, b"", b"some bytes \x00\xff"], ids=["none", "empty", "bytes"])
def test_every_method_reaches_upstream_with_path_query_and_body(proxy, raw, method, body):
    raw.on("/base/v1/a%2Fb/c", echo)
    answer = ask(proxy, "/a%2Fb/c?x=1&y=%20z&&key=k+v?", method, body, [("Content-Type", "a/b")])
    seen = raw.last("/base/v1/a%2Fb/c")
    assert answer.status == 200 and answer.body == (body or method.encode()), answer
    assert (seen.method, seen.target) == (method, "/base/v1/a%2Fb/c?x=1&y=%20z&&key=k+v?")
    assert seen.content == (body or b"") and seen.value("content-type") == "a/b"
    assert seen.value("content-length") == (None if body is None else str(len(body)))
    assert seen.value("host") == f"127.0.0.1:{raw.address[1]}"


def test_head_is_asked_as_head_and_has_no_body(proxy, raw):
    raw.on("/base/v1/h", lambda incoming: incoming.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-A: b\r\n\r\n"))
    with proxy.connect() as connection:
        for _ in range(2):
            connection.send(render("HEAD", "/proxy/raw/h"))
            answer = connection.response("HEAD")
            assert answer.status == 200 and answer.header("content-length") == "12345", answer
            assert answer.header("x-a") == "b" and answer.header("transfer-encoding") is None
        assert not connection.buffer and raw.last("/base/v1/h").method == "HEAD"


def test_the_path_may_be_the_base_alone(proxy, raw):
    raw.on("/base/v1", echo)
    assert ask(proxy, "").body == b"GET" and ask(proxy, "?a=b").body == b"GET"
    assert raw.last("/base/v1").target == "/base/v1?a=b"


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "get"])
def test_methods_that_no_door_declares_are_refused(proxy, method):
    assert ask(proxy, "/x", method).status == 405


def test_connect_is_refused(proxy):
    with proxy.connect() as connection:
        connection.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        assert connection.response().status == 501


def test_the_clients_key_stays_here_and_the_providers_is_added(proxy, raw):
    raw.on("/base/v1/keys", echo)
    answer = ask(proxy, "/keys", headers=[("x-api-key", "other"), ("api-key", KEY), ("Cookie", "a=b")])
    seen = raw.last("/base/v1/keys")
    assert answer.status == 200
    assert seen.values("authorization") == [f"Bearer {SECRET}"] and seen.value("cookie") == "a=b"
    assert not seen.values("x-api-key") and not seen.values("api-key")
    assert KEY not in str(seen.headers) and SECRET not in str(answer.headers)


def test_a_key_in_the_vendors_field_and_the_vendors_version(proxy, raw):
    raw.on("/v1/messages", echo)
    ask(proxy, "/v1/messages", "POST", b"{}", [("x-api-key", KEY)], provider="vendor", key=None)
    seen = raw.last("/v1/messages")
    assert seen.values("x-api-key") == [SECRET] and seen.value("anthropic-version") == "2023-06-01"
    ask(proxy, "/v1/messages", "POST", b"{}", [("Anthropic-Version", "2099-01-01")], provider="vendor")
    seen = raw.last("/v1/messages")
    assert seen.values("anthropic-version") == ["2099-01-01"] and not seen.values("authorization")


def test_where_the_gateway_has_no_key_the_clients_own_passes_but_never_the_gateways(proxy, raw):
    raw.on("/api/tags", echo)
    ask(proxy, "/api/tags", headers=[("x-api-key", "the vendor's")], provider="open")
    seen = raw.last("/api/tags")
    assert seen.value("x-api-key") == "the vendor's" and not seen.values("authorization")
    ask(proxy, "/api/tags", headers=[("x-api-key", KEY)], provider="open")
    assert KEY not in str(raw.last("/api/tags").headers)


def test_hop_by_hop_fields_end_here_both_ways(proxy, raw):
    def script(incoming):
        incoming.body()
        incoming.reply(
            b"ok",
            headers=[
                ("Connection", "X-Private, keep-alive"), ("X-Private", "1"), ("Keep-Alive", "timeout=9"), ("Trailer", "X-T"),
                ("Proxy-Authenticate", "Basic"), ("Upgrade", "h2c"), ("X-Public", "2"), ("Set-Cookie", "a=1"),
                ("Set-Cookie", "b=2"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("X-Empty", ""),
            ],
        )  # fmt: skip

    raw.on("/base/v1/hops", script)
    sent = [
        ("Connection", "X-Mine, Authorization, upgrade"), ("X-Mine", "1"), ("Keep-Alive", "1"), ("TE", "trailers"),
        ("Trailer", "X-T"), ("Proxy-Authorization", "Basic eA=="), ("Proxy-Connection", "close"), ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAA"), ("X-Empty", ""), ("X-Yours", "2"), ("X-Yours", "3"), ("Accept-Encoding", "br;q=1"),
    ]  # fmt: skip
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/hops", b"x", sent))
        answer = connection.response()
    seen = raw.last("/base/v1/hops")
    gone = ["connection", "x-mine", "keep-alive", "te", "trailer", "proxy-authorization", "proxy-connection", "upgrade",
            "http2-settings", "expect", "accept", "user-agent"]  # fmt: skip
    assert not [name for name in gone if seen.values(name)], seen.headers
    assert seen.values("x-yours") == ["2", "3"] and seen.values("x-empty") == [""]
    assert seen.value("accept-encoding") == "br;q=1"
    names = [name for name, _ in answer.headers]
    assert not {"x-private", "keep-alive", "trailer", "proxy-authenticate", "upgrade"} & set(names), names
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert answer.header("x-public") == "2" and answer.header("x-empty") == ""
    assert answer.header("date") == "Sun, 06 Nov 1994 08:49:37 GMT" and answer.header("x-request-id") is None


def test_field_values_that_are_not_utf8_pass_both_ways(proxy, raw):
    raw.on("/base/v1/latin", lambda i: i.reply(b"ok", headers=[("Content-Disposition", 'attachment; filename="caf\xe9"')]))
    answer = ask(proxy, "/latin", headers=[("X-Name", "caf\xe9 \xff")])
    assert answer.header("content-disposition") == 'attachment; filename="caf\xe9"'
    assert raw.last("/base/v1/latin").value("x-name") == "caf\xe9 \xff"


def test_a_chunked_body_is_handed_on_chunked_as_it_comes(proxy, raw):
    arrivals = []

    def script(incoming):
        for piece in incoming.pieces():
            arrivals.append((time.monotonic(), piece))
        incoming.reply(b"".join(piece for _, piece in arrivals))

    raw.on("/base/v1/chunked", script)
    sent = []
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/chunked", None, [("Transfer-Encoding", "chunked")]))
        for number in range(5):
            sent.append(time.monotonic())
            connection.send(chunked([b"piece %d " % number])[:-5])
            time.sleep(0.1)
        sent.append(time.monotonic())
        connection.send(b"0\r\n\r\n")
        answer = connection.response()
    seen = raw.last("/base/v1/chunked")
    assert seen.value("transfer-encoding") == "chunked" and seen.value("content-length") is None
    assert answer.body == b"piece 0 piece 1 piece 2 piece 3 piece 4 "
    assert len(arrivals) == 5
    for number, (arrived, _) in enumerate(arrivals):
        assert arrived < sent[number + 1], f"piece {number} waited for the next"


def test_the_client_is_told_to_continue(proxy, raw):
    raw.on("/base/v1/continue", echo)
    with proxy.connect() as connection:
        connection.send(
            render("PUT", "/proxy/raw/continue", None, [("Content-Length", "5"), ("Expect", "100-continue")])
        )
        assert connection.line(time.monotonic() + 5) == b"HTTP/1.1 100 Continue" and not connection.line(time.monotonic() + 5)
        connection.send(b"hello")
        assert connection.response().body == b"hello"
    assert not raw.last("/base/v1/continue").values("expect")


def test_a_body_over_the_limit_is_refused(proxy, raw):
    raw.on("/base/v1/big", echo)
    answer = ask(proxy, "/big", "POST", None, [("Content-Length", str(65 << 20))])
    assert answer.status == 413 and answer.error["code"] == "body_too_large", answer


# What the client gets


@pytest.mark.parametrize(
    "status", ["200 Fine", "201 Created", "302 Found", "401 Unauthorized", "418 I'm a teapot", "500 Oh", "503 Later", "599 "]
)
def test_status_reason_and_body_are_upstreams(proxy, raw, status):
    body = json.dumps({"error": {"message": "upstream's own"}}).encode()
    raw.on("/base/v1/status", lambda i: i.reply(body, status, [("Content-Type", "application/json"), ("Location", "/else")]))
    with proxy.connect() as connection:
        connection.send(render("GET", "/proxy/raw/status"))
        line = connection.line(time.monotonic() + 5).decode()
        assert line == f"HTTP/1.1 {status}"
        connection.buffer[:0] = line.encode() + b"\r\n"
        answer = connection.response()
        assert answer.body == body and answer.header("location") == "/else"
        assert answer.header("content-length") == str(len(body))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_passed_on_and_not_followed(proxy, raw, status):
    raw.on("/base/v1/from", lambda i: i.reply(b"", f"{status} Moved", [("Location", f"{raw.url}/base/v1/to")]))
    answer = ask(proxy, "/from")
    assert answer.status == status and answer.header("location") == f"{raw.url}/base/v1/to"
    assert not raw.requests("/base/v1/to")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_leaves_the_connection_usable(proxy, raw, status):
    raw.on("/base/v1/nothing", lambda i: i.send(f"HTTP/1.1 {status} No\r\nETag: \"e\"\r\n\r\n".encode()))
    with proxy.connect() as connection:
        for _ in range(3):
            connection.send(render("GET", "/proxy/raw/nothing"))
            answer = connection.response()
            assert answer.status == status and answer.header("etag") == '"e"'
            assert answer.header("transfer-encoding") is None and answer.header("content-length") is None
        assert not connection.buffer


def test_interim_answers_are_swallowed(proxy, raw):
    def script(incoming):
        incoming.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        incoming.reply(b"final", headers=[("X-Final", "1")])

    raw.on("/base/v1/early", script)
    answer = ask(proxy, "/early")
    assert (answer.status, answer.interim, answer.body) == (200, [], b"final")
    assert answer.header("link") is None and answer.header("x-final") == "1"


def test_a_coded_body_is_not_touched(proxy, raw):
    packed = gzip.compress(b"some text " * 1000)
    raw.on("/base/v1/gzip", lambda i: i.reply(packed, headers=[("Content-Encoding", "gzip"), ("Content-Type", "text/plain")]))
    answer = ask(proxy, "/gzip", headers=[("Accept-Encoding", "gzip")])
    assert answer.body == packed and answer.header("content-encoding") == "gzip"
    raw.on("/base/v1/up", echo)
    assert ask(proxy, "/up", "POST", packed, [("Content-Encoding", "gzip")]).body == packed
    assert raw.last("/base/v1/up").value("content-encoding") == "gzip"


def test_a_body_that_ends_with_the_connection_is_chunked_for_the_client(proxy, raw):
    def script(incoming):
        incoming.reply(b"until the end", length=False)
        return END

    raw.on("/base/v1/closing", script)
    with proxy.connect() as connection:
        for _ in range(2):
            connection.send(render("GET", "/proxy/raw/closing"))
            answer = connection.response()
            assert answer.body == b"until the end" and answer.header("transfer-encoding") == "chunked"


def test_a_head_does_not_wait_for_its_body(proxy, raw):
    go = threading.Event()

    def script(incoming):
        incoming.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        go.wait(10)
        incoming.chunk(b"data: x\n\n")
        incoming.send(b"0\r\n\r\n")

    raw.on("/base/v1/head", script)
    with proxy.connect() as connection:
        connection.send(render("GET", "/proxy/raw/head"))
        head = connection.head(5)
        assert head.header("content-type") == "text/event-stream"
        go.set()
        assert b"".join(data for _, data in connection.chunks(head)) == b"data: x\n\n"


def test_each_event_is_sent_on_before_upstream_sends_the_next(proxy, raw):
    sent = []

    def script(incoming):
        incoming.body()
        incoming.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for word in range(8):
            sent.append(incoming.chunk(b'data: {"content": "word %d "}\n\n' % word))
            time.sleep(0.1)
        incoming.send(b"0\r\n\r\n")

    raw.on("/base/v1/events", script)
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/events", {"stream": True}))
        arrived = [at for at, _ in connection.chunks(connection.head())]
    assert len(arrived) == 8
    for number in range(7):
        assert arrived[number] < sent[number + 1], f"event {number} waited for the next"


# Large bodies


LARGE = os.urandom(1 << 20) * 50


def test_50_megabytes_go_up_and_come_down_unchanged_in_little_memory(proxy, raw):
    digest = hashlib.sha256(LARGE).digest()
    taken = {}

    def script(incoming):
        seen = hashlib.sha256()
        for piece in incoming.pieces():
            seen.update(piece)
        taken["up"] = seen.digest()
        incoming.reply(LARGE, headers=[("Content-Type", "application/octet-stream")])

    raw.on("/base/v1/large", script)
    assert ask(proxy, "/large", "POST", LARGE, timeout=60).status == 200
    before, highest = proxy.rss(), []
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            highest.append(proxy.rss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for framing in ("length", "chunked"):
            if framing == "length":
                answer = ask(proxy, "/large", "POST", LARGE, timeout=60)
            else:
                with proxy.connect(60) as connection:
                    connection.send(render("POST", "/proxy/raw/large", None, [("Transfer-Encoding", "chunked")]))
                    sender = threading.Thread(target=connection.send, args=(chunked([LARGE[:-7], LARGE[-7:]]),))
                    sender.start()
                    answer = connection.response()
                    sender.join()
            assert taken.pop("up") == digest
            assert hashlib.sha256(answer.body).digest() == digest and answer.complete
    finally:
        done.set()
        watcher.join()
    assert max(highest) - before < memory_bound(8 << 20), f"{(max(highest) - before) >> 10} KB more"


def test_a_client_that_does_not_read_pauses_upstream(proxy, raw):
    sent = []

    def script(incoming):
        incoming.send(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: %d\r\n\r\n" % len(LARGE))
        for start in range(0, len(LARGE), 65536):
            incoming.send(LARGE[start : start + 65536])
            sent.append(65536)
        return END

    raw.on("/base/v1/slow-client", script)
    before = proxy.rss()
    with proxy.connect(60, receive_buffer=4096) as connection:
        connection.send(render("GET", "/proxy/raw/slow-client"))
        head = connection.head()
        time.sleep(1)
        stalled = sum(sent)
        time.sleep(0.5)
        assert sum(sent) == stalled < 20 << 20, "upstream was not paused"
        assert proxy.rss() - before < memory_bound(4 << 20)
        body = b"".join(data for _, data in connection.chunks(head, 60))
    assert body == LARGE


def test_an_upstream_that_does_not_read_pauses_the_client(proxy, raw):
    go = threading.Event()

    def script(incoming):
        go.wait(20)
        incoming.reply(hashlib.sha256(incoming.body()).digest())

    raw.on("/base/v1/slow-upstream", script)
    before = proxy.rss()
    sent = []
    with proxy.connect(60) as connection:
        connection.send(render("POST", "/proxy/raw/slow-upstream", None, [("Content-Length", str(len(LARGE)))]))

        def send():
            for start in range(0, len(LARGE), 65536):
                connection.socket.sendall(LARGE[start : start + 65536])
                sent.append(65536)

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(1)
        stalled = sum(sent)
        time.sleep(0.5)
        assert sum(sent) == stalled < 20 << 20, "the client was not paused"
        assert proxy.rss() - before < memory_bound(4 << 20)
        go.set()
        sender.join()
        assert connection.response(timeout=60).body == hashlib.sha256(LARGE).digest()


# What is refused


@pytest.mark.parametrize("path", ["/proxy/none/x", "/proxy//x", "/proxy/", "/proxy/sim/chat", "/proxy/raw%2F/x", "/proxy/RAW/x"])
def test_a_provider_that_is_not_there(proxy, path):
    answer = request(proxy.address, "GET", path)
    assert answer.status == 404 and answer.error["type"] == "invalid_request_error"


SPELLINGS = [
    "/../admin", "/a/..", "/..", "/%2e%2e/x", "/.%2E/x", "/a/..%2fx", "/a%2f..%2f..", "/..%5cx", "/..\\x", "/%252e%252e/x",
    "/..;a=b/x", "/a/%2e%2e%3bx/y", "/%25252e%25252e/", "/../../proxy/raw/x",
]  # fmt: skip


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_a_path_leads_out_of_the_base(proxy, raw, path):
    before = len(raw.seen)
    answer = ask(proxy, path)
    assert answer.status == 400 and answer.error["code"] == "path_not_allowed", answer
    assert len(raw.seen) == before


@pytest.mark.parametrize("path", ["/...", "/a..b", "/..a/x", "/a/./b", "//a", "/%2e%2", "/%zz", "/@evil:80/", "/http://evil/"])
def test_a_path_that_only_looks_odd_goes_as_it_is(proxy, raw, path):
    raw.on(f"/base/v1{path}", echo)
    assert ask(proxy, path).body == b"GET"


@pytest.mark.parametrize("path", ["/proxy/raw/x", "/proxy/none/x", "/proxy/raw/../x", "/proxy/sim/x", "//proxy/raw/x"])
@pytest.mark.parametrize("key", [None, "sk-wrong"])
def test_without_a_key_nothing_is_told(proxy, raw, path, key):
    before = len(raw.seen)
    answer = request(proxy.address, "GET", path, key=key)
    assert answer.status == (404 if path.startswith("//") else 401) and len(raw.seen) == before


@pytest.mark.parametrize("limit", ["tokens_per_minute", "tokens_per_day", "tokens_per_month", "money_per_day", "money_per_month"])
def test_a_key_whose_tokens_or_money_are_limited_is_refused(make_sluice, raw, upstream, limit):
    gateway = make_sluice(
        providers=providers(raw, upstream.closed_port), models=[], auth={"default_limits": {limit: 1000}}
    )
    before = len(raw.seen)
    answer = ask(gateway, "/x")
    assert answer.status == 403 and answer.error["code"] == "proxy_not_allowed"
    assert len(raw.seen) == before


def test_requests_are_limited_as_anywhere_and_nothing_is_charged(make_sluice, raw, upstream):
    gateway = make_sluice(
        providers=providers(raw, upstream.closed_port), models=[],
        auth={"default_limits": {"requests_per_minute": 2, "concurrent": 1}},
    )
    raw.on("/base/v1/limited", echo)
    assert [ask(gateway, "/limited").status for _ in range(3)] == [200, 200, 429]


def test_websockets_are_refused(proxy):
    upgrade = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    with proxy.connect() as connection:
        connection.send(render("GET", "/proxy/raw/socket", None, upgrade))
        answer = connection.response()
    assert answer.status == 501 and answer.error["code"] == "upgrade_not_supported"


def test_a_body_of_head_is_refused(proxy):
    assert ask(proxy, "/x", "HEAD", b"abc").status == 400


# Accounts


def test_requests_are_counted_and_logged(proxy, raw):
    def script(incoming):
        incoming.body()
        incoming.reply(
            b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: {"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
            headers=[("Content-Type", "text/event-stream")],
        )

    raw.on("/base/v1/counted", script)
    before = proxy.metric("sluice_requests_total", door="/proxy", provider="raw", outcome="completed")
    ask(proxy, "/counted", "POST", b"{}", [("X-Request-Id", "counted-1")])
    wait_until(
        lambda: proxy.metric("sluice_requests_total", door="/proxy", provider="raw", outcome="completed") == before + 1,
        what="one more request",
    )
    line = next(line for line in proxy.log().splitlines() if "id=counted-1" in line)
    assert "door=/proxy" in line and "provider=raw" in line and "status=200" in line and "outcome=completed" in line
    assert "input_tokens=3" in line and "output_tokens=4" in line
    assert SECRET not in proxy.log() and KEY not in proxy.log()


def test_requests_are_waited_for_in_a_drain(make_sluice, raw, upstream):
    go = threading.Event()

    def script(incoming):
        incoming.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        incoming.chunk(b"first ")
        go.wait(10)
        incoming.chunk(b"last")
        incoming.send(b"0\r\n\r\n")

    raw.on("/base/v1/drained", script)
    sluice = make_sluice(providers=providers(raw, upstream.closed_port), models=[])
    with sluice.connect() as connection:
        connection.send(render("GET", "/proxy/raw/drained"))
        head = connection.head()
        pieces = connection.chunks(head)
        assert next(pieces)[1] == b"first "
        sluice.process.terminate()
        time.sleep(0.3)
        assert sluice.alive
        go.set()
        assert [data for _, data in pieces] == [b"last"]
    assert sluice.process.wait(5) == 0


def test_the_drains_deadline_cuts_what_goes_on(make_sluice, raw, upstream):
    def script(incoming):
        incoming.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        incoming.chunk(b"first ")
        incoming.wait_for_end()
        return END

    raw.on("/base/v1/cut", script)
    sluice = make_sluice(providers=providers(raw, upstream.closed_port), models=[], drain_timeout="500ms")
    with sluice.connect() as connection:
        connection.send(render("GET", "/proxy/raw/cut"))
        pieces = connection.chunks(connection.head())
        next(pieces)
        sluice.process.terminate()
        with pytest.raises(Closed):
            next(pieces)
    assert sluice.process.wait(5) == 0
