# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The table of request bodies, good and bad."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

MUST_REFUSE = {400, 422}
UNKNOWN_MODEL = {400, 403, 404, 422}
CLEAN = {200, 400}  # taken, or refused cleanly
HUGE = {200, 400, 413}


@dataclass
class Case:
    id: str
    title: str
    body: bytes
    statuses: set


def raw(text):
    """A valid body with more raw bytes before its closing brace."""
    head = b'{"model":"ok","messages":[{"role":"user","content":"hi"}]'
    return head + text + b"}"


def content(inside):
    return b'{"model":"ok","messages":[{"role":"user","content":' + inside + b"}]}"


def valid(**changes):
    body = {"model": "ok", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16, **changes}
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


MESSAGE = {"role": "user", "content": "hi"}

CASES = [
    Case("J01", "empty body", b"", MUST_REFUSE),
    Case("J02", "not JSON", b"hello", MUST_REFUSE),
    Case("J03", "null", b"null", MUST_REFUSE),
    Case("J04", "array", b"[]", MUST_REFUSE),
    Case("J05", "string", b'"x"', MUST_REFUSE),
    Case("J06", "number", b"5", MUST_REFUSE),
    Case("J07", "cut object", b'{"model":"ok","messages":[', MUST_REFUSE),
    Case("J08", "trailing garbage", valid() + b"x", MUST_REFUSE),
    Case("J09", "two objects", valid() + valid(), MUST_REFUSE),
    Case("J10", "trailing comma", raw(b',"user":"u",'), MUST_REFUSE),
    Case("J11", "single quotes", valid().replace(b'"', b"'"), MUST_REFUSE),
    Case("J12", "comment", b"/* c */" + valid(), MUST_REFUSE),
    Case("J13", "NaN", raw(b',"temperature":NaN'), MUST_REFUSE),
    Case("J14", "Infinity", raw(b',"temperature":Infinity'), MUST_REFUSE),
    Case("J15", "leading zero", raw(b',"max_tokens":016'), MUST_REFUSE),
    Case("J16", "hex number", raw(b',"max_tokens":0x10'), MUST_REFUSE),
    Case("J17", "number without digits", raw(b',"temperature":1.'), MUST_REFUSE),
    Case("J18", "raw newline in a string", content(b'"a\nb"'), MUST_REFUSE),
    Case("J19", "unknown escape", content(b'"a\\qb"'), MUST_REFUSE),
    Case("J20", "NUL after the object", valid() + b"\0", MUST_REFUSE),
    Case("J21", "invalid UTF-8", content(b'"a\xc3(b"'), MUST_REFUSE),
    Case("J22", "overlong UTF-8", content(b'"a\xc0\xafb"'), MUST_REFUSE),
    Case("J23", "surrogate bytes", content(b'"a\xed\xa0\x80b"'), MUST_REFUSE),
    Case("J24", "UTF-16 body", valid().decode().encode("utf-16"), MUST_REFUSE),
    Case("J27", "lone surrogate escape", content(b'"a\\ud800b"'), CLEAN),
    Case("J28", "escaped pair", content(b'"a\\ud83d\\ude00b"'), {200}),
    Case("J29", "NUL escape in content", content(b'"a\\u0000b"'), CLEAN),
    Case("J32", "20 000 nested arrays", content(b"[" * 20000 + b"]" * 20000), CLEAN),
    Case("J33", "20 000 open arrays", content(b"[" * 20000), MUST_REFUSE),
    Case("J34", "number of 100 000 digits", raw(b',"seed":' + b"9" * 100_000), CLEAN),
    Case("J35", "1e999", raw(b',"temperature":1e999'), CLEAN),
    Case(
        "J37",
        "duplicate key by escape",
        b'{"model":"ok","\\u006dodel":"no-such-model","messages":[{"role":"user","content":"hi"}]}',
        {200, 400, 403, 404},
    ),
    Case("J38", "model missing", valid(model=...), MUST_REFUSE),
    Case("J39", "model null", valid(model=None), MUST_REFUSE),
    Case("J40", "model a number", valid(model=5), MUST_REFUSE),
    Case("J41", "model empty", valid(model=""), UNKNOWN_MODEL),
    Case("J43", "model of 1 MB", valid(model="m" * 1_000_000), UNKNOWN_MODEL | {413}),
    Case("J44", "model with CR LF", valid(model="ok\r\nX-Injected: 1"), UNKNOWN_MODEL),
    Case("J45", "model with SQL", valid(model="x' OR '1'='1"), UNKNOWN_MODEL),
    Case("J46", "model with a path", valid(model="../../etc/passwd"), UNKNOWN_MODEL),
    Case("J47", "model a URL", valid(model="http://169.254.169.254/x"), UNKNOWN_MODEL),
    Case("J48", "messages missing", valid(messages=...), MUST_REFUSE),
    Case("J49", "messages null", valid(messages=None), MUST_REFUSE),
    Case("J50", "messages a string", valid(messages="hi"), MUST_REFUSE),
    Case("J52", "messages empty", valid(messages=[]), CLEAN),
    Case("J53", "a message that is null", valid(messages=[None]), MUST_REFUSE),
    Case("J55", "a message without role", valid(messages=[{"content": "hi"}]), CLEAN),
    Case("J57", "content a number", valid(messages=[{"role": "user", "content": 5}]), CLEAN),
    Case("J59", "10 000 messages", valid(messages=[MESSAGE] * 10_000), HUGE),
    Case("J61", "stream a number", valid(stream=1), CLEAN),
    Case("J64", "max_tokens a fraction", valid(max_tokens=1.5), CLEAN),
    Case("J65", "max_tokens 2^63", valid(max_tokens=2**63), CLEAN),
    Case("J66", "max_tokens 10^400", raw(b',"max_tokens":1' + b"0" * 400), MUST_REFUSE),
    Case("J67", "max_tokens 1e308", raw(b',"max_tokens":1e308'), CLEAN),
    Case("J69", "n huge", valid(n=2**62), CLEAN),
    Case("J78", "metadata a string", valid(metadata="x"), CLEAN),
]

