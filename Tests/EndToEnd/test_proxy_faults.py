# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Requests that are handed on when something goes wrong: upstream's faults, clients that leave, answers that come early."""

import threading
import time

import pytest

from proxied import ask, chunked, providers
from raw_upstream import END
from wire import Closed, render, wait_until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
LARGE = bytes(20 << 20)


@pytest.fixture(scope="module")
def proxy(make_sluice, raw, upstream):
    return make_sluice(
        providers=providers(raw, upstream.closed_port),
        models=[],
        limits={"max_body": "64MiB", "body_timeout": "1s"},
    )


@pytest.fixture(autouse=True)
def nothing_left_behind(proxy):
    yield
    proxy.assert_healthy()
    wait_until(proxy.idle, what="no stream and no transfer active")


def count(proxy, outcome):
    return proxy.metric("sluice_requests_total", door="/proxy", outcome=outcome)


# Before the head: an error of the gateway's own


@pytest.mark.parametrize(
    "provider, code", [("closed", "upstream_unreachable"), ("nowhere", "upstream_unreachable")]
)
@pytest.mark.parametrize("body", [None, b"x" * 100_000])
def test_an_upstream_that_cannot_be_reached(proxy, provider, code, body):
    answer = ask(proxy, "/x", "POST" if body else "GET", body, provider=provider)
    assert answer.status == 502 and answer.error["code"] == code and answer.error["type"] == "upstream_error"
    assert answer.header("content-type") == "application/json" and answer.header("x-request-id")


def reset(incoming):
    incoming.reset()
    return END


