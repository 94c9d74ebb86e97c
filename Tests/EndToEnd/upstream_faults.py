# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The scripts of faults before and around the answer: connections, heads, statuses, media types."""

import gzip
import json
from email.utils import formatdate
from time import time

from upstream_modes import (
    TEXT,
    completion,
    event,
    finish,
    healthy,
    mode,
    ok,
    send_stream,
)

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx says no</h1></body></html>"


def error(message, kind="invalid_request_error", code=None):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@mode("fault-close-immediately")
def close_immediately(exchange):
    exchange.hang_up()


@mode("fault-rst-immediately")
def rst_immediately(exchange):
    exchange.reset()


@mode("fault-garbage")
def garbage(exchange):
    exchange.raw(bytes(range(1, 256)) * 4 + b"\r\n\r\n")
    exchange.hang_up()


@mode("fault-http09")
def http09(exchange):
    exchange.raw(b"<html>just a body</html>\n")
    exchange.hang_up()


@mode("fault-partial-status")
def partial_status(exchange):
    exchange.raw(b"HTTP/1.1 20")
    exchange.hang_up()


@mode("fault-partial-headers")
def partial_headers(exchange):
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-")
    exchange.hang_up()


@mode("fault-hang-headers")
def hang_headers(exchange):
    exchange.hang()


@mode("fault-slow-first")
def slow_first(exchange):
    exchange.pause(exchange.option("delay", 5.0))
    ok(exchange)


@mode("fault-slow-headers")
def slow_headers(exchange):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    exchange.slowly(head, 1, exchange.option("delay", 0.05))
    exchange.raw(b"".join(healthy(exchange)))
    exchange.hang_up()


@mode("fault-many-headers")
def many_headers(exchange):
    send_stream(exchange, healthy(exchange), headers=[(f"X-Filler-{n}", "f" * 40) for n in range(4000)])


@mode("fault-nul-header")
def nul_header(exchange):
    send_stream(exchange, healthy(exchange), headers=[("X-Nul", "a\0b")])


