# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Keys at every door that the gateway has, by its own list of doors (rows A01 to A29)."""

import pytest

from routes import OPEN, routes, targets
from wire import ADMIN, KEY, converse, request



@pytest.fixture(scope="module")
def gate(make_sluice):
    return make_sluice(auth={"admin_key": ADMIN}, log={"level": "debug"})


BAD_KEYS = {
    "A01": [],
    "A02": [("Authorization", "Bearer sk-test-0000000000000000")],
    "A08": [("Authorization", f"Bearer {ADMIN[:-1]}")],
    "A09": [("Authorization", f"Bearer {ADMIN}a")],
    "A10": [("Authorization", f"Bearer {ADMIN.swapcase()}")],
    "A14": [("Authorization", "Bearer %")],
    "A15": [("Authorization", "Bearer ' OR '1'='1")],
    "A18": [("Authorization", f"Bearer sk-wrong, Bearer {ADMIN}")],
    "A20": [("Cookie", f"key={ADMIN}; Authorization=Bearer {ADMIN}")],
    "A23": [("Authorization", "Bearer sk-wrong"), ("x-api-key", ADMIN)],
    "A27": [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")],
    "identity": [("x-org-id", "default"), ("x-user-id", "admin"), ("Remote-User", "admin")],
}


@pytest.mark.parametrize("case", BAD_KEYS)
def test_no_door_opens_without_a_good_key(gate, upstream, case):
    before = upstream.stats()["requests"]
    for target in targets(gate):
        for method in ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT"):
            body = {} if method in ("POST", "PATCH", "PUT") else None
            answer = request(gate.address, method, target, body, BAD_KEYS[case], key=None)
            # A method that a door does not take is refused before the key is looked at, and tells no more than the docs.
            assert answer.status == 401 or answer.header("allow") and answer.status >= 400, (method, target, answer.status)
            assert ADMIN.encode() not in answer.body and b'"data"' not in answer.body
    assert upstream.stats()["requests"] == before


def test_every_door_but_health_and_the_page_asks_for_a_key(gate):
    seen = {}
    for path in routes(gate):
        seen[path] = {
            request(gate.address, method, path, {} if method == "POST" else None, key=None).status for method in ("GET", "POST")
        }
    assert {path for path, statuses in seen.items() if 401 not in statuses} == OPEN
    for path in OPEN:
        bare, keyed = request(gate.address, "GET", path, key=None), request(gate.address, "GET", path, key=KEY)
        assert bare.status == keyed.status and (path == "/assets/" or bare.status == 200)


GOOD_KEYS = {
    "A07": [("Authorization", f"bEARER {ADMIN}")],
    "A22": [("x-api-key", ADMIN)],
    "A26": [("Authorization", f"Bearer {ADMIN}"), ("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "DELETE")],
}


@pytest.mark.parametrize("case", GOOD_KEYS)
def test_every_door_takes_a_good_key_however_it_is_spelled_and_the_method_that_is_sent(gate, case):
    for target in targets(gate):
        plain = request(gate.address, "GET", target, headers=[("Authorization", f"Bearer {ADMIN}")], key=None)
        answer = request(gate.address, "GET", target, headers=GOOD_KEYS[case], key=None)
        assert answer.status == plain.status and answer.status not in (401, 403), (target, answer.status)


def test_A12_A16_A17_A28_tricks_with_the_header_open_no_door(gate):
    good = b"Authorization: Bearer " + ADMIN.encode()
    for target in targets(gate):
        head = b"GET " + target.encode() + b" HTTP/1.1\r\nHost: gw\r\nConnection: close%s\r\n%s\r\n"
        for extra, fields in (
            (b"", good + b"\x00junk\r\n"),
            (b"", b"Authorization: Bearer sk-wrong\r\n" + good + b"\r\n"),
            (b"", good + b"\r\nAuthorization: Bearer sk-wrong\r\n"),
            (b", authorization", b""),
        ):
            statuses = converse(gate.address, head % (extra, fields)).statuses
            assert statuses in ([400], [401], [405]), (target, fields, statuses)


def test_A29_no_spelling_of_any_path_gives_anything_without_a_key(gate):
    for target in targets(gate):
        middle = target.rindex("/") + 1
        for spelling in (
            "/" + target, target.upper(), "/." + target, "/healthz/.." + target, "/assets/.." + target, target + "/",
            target[:middle] + "%" + f"{ord(target[middle]):02x}" + target[middle + 1 :], target.replace("/", "%2f")[3:],
            "/" + target[1:].replace("/", "%2f"), target + "%00", target + ";a=b", target + "#x", "http://gw" + target,
            target + "?key=" + ADMIN, target + "?access_token=" + ADMIN, "/assets/..%2f" + target[1:], "\\" + target[1:],
        ):
            answer = request(gate.address, "GET", spelling, key=None)
            if spelling.startswith("/v1beta/") and "?key=" in spelling:
                continue  # Gemini's own clients send the key so.
            assert answer.status in (400, 401, 403, 404, 405), (spelling, answer.status)
            assert b'"data"' not in answer.body


ORIGINS = ["https://evil.example", "null", "https://gw.evil.example", "http://localhost.evil.example", "http://localhost"]


def test_X01_V05_V07_no_door_lets_another_origin_read_it_or_sets_a_cookie(gate):
    for target in [*targets(gate), *OPEN]:
        for origin in ORIGINS:
            fields = [("Origin", origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")]
            for method, key in (("OPTIONS", None), ("OPTIONS", ADMIN), ("GET", ADMIN), ("GET", None)):
                if target.startswith("/proxy/") and key:
                    continue  # Answers are upstream's own there.
                answer = request(gate.address, method, target, headers=fields, key=key)
                names = [name.lower() for name, _ in answer.headers]
                assert not [name for name in names if name.startswith("access-control-")], (target, answer.headers)
                assert "set-cookie" not in names