FAULTS = {
    "reset before the head": (reset, "upstream_closed"),
    "closed before the head": (lambda i: END, "upstream_closed"),
    "closed in the head": (lambda i: i.send(b"HTTP/1.1 200 OK\r\nContent-") and END, "upstream_invalid"),
    "not HTTP": (lambda i: i.send(b"SSH-2.0-OpenSSH\r\n") and END, "upstream_invalid"),
    "a head without end": (lambda i: i.send(b"HTTP/1.1 200 OK\r\n" + b"X-A: %s\r\n" % (b"a" * 1000) * 200), "upstream_invalid"),
    "a folded line": (lambda i: i.send(HEAD + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"), "upstream_invalid"),
    "two lengths": (lambda i: i.send(HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "upstream_invalid"),
    "a status that is none": (lambda i: i.send(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), "upstream_invalid"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.replace(" ", "-"))
def test_a_fault_before_the_end_of_the_head_is_a_502(proxy, raw, fault):
    script, code = FAULTS[fault]
    raw.on("/base/v1/fault", lambda incoming: script(incoming) and END)
    answer = ask(proxy, "/fault")
    assert answer.status == 502 and answer.error["code"] == code, answer


@pytest.mark.parametrize(
    "method, body, times", [("GET", None, 2), ("POST", b"body", 1), ("POST", b"", 1), ("PATCH", None, 1), ("PUT", b"body", 1)]
)
def test_a_kept_connection_that_ends_is_asked_again_only_where_that_is_safe(proxy, raw, method, body, times):
    def script(incoming):
        if incoming.value("x-turn") == "first":
            incoming.reply(b"kept")
            return None
        if body:
            incoming.body()
        return END

    raw.on("/base/v1/kept", script)
    assert ask(proxy, "/kept", headers=[("X-Turn", "first")]).body == b"kept"
    before = len(raw.requests("/base/v1/kept"))
    answer = ask(proxy, "/kept", method, body)
    assert answer.status == 502 and answer.error["code"] == "upstream_closed"
    assert len(raw.requests("/base/v1/kept")) == before + times


def test_an_upstream_that_does_not_answer_is_a_504(proxy, raw):
    raw.on("/base/v1/silent", lambda i: i.wait_for_end() or END)
    started = time.monotonic()
    answer = ask(proxy, "/silent", provider="quick")
    assert answer.status == 504 and answer.error["code"] == "upstream_timeout"
    assert 0.9 < time.monotonic() - started < 4
    assert wait_until(lambda: raw.last("/base/v1/silent").ended)


def test_an_upstream_that_takes_nothing_is_a_504(proxy, raw):
    raw.on("/base/v1/full", lambda i: time.sleep(3) or END)
    started = time.monotonic()
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/quick/full", None, [("Content-Length", str(len(LARGE)))]))
        sender = threading.Thread(target=connection.send, args=(LARGE,))
        sender.start()
        answer = connection.response()
        assert answer.status == 504 and answer.error["code"] == "upstream_timeout", answer
        assert 0.9 < time.monotonic() - started < 4
    sender.join()


def test_an_upload_longer_than_every_deadline_passes_as_long_as_it_moves(proxy, raw):
    raw.on("/base/v1/steady", lambda i: i.reply(str(len(i.body())).encode()))
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/quick/steady", None, [("Transfer-Encoding", "chunked")]))
        for _ in range(6):
            time.sleep(0.5)
            connection.send(chunked([b"piece"])[:-5])
        connection.send(b"0\r\n\r\n")
        assert connection.response().body == b"30"


def test_a_client_that_stalls_in_its_body_gets_a_408(proxy, raw):
    raw.on("/base/v1/stalled", lambda i: i.body())
    before = count(proxy, "refused")
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/stalled", None, [("Content-Length", "100")]) + b"half")
        answer = connection.response()
        assert answer.status == 408 and answer.error["code"] == "timeout"
    wait_until(lambda: count(proxy, "refused") == before + 1)


def watched(raw, path):
    """Set when upstream sees that a body sent to the path is cut off."""
    cut = threading.Event()

    def script(incoming):
        try:
            incoming.body()
        except OSError:
            cut.set()
        return END

    raw.on(path, script)
    return cut


def test_a_chunked_body_that_passes_the_limit_gets_a_413_and_upstream_a_cut(proxy, raw):
    cut = watched(raw, "/base/v1/over")
    # Made before the head is sent, behind which the gateway waits a second for more.
    body = chunked([LARGE, LARGE, LARGE, LARGE])
    with proxy.connect(20) as connection:
        connection.send(render("POST", "/proxy/raw/over", None, [("Transfer-Encoding", "chunked")]))
        sender = threading.Thread(target=connection.send, args=(body,))
        sender.start()
        answer = connection.response()
        assert answer.status == 413 and answer.error["code"] == "body_too_large"
    sender.join()
    assert cut.wait(5)


def test_a_malformed_chunk_gets_a_400_and_upstream_a_cut(proxy, raw):
    cut = watched(raw, "/base/v1/malformed")
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/malformed", None, [("Transfer-Encoding", "chunked")]))
        connection.send(b"5\r\nhello\r\n")
        wait_until(lambda: raw.requests("/base/v1/malformed"), what="upstream has the request")
        connection.send(b"zz\r\n")
        assert connection.response().error["code"] == "chunk_size"
    assert cut.wait(5)


# After the head: a body that does not end


def short(incoming):
    incoming.send(HEAD + b"Content-Length: 100\r\n\r\nhalf")
    return END


def unended(incoming):
    incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    incoming.chunk(b"half")
    return END


def cut_by_reset(incoming):
    incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    incoming.chunk(b"half")
    time.sleep(0.2)
    return reset(incoming)


def broken(incoming):
    incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    incoming.chunk(b"half")
    incoming.send(b"zz\r\n")
    return END


def mute(incoming):
    incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    incoming.chunk(b"half")
    incoming.wait_for_end()
    return END


@pytest.mark.parametrize("script", [short, unended, cut_by_reset, broken, mute], ids=lambda script: script.__name__)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_fault_in_the_body_leaves_it_unfinished(proxy, raw, script, version):
    raw.on("/base/v1/cut", script)
    with proxy.connect() as connection:
        connection.send(render("GET", "/proxy/quick/cut", version=version))
        head = connection.head()
        assert head.status == 200
        got = b""
        # Where only the connection's end ends the body, it ends by a reset.
        with pytest.raises(Closed, match="reset" if version == "HTTP/1.0" and script is not short else "reset|end"):
            for _, piece in connection.chunks(head):
                got += piece
        assert got + connection.buffer == b"half"


def test_a_head_that_says_the_end_of_the_connection_ends_the_body_for_old_clients_too(proxy, raw):
    def script(incoming):
        incoming.reply(b"until the end", length=False)
        return END

    raw.on("/base/v1/old", script)
    answer = ask(proxy, "/old", version="HTTP/1.0")
    assert answer.body == b"until the end" and answer.header("transfer-encoding") is None


# Clients that leave


def waits(incoming):
    incoming.wait_for_end()
    return END


def reads_then_waits(incoming):
    incoming.body()
    return waits(incoming)


def begins_then_waits(incoming):
    incoming.send(HEAD + b"Content-Length: 100\r\n\r\nhalf")
    return waits(incoming)


def answers_for_ever(incoming):
    incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    try:
        while True:
            incoming.chunk(b"x" * 1000)
            time.sleep(0.005)
    except OSError:
        incoming.ended = time.monotonic()
    return END


def answers_at_once_for_ever(incoming):
    incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    try:
        while True:
            incoming.chunk(b"x" * 65_536)
    except OSError:
        incoming.ended = time.monotonic()
    return END


def reads_what_comes(incoming):
    try:
        for _ in incoming.pieces():
            incoming.some = True
    except OSError:
        incoming.ended = time.monotonic()
    return END


LEAVING = {
    "while upstream is silent": (waits, None, False),
    "after the upload": (reads_then_waits, b"whole", False),
    "in mid-upload": (reads_what_comes, b"part", False),
    "in mid-upload, upstream takes nothing": (lambda i: time.sleep(3) or waits(i), LARGE, False),
    "in mid-answer, upstream silent": (begins_then_waits, None, True),
    "in mid-answer, upstream active": (answers_for_ever, None, True),
    "in mid-answer, all buffers full": (answers_at_once_for_ever, None, True),
}


# Where nobody takes the client's bytes, an orderly end stays behind them in the client's own kernel: TCP shows a reset alone.
WAYS_OF_LEAVING = [
    (phase, way)
    for phase in LEAVING
    for way in ("close", "half_close", "reset")
    if "nothing" not in phase or way == "reset"
]


@pytest.mark.parametrize("phase, way", WAYS_OF_LEAVING)
def test_upstream_sees_the_client_leave(proxy, raw, phase, way):
    script, body, read = LEAVING[phase]
    raw.on("/base/v1/left", script)
    seen = len(raw.requests("/base/v1/left"))
    before = count(proxy, "client_disconnected")
    connection = proxy.connect()
    length = len(body) + (10 if body == b"part" else 0) if body else None
    headers = [("Content-Length", str(length))] if body else []
    connection.send(render("POST" if body else "GET", "/proxy/raw/left", None, headers))
    if body is LARGE:
        connection.socket.settimeout(0.5)
        assert not connection.send(body), "all of it was taken"
    elif body:
        connection.send(body)
    if read:
        head = connection.head()
        assert head.status == 200
    wait_until(lambda: len(raw.requests("/base/v1/left")) > seen, what="upstream has the request")
    time.sleep(0.5 if "full" in phase else 0.1)
    left = time.monotonic()
    getattr(connection, way)()
    wait_until(lambda: count(proxy, "client_disconnected") == before + 1, 5, "the leaving noticed")
    noticed = time.monotonic() - left
    ended = wait_until(lambda: raw.last("/base/v1/left").ended, 10, "upstream sees the end")
    assert noticed < 1, f"noticed after {noticed:.2f} s"
    if body is not LARGE:
        assert ended - left < 0.5, f"upstream saw it after {ended - left:.2f} s"


@pytest.mark.parametrize("way", ["close", "half_close"])
def test_an_end_behind_bytes_without_room_is_seen_as_soon_as_upstream_takes_on(proxy, raw, way):
    takes_on = threading.Event()

    def script(incoming):
        takes_on.wait(10)
        return reads_what_comes(incoming)

    raw.on("/base/v1/behind", script)
    before = count(proxy, "client_disconnected")
    connection = proxy.connect()
    connection.send(render("POST", "/proxy/raw/behind", None, [("Content-Length", str(len(LARGE) + 10))]))
    connection.socket.settimeout(0.5)
    assert not connection.send(LARGE), "all of it was taken"
    getattr(connection, way)()
    takes_on.set()
    wait_until(lambda: count(proxy, "client_disconnected") == before + 1, 5, "the leaving noticed")
    assert wait_until(lambda: raw.last("/base/v1/behind").ended, 5, "upstream sees the end")


# Answers that come before the request is complete


def test_an_answer_that_comes_early_is_handed_on_and_the_connection_ends(proxy, raw):
    def script(incoming):
        next(incoming.pieces())
        incoming.reply(b"too much", "413 Too Much", [("Connection", "close")])
        time.sleep(0.5)
        return END

    raw.on("/base/v1/early", script)
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/early", None, [("Content-Length", str(len(LARGE)))]))
        connection.send(LARGE[:100_000])
        answer = connection.response()
        assert (answer.status, answer.body) == (413, b"too much") and answer.header("connection") == "close"


def test_question_and_answer_may_flow_at_once(proxy, raw):
    def script(incoming):
        incoming.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for piece in incoming.pieces():
            incoming.chunk(piece.upper())
        incoming.send(b"0\r\n\r\n")

    raw.on("/base/v1/duplex", script)
    with proxy.connect() as connection:
        connection.send(render("POST", "/proxy/raw/duplex", None, [("Transfer-Encoding", "chunked")]))
        connection.send(chunked([b"piece 0"])[:-5])
        pieces = connection.chunks(connection.head())
        for number in range(4):
            assert next(pieces)[1] == b"PIECE %d" % number
            connection.send(chunked([b"piece %d" % (number + 1)])[:-5])
        assert next(pieces)[1] == b"PIECE 4"
        connection.send(b"0\r\n\r\n")
        assert list(pieces) == []


def test_an_answer_and_a_request_both_stalled_both_go_on(proxy, raw):
    """Neither side reads for a while: both directions pause, and both come to their end."""
    go = threading.Event()

    def script(incoming):
        incoming.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(LARGE))
        writer = threading.Thread(target=incoming.send, args=(LARGE,))
        writer.start()
        go.wait(10)
        incoming.read = sum(len(piece) for piece in incoming.pieces())
        writer.join()

    raw.on("/base/v1/both", script)
    with proxy.connect(30, receive_buffer=4096) as connection:
        connection.send(render("POST", "/proxy/raw/both", None, [("Content-Length", str(len(LARGE)))]))
        sender = threading.Thread(target=connection.send, args=(LARGE,))
        sender.start()
        time.sleep(1)
        go.set()
        head = connection.head()
        assert sum(len(piece) for _, piece in connection.chunks(head, 30)) == len(LARGE)
        sender.join()
    assert wait_until(lambda: getattr(raw.last("/base/v1/both"), "read", None)) == len(LARGE)