# What the JSON grammar excludes, each put where any value may stand.
NOT_JSON = [
    *(b"01 -01 -- + +1 .5 1. 1.e1 1e 1e+ 0x1 0b1 1_000 NaN -Infinity Infinity nan inf -".split()),
    *(b"tru True TRUE nul NULL undefined falsee truefalse".split()),
    b"'a'",
    b'"a',
    b'"\\"',
    b'"\\u12"',
    b'"\\u12g4"',
    b'"\\U1234"',
    b'"\\x41"',
    b'"\\a"',
    b'"a\tb"',
    b'"a\rb"',
    b'"a\0b"',
    b'"a\x1fb"',
    b'"\xff"',
    b'"\xc3"',
    b'"\xf4\x90\x80\x80"',
    b'"\xe0\x80\x80"',
    b'"\xf0\x80\x80\x80"',
    b'"\x80"',
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"[1,,2]",
    b"[1",
    b"[1}",
    b"[",
    b"]",
    b"{",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b'{,"a":1}',
    b'{"a" 1}',
    b'{"a":1 "b":2}',
    b"{a:1}",
    b"{1:1}",
    b"{'a':1}",
    b'{"a":1,,"b":2}',
    b'{"a"::1}',
    b'{"a":1}}',
    b"",
    b"/**/1",
    b"1//",
    b"#1",
    b"\x0b1",
    b"\xa01",
    b"\xef\xbb\xbf1",
    b"1;",
    b"(1)",
    b"<a>",
    b"`a`",
    b"\\u0031",
]


def texts():
    """(name, bytes) of each case by file: the project's own, and the folder that `SLUICE_JSON_CASES` names.

    A name begins with `y_` when the text is JSON, with `n_` when it is not, with `i_` when opinions differ.
    """
    folders = [Path(__file__).parents[1] / "Fixtures/json"]
    if named := os.environ.get("SLUICE_JSON_CASES"):
        folders.append(Path(named))
    files = [sorted(folder.glob("[yni]_*")) for folder in folders]
    assert all(files), f"a folder without cases among {folders}"
    return [(file.name, file.read_bytes()) for folder in files for file in folder]