@mode("fault-set-cookie")
def set_cookie(exchange):
    headers = [
        ("Set-Cookie", "session=upstream"),
        ("Server", "scripted"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("Access-Control-Allow-Origin", "*"),
        ("Keep-Alive", "timeout=5"),
    ]
    send_stream(exchange, healthy(exchange), headers=headers)


STATUSES = {
    400: error("that field is wrong", code="invalid_value"),
    401: error("Incorrect API key provided: sk-upstream-secret", "invalid_request_error", "invalid_api_key"),
    403: error("forbidden here", "permission_error", "forbidden"),
    404: error("The model does not exist", code="model_not_found"),
    408: error("too slow", "timeout_error"),
    409: error("conflict", "conflict_error"),
    413: error("prompt too big", code="request_too_large"),
    422: error("cannot process", code="unprocessable"),
    500: error("The server had an error", "server_error"),
    502: error("bad gateway", "server_error"),
    503: error("try later", "server_error", "overloaded"),
    504: error("gateway timeout", "server_error"),
    529: error("overloaded", "overloaded_error"),
}


@mode(*(f"fault-{status}" for status in STATUSES))
def status_error(exchange):
    status = int(exchange.model.removeprefix("fault-"))
    exchange.answer(status, STATUSES[status])


def rate_limited(exchange, retry_after, code="rate_limit_exceeded", kind="requests"):
    exchange.answer(429, error("Rate limit reached", kind, code), headers=[("Retry-After", retry_after)])


@mode("fault-429")
def too_many(exchange):
    rate_limited(exchange, "7")


@mode("fault-429-huge")
def too_many_huge(exchange):
    rate_limited(exchange, "86400")


@mode("fault-429-date")
def too_many_date(exchange):
    rate_limited(exchange, formatdate(time() + 7, usegmt=True))


@mode("fault-429-quota")
def too_many_quota(exchange):
    rate_limited(exchange, "7", "insufficient_quota", "insufficient_quota")


@mode("fault-html-502")
def html_502(exchange):
    exchange.answer(502, HTML, "text/html")


@mode("fault-html-200")
def html_200(exchange):
    exchange.answer(200, HTML, "text/html")


@mode("fault-empty-500")
def empty_500(exchange):
    exchange.answer(500, b"")


@mode("fault-error-array")
def error_array(exchange):
    exchange.answer(400, [error("an error inside an array")])


@mode("fault-error-big")
def error_big(exchange):
    exchange.answer(400, error("m" * 2_000_000))


@mode("fault-204")
def no_content(exchange):
    exchange.head(204, "No Content")


@mode("fault-redirect-metadata")
def redirect_metadata(exchange):
    exchange.answer(302, b"", headers=[("Location", "http://169.254.169.254/latest/meta-data/")])


@mode("fault-redirect-loop")
def redirect_loop(exchange):
    exchange.answer(307, b"", headers=[("Location", exchange.path)])


@mode("fault-weird-status")
def weird_status(exchange):
    exchange.answer(999, error("what is this"))


@mode("fault-log-injection")
def log_injection(exchange):
    text = 'oops\n2026-01-01T00:00:00Z INFO forged line\r\n\x1b[31mred\x1b[0m {"level":"info"}\u2028end'
    exchange.answer(400, error(text, "invalid\nlevel=forged", "code\r\nX-Injected: 1"))


@mode("fault-1xx-flood")
def flood_1xx(exchange):
    exchange.raw(b"HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n" * 200)
    ok(exchange)


@mode("fault-http10-close")
def http10_close(exchange):
    exchange.head(200, "OK", [("Content-Type", "text/event-stream")], version="HTTP/1.0")
    exchange.raw(b"".join(healthy(exchange)))
    exchange.hang_up()


@mode("fault-http10-cut")
def http10_cut(exchange):
    """Ended by FIN before the finish: only the missing finish tells."""
    exchange.head(200, "OK", [("Content-Type", "text/event-stream")], version="HTTP/1.0")
    exchange.raw(b"".join(healthy(exchange)[:5]))
    exchange.hang_up()


@mode("fault-cl-and-te")
def cl_and_te(exchange):
    send_stream(exchange, healthy(exchange), headers=[("Content-Length", "5")])


@mode("fault-extra-body")
def extra_body(exchange):
    ok(exchange)
    stray = json.dumps(completion(exchange, {"content": "STRAY"})).encode()
    exchange.answer(200, stray)


@mode("fault-close-late")
def close_late(exchange):
    ok(exchange)
    exchange.pause(0.05)
    exchange.hang_up()


@mode("fault-wrong-ct")
def wrong_content_type(exchange):
    exchange.begin_stream("application/json")
    for data in healthy(exchange):
        exchange.chunk(data)
    exchange.end_chunks()


@mode("fault-json-for-stream")
def json_for_stream(exchange):
    exchange.answer(200, completion(exchange))


@mode("fault-sse-for-json")
def sse_for_json(exchange):
    send_stream(exchange, healthy(exchange))


@mode("fault-invalid-json-body")
def invalid_json_body(exchange):
    exchange.answer(200, b'{"id": "chatcmpl-1", "choices": [')


def encoded(exchange, name, data):
    exchange.begin_stream(headers=[("Content-Encoding", name)])
    exchange.chunk(data)
    exchange.end_chunks()


@mode("fault-gzip")
def gzipped(exchange):
    encoded(exchange, "gzip", gzip.compress(b"".join(healthy(exchange))))


@mode("fault-br")
def brotli(exchange):
    encoded(exchange, "br", b"\x0b\x02\x80not brotli at all\x03")


# Members of a gzip file add up, so one of them is enough to make many: at once, since the gateway waits only a second.
GZIP_BOMB = gzip.compress(event("z" * 65536) * 30, 1) * 100


@mode("fault-gzip-bomb")
def gzip_bomb(exchange):
    """About 200 KB that inflate to 200 MB."""
    encoded(exchange, "gzip", GZIP_BOMB + gzip.compress(finish(exchange) + TEXT.encode()))
