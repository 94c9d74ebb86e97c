# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Requests that are well framed: plain errors, JSON bodies, keys."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import framing_cases as f
import json_cases as j
from checks import INSTRUMENTED, assert_error_answer, memory_bound
from events import chat
from wire import KEY, converse, render, request

CHAT = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def healthy_afterwards(sluice):
    yield
    sluice.assert_healthy()


def test_E01_an_unknown_path_is_404(sluice):
    assert_error_answer(sluice.get("/no/such/path"), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_E02_E03_a_wrong_method_is_405_and_names_the_right_one(sluice, method):
    answer = request(sluice.address, method, CHAT, None if method == "GET" else chat("ok"))
    assert_error_answer(answer, 405)
    assert "POST" in answer.header("allow")


def test_E04_a_post_without_a_body_is_refused(sluice):
    answer = sluice.post(None)
    assert answer.status in (400, 411)
    assert_error_answer(answer)


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/no/such/path", CHAT])
def test_E07_head_has_no_body_and_stays_in_step(sluice, path):
    with sluice.connect() as connection:
        connection.send(render("HEAD", path))
        assert connection.response("HEAD").status in (200, 404, 405)
        if not connection.is_closed(0.15):
            connection.send(render("GET", "/v1/models/no-such-model"))
            assert connection.response().status == 404


def test_a_request_id_that_is_not_sane_is_replaced(sluice):
    for odd in ("x" * 5000, "a b<script>", "é"):
        answer = sluice.get("/v1/models", headers=[("X-Request-Id", odd)])
        assert answer.status in (200, 400, 431) and answer.header("x-request-id") != odd


TOO_COMPLEX = {
    "zeros": b'{"model":"ok","stream":true,"messages":[' + b"0," * 15_000_000 + b"0]}",
    "empty objects": b'{"model":"ok","stream":true,"x":[' + b"{}," * 10_000_000 + b"{}]}",
    "members": b'{"model":"ok","stream":true,"x":{' + b'"":[],' * 5_000_000 + b'"":0}}',
    "small arrays": b'{"model":"ok","stream":true,"x":[' + b"[0]," * 7_000_000 + b"0]}",
}


@pytest.mark.parametrize("name", TOO_COMPLEX)
def test_a_body_of_very_many_values_costs_little(sluice, name):
    before = sluice.rss()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sluice.post, TOO_COMPLEX[name], timeout=20)
        worst, slowest = 0, 0.0
        while not answer.done():
            started = time.monotonic()
            assert sluice.get("/healthz", key=None, timeout=5).status == 200
            slowest = max(slowest, time.monotonic() - started)
            worst = max(worst, sluice.rss() - before)
            time.sleep(0.005)
        assert_error_answer(answer.result(), 400, "request_too_complex")
    print(f"\n{name}: {worst >> 20} MiB, slowest health check {slowest:.3f} s")
    assert worst < memory_bound(170_000_000) and slowest < (10 if INSTRUMENTED else 1.5)


@pytest.mark.parametrize("case", j.CASES, ids=lambda case: case.id)
def test_a_json_body_is_taken_or_refused_cleanly(sluice, case):
    answer = sluice.post(case.body, headers=[("Content-Type", "application/json")])
    assert answer.status in case.statuses, (answer.status, answer.body[:300])
    assert answer.header("x-injected") is None
    if answer.status != 200:
        error = assert_error_answer(answer)
        assert len(error["message"]) < 2000, "the error repeats the request"


def test_J92_no_text_outside_the_json_grammar_is_accepted(sluice):
    def status(text):
        body = b'{"model":"ok","messages":[{"role":"user","content":"hi"}],"x":' + text + b"}"
        return text, sluice.post(body, headers=[("Content-Type", "application/json")]).status

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(status, j.NOT_JSON))
    wrong = [(text, code) for text, code in answers if code not in (400, 422)]
    assert not wrong, wrong


