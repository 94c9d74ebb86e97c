# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""A gateway without keys and the web pages in its user's browser; keys that are refused."""

import subprocess

import pytest

from checks import assert_error_answer
from events import ask, assert_whole, chat
from gateway import BINARY
from wire import Connection, wait_until


@pytest.fixture(scope="module")
def gateway(make_sluice):
    return make_sluice(auth={"enabled": False, "keys": []})


def post(gateway, *fields, host="localhost", path="/v1/chat/completions", model="ok"):
    body = str(chat(model, stream=False)).replace("'", '"').replace("False", "false").encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: text/plain", *fields]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    with Connection(gateway.address) as connection:
        connection.send(head + body)
        return connection.response()


PAGES = [
    ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"],
    ["Sec-Fetch-Site: cross-site"],
    ["Origin: http://evil.example"],
    ["Origin: null"],
]


@pytest.mark.parametrize("fields", PAGES, ids=lambda fields: fields[0].split()[-1])
def test_a_page_of_another_origin_is_turned_away(gateway, upstream, fields):
    before = upstream.count("ok")
    assert_error_answer(post(gateway, *fields), 403, "origin_not_allowed")
    assert upstream.count("ok") == before


def test_a_name_that_somebody_gave_to_this_address_is_turned_away(gateway):
    assert_error_answer(post(gateway, host="rebound.example:8080"), 403, "host_not_allowed")


def test_the_answer_has_the_shape_of_the_door(gateway):
    answer = post(gateway, *PAGES[0], path="/v1/messages")
    assert answer.status == 403 and answer.error["type"] == "permission_error"


def test_programs_and_pages_of_its_own_pass(gateway):
    assert post(gateway).status == 200
    assert post(gateway, host="127.0.0.1:%d" % gateway.address[1]).status == 200
    own = "localhost:%d" % gateway.address[1]
    assert post(gateway, f"Origin: http://{own}", "Sec-Fetch-Site: same-origin", host=own).status == 200
    assert_whole(ask(gateway.address, "ok", key=None))


def test_with_keys_no_origin_is_asked_for(sluice):
    key = "Authorization: Bearer sk-test-4f7a1c9d2e8b6035"
    assert post(sluice, key, *PAGES[0], host="gw.example").status == 200


def test_a_name_can_be_allowed(make_sluice):
    gateway = make_sluice(auth={"enabled": False, "keys": []}, allowed_hosts=["ai.home"])
    assert post(gateway, host="ai.home").status == 200
    assert post(gateway, host="evil.home").status == 403


def test_an_open_gateway_says_so_at_its_start(make_sluice):
    gateway = make_sluice(["--listen", "0.0.0.0:0"], auth={"enabled": False, "keys": []})
    assert "auth.enabled is false" in gateway.log()
    assert post(gateway, host="gw.example").status == 200
    assert post(gateway, *PAGES[1], host="gw.example").status == 403


def test_keys_that_nobody_is_asked_for_are_an_error(tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_text("auth: {keys: [sk-one]}\n")
    result = subprocess.run([BINARY, "check", path], capture_output=True, text=True, timeout=5)
    assert result.returncode == 78 and "auth.enabled" in result.stderr
    path.write_text("auth: {enabled: false, keys: [sk-one]}\n")
    assert subprocess.run([BINARY, "check", path], capture_output=True, timeout=5).returncode == 0


@pytest.mark.parametrize("method, path", [("GET", "/metrics"), ("GET", "/v1/models"), ("POST", "/v1/messages")])
def test_a_refused_key_leaves_a_line_in_the_log(make_sluice, method, path):
    gateway = make_sluice(auth={"admin_key": "sk-admin-1"})
    body = chat("ok") if method == "POST" else None
    for key, name in (("sk-wrong", "wrong"), (None, "missing")):
        fields = [("X-Request-Id", f"refused-{name}")]
        answer = gateway.get(path, key=key, headers=fields) if not body else gateway.post(
            body, path, key=key, headers=fields
        )
        assert answer.status == 401
        wait_until(lambda name=name: f"refused-{name}" in gateway.log(), what="a line in the log")