@pytest.mark.parametrize("place", ["body", "member"])
def test_J92_every_text_of_the_json_cases_is_taken_or_refused_cleanly(sluice, place):
    def outcome(case):
        name, text = case
        if place == "member":
            text = b'{"model":"ok","messages":[{"role":"user","content":"hi"}],"x":' + text + b"}"
        answer = sluice.post(text, headers=[("Content-Type", "application/json")])
        if answer.status != 200:
            assert_error_answer(answer)
        return name, answer.status

    # No text alone is a chat request; as a member that nobody knows, JSON passes unless nested too deep.
    expected = {"n": {400, 422}, "i": {200, 400, 422}, "y": {200}} if place == "member" else {}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(outcome, j.texts()))
    wrong = [
        (name, status)
        for name, status in answers
        if status not in expected.get(name[0], {400, 422}) and not (status == 400 and "depth" in name)
    ]
    assert not wrong, wrong


def test_fields_reach_upstream_as_they_were_spelled(sluice, upstream):
    odd = '"temperature":1.10,"seed":9007199254740993,"x_unknown":{"b":[null,1e400],"a":"\\u00e9\\/"}'
    body = '{"model":"ok-unknown-fields","messages":[{"role":"user","content":"hi"}],' + odd + "}"
    answer = sluice.post(body.encode(), headers=[("Content-Type", "application/json")])
    assert answer.status == 200
    assert odd in upstream.last("ok-unknown-fields")["body"]


@pytest.mark.parametrize(
    "stray", ["api_base", "base_url", "api_key", "extra_headers", "user_config", "proxy"]
)
def test_X04_no_body_field_chooses_where_a_request_goes(sluice, upstream, stray):
    before = upstream.count("ok-other")
    fields = {stray: "http://169.254.169.254/", "metadata": {stray: "http://169.254.169.254/"}}
    answer = sluice.post(chat("ok-other", stream=False, **fields))
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert upstream.count("ok-other") == before + 1
        assert upstream.last("ok-other")["headers"]["authorization"] == "Bearer sk-upstream-secret"


# Keys

BAD_KEYS = {
    "A01 no key": [],
    "A02 wrong key": [("Authorization", "Bearer sk-test-0000000000000000")],
    "A03 empty bearer": [("Authorization", "Bearer ")],
    "A05 no scheme": [("Authorization", KEY)],
    "A06 basic scheme": [("Authorization", f"Basic {KEY}")],
    "A08 a prefix of the key": [("Authorization", f"Bearer {KEY[:-1]}")],
    "A09 one character more": [("Authorization", f"Bearer {KEY}a")],
    "A10 case swapped": [("Authorization", f"Bearer {KEY.swapcase()}")],
    "A14 LIKE wildcard": [("Authorization", "Bearer %")],
    "A15 SQL": [("Authorization", "Bearer ' OR '1'='1")],
    "A18 list in one header": [("Authorization", f"Bearer sk-wrong, Bearer {KEY}")],
    "A20 key in a cookie only": [("Cookie", f"key={KEY}; Authorization=Bearer {KEY}")],
    "A27 forwarded for": [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1")],
}


@pytest.mark.parametrize("name", BAD_KEYS, ids=lambda name: name.split()[0])
@pytest.mark.parametrize("path", [CHAT, "/v1/models"])
def test_a_request_without_a_good_key_is_401(sluice, name, path):
    method, body = ("POST", chat("ok")) if path == CHAT else ("GET", None)
    answer = request(sluice.address, method, path, body, BAD_KEYS[name], key=None)
    assert_error_answer(answer, 401)


GOOD_KEYS = {
    "A07 scheme in lower case": [("Authorization", f"bearer {KEY}")],
    "scheme in capitals": [("AUTHORIZATION", f"BEARER {KEY}")],
    "x-api-key": [("x-api-key", KEY)],
}


@pytest.mark.parametrize("name", GOOD_KEYS)
def test_a_good_key_is_taken_however_it_is_spelled(sluice, name):
    assert request(sluice.address, "GET", "/v1/models", headers=GOOD_KEYS[name], key=None).status == 200


def test_A12_a_key_followed_by_NUL_and_junk_is_refused(sluice):
    head = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer " + KEY.encode()
    talk = converse(sluice.address, head + b"\0junk\r\n\r\n")
    assert talk.statuses in ([400], [401]), talk


@pytest.mark.parametrize(
    "order", [("sk-wrong", KEY), (KEY, "sk-wrong"), (KEY, KEY)], ids=["A17", "A16", "same"]
)
def test_two_authorization_headers_are_refused(sluice, order):
    headers = b"".join(b"Authorization: Bearer %b\r\n" % key.encode() for key in order)
    talk = converse(
        sluice.address, b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n" + headers + b"\r\n"
    )
    assert talk.statuses in ([400], [401]) or (order == (KEY, KEY) and talk.statuses == [200]), talk


def test_A23_a_good_x_api_key_does_not_excuse_a_bad_bearer(sluice):
    headers = [("Authorization", "Bearer sk-wrong"), ("x-api-key", KEY)]
    answer = request(sluice.address, "GET", "/v1/models", headers=headers, key=None)
    assert answer.status in (400, 401)


def test_A26_a_method_override_header_does_not_change_the_method(sluice):
    answer = sluice.get("/v1/models", headers=[("X-HTTP-Method-Override", "DELETE")])
    assert answer.status == 200


def test_A28_naming_authorization_hop_by_hop_does_not_skip_the_check(sluice):
    bare = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nConnection: close, authorization\r\n"
    assert converse(sluice.address, bare + b"\r\n").statuses == [401]
    assert converse(sluice.address, bare + f.AUTH + b"\r\n").statuses in ([200], [400], [401])


SPELLINGS = [
    "//v1/models",
    "/v1//models",
    "/v1/models/",
    "/V1/MODELS",
    "/v1/./models",
    "/healthz/../v1/models",
    "/v1/%6dodels",
    "/v1%2fmodels",
    "/v1/models%00",
    "/v1/models;a=b",
    "/v1/models?key=" + KEY,
    "/v1/models#x",
    "/healthz%2f..%2fv1/models",
    "http://gw/v1/models",
    "\\v1\\models",
    "*",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_A29_no_spelling_of_a_path_gives_anything_without_a_key(sluice, spelling):
    answer = request(sluice.address, "GET", spelling, key=None)
    assert answer.status in (400, 401, 403, 404, 405, 421), answer
    assert b'"object":"list"' not in answer.body.replace(b" ", b"")


def test_A29_a_host_with_a_path_does_not_move_the_check(sluice):
    head = b"GET /v1/models HTTP/1.1\r\nHost: gw/healthz?#@x\r\nConnection: close\r\n\r\n"
    assert converse(sluice.address, head).statuses in ([400], [401])


def test_Z05_neither_key_nor_forged_lines_reach_the_log(sluice):
    odd = "sk-forged\x1b[31m"
    request(sluice.address, "GET", "/v1/models", headers=[("Authorization", f"Bearer {odd}")], key=None)
    sluice.get("/v1/models?x=%0alevel=forged", headers=[("User-Agent", "a\x1b[31mb")])
    assert sluice.post(chat("fault-log-injection", stream=False)).status >= 400
    log = sluice.log()
    assert KEY not in log and "sk-upstream-secret" not in log and "sk-forged" not in log
    assert "\x1b" not in log and "\u2028" not in log
    assert not [
        line for line in log.splitlines() if line.startswith(("level=forged", "2026-01-01T00:00:00Z INFO"))
    ]


def test_answers_name_json_and_survive_a_reader_of_the_standard(sluice):
    models = sluice.get("/v1/models")
    assert models.status == 200 and json.loads(models.body)["object"] == "list"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_compressed_body_is_refused_in_words(sluice, path, coding):
    body = gzip.compress(json.dumps(chat("ok")).encode())
    answer = sluice.post(body, path=path, headers=[("Content-Encoding", coding)])
    assert answer.status == 415
    assert "Content-Encoding" in json.loads(answer.body)["error"]["message"]
    assert sluice.post(chat("ok"), headers=[("Content-Encoding", "identity")]).status == 200
