# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The table of framing cases: bytes that no two servers may read differently."""

import json
from dataclasses import dataclass

from events import chat
from wire import KEY

REFUSED = "refused and closed"
ONE_THEN_CLOSE = "refused, or one answer, then closed"
BAD = "400, 501 or 505, closed"
AT_MOST_ONE = "never two answers"
IN_STEP = "one answer and still in step, or refused and closed"
TAKEN = "200"
TAKEN_OR_BAD = "200 or 400"

AUTH = b"Authorization: Bearer " + KEY.encode() + b"\r\n"
JSON = b"Content-Type: application/json\r\n"
BASE = b"Host: gw\r\n" + AUTH + JSON
P = b"POST /v1/chat/completions HTTP/1.1\r\n" + BASE
G = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\n" + AUTH
B = json.dumps(chat("ok", stream=False, max_tokens=16)).encode()
N = len(B)
n, x = b"%d" % N, b"%x" % N
S = b"GET /healthz?smuggled=1 HTTP/1.1\r\nHost: gw\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
zs = b"0\r\n\r\n" + S
CLOSE = b"Connection: close\r\n"
PAD = json.dumps(json.loads(B), indent=8).encode() + b" \n\t"


def chunked(data, size=7):
    parts = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def cl(value, body=B):
    return P + b"Content-Length: " + value + b"\r\n\r\n" + body


def te(value):
    return P + b"Transfer-Encoding: " + value + b"\r\n\r\n" + chunked(B)


def ck(line):
    return P + TE + b"\r\n" + line + B + b"\r\n0\r\n\r\n"


def with_zs(header):
    """A body that is a whole request, if the odd header is taken for chunked."""
    return P + b"Content-Length: %d\r\n" % len(zs) + header + b"\r\n\r\n" + zs


@dataclass
class Case:
    id: str
    title: str
    data: bytes
    outcome: str


def case(id, title, data, outcome=REFUSED):
    return Case(id, title, data, outcome)


BODIES = [
    case(
        "F01", "CL.TE: Content-Length first, then chunked", P + b"Content-Length: 6\r\n" + TE + b"\r\n" + zs
    ),
    case("F02", "TE.CL", P + TE + b"Content-Length: 4\r\n\r\n" + chunked(B) + S, ONE_THEN_CLOSE),
    case(
        "F03",
        "two different Content-Length",
        P + b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % N + B + S,
    ),
    case(
        "F04",
        "two Content-Length values that agree",
        P + b"Content-Length: %d\r\nContent-Length: %d\r\n" % (N, N) + CLOSE + b"\r\n" + B,
        AT_MOST_ONE,
    ),
    case("F05", "a Content-Length list that differs", cl(n + b", %d" % (N + 3))),
    case("F06", "Content-Length with a plus sign", cl(b"+" + n)),
    case("F07", "Content-Length negative", cl(b"-" + n)),
    case("F08", "Content-Length -0", cl(b"-0", b"")),
    case("F09", "Content-Length hexadecimal", cl(b"0x%x" % N)),
    case("F10", "Content-Length with trailing letters", cl(n + b"x")),
    case("F11", "Content-Length with a fraction", cl(n + b".0")),
    case("F12", "Content-Length empty", cl(b"")),
    case("F13", "Content-Length beyond 2^64", cl(b"%d" % (2**64 + N))),
    case("F14", "Content-Length with digits of another script", cl("１２".encode())),
    case("F17", "an unknown transfer coding", te(b"xchunked")),
    case("F18", "gzip, chunked", te(b"gzip, chunked")),
    case("F19", "chunked, identity", te(b"chunked, identity")),
    case("F20", "Transfer-Encoding in quotes", te(b'"chunked"')),
    case("F21", "Transfer-Encoding: chunked twice", P + TE + TE + b"\r\n" + chunked(B)),
    case("F22", "space before the colon of Transfer-Encoding", with_zs(b"Transfer-Encoding : chunked")),
    case("F23", "tab before the colon of Content-Length", P + b"Content-Length\t: %d\r\n\r\n" % N + B),
    case("F24", "vertical tab before chunked", with_zs(b"Transfer-Encoding: \x0bchunked")),
    case("F26", "folded Transfer-Encoding", with_zs(b"Transfer-Encoding:\r\n chunked")),
    case("F27", "leading comma", with_zs(b"Transfer-Encoding: , chunked"), ONE_THEN_CLOSE),
    case(
        "F28",
        "Transfer-Encoding in an HTTP/1.0 request",
        P.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        + b"Connection: keep-alive\r\n"
        + TE
        + b"\r\n"
        + chunked(B)
        + S,
        ONE_THEN_CLOSE,
    ),
    case(
        "F29",
        "Transfer-Encoding empty, with Content-Length",
        P + b"Content-Length: %d\r\nTransfer-Encoding: \r\n\r\n" % N + B,
    ),
    case("F30", "chunk size 0x", ck(b"0x" + x + b"\r\n")),
    case("F31", "chunk size with plus", ck(b"+" + x + b"\r\n")),
    case("F32", "chunk size negative", ck(b"-1\r\n")),
    case("F33", "chunk size beyond 2^64", ck(b"1" + b"0" * 16 + x + b"\r\n")),
    case("F34", "chunk size with an underscore", ck(b"0_" + x + b"\r\n")),
    case("F35", "chunk size with leading space", ck(b" " + x + b"\r\n")),
    case("F36", "chunk size followed by a space and garbage", ck(x + b" garbage\r\n")),
    case("F37", "chunk size empty", ck(b"\r\n")),
    case("F38", "chunk data longer than its size", ck(b"5\r\n")),
    case("F39", "chunk size line ended by a bare LF", ck(x + b"\n")),
    case("F40", "chunk data without its CRLF", P + TE + b"\r\n" + x + b"\r\n" + B + b"0\r\n\r\n"),
    case("F41", "chunk data ended by a bare LF", P + TE + b"\r\n" + x + b"\r\n" + B + b"\n0\r\n\r\n"),
    case("F42", "chunk size line ended by a bare CR", ck(x + b"\r")),
    case("F43", "CR inside a chunk extension", ck(x + b";a\r=b\r\n")),
    case(
        "F44",
        "a chunk extension",
        P + TE + CLOSE + b"\r\n" + x + b';ext="v"\r\n' + B + b"\r\n0\r\n\r\n",
        TAKEN,
    ),
    case("F45", "a chunk extension of 256 KB", ck(x + b";" + b"a" * 262144 + b"\r\n")),
    case(
        "F46",
        "the last chunk followed by stray bytes",
        P + TE + b"\r\n" + x + b"\r\n" + B + b"\r\n0\r\nXX" + S,
    ),
    case("F93", "a padded body", P + b"Content-Length: %d\r\n" % len(PAD) + CLOSE + b"\r\n" + PAD, TAKEN),
]

LENGTH_OF_S = b"Content-Length: %d\r\n\r\n" % len(S)

UNREAD_BODIES = [
    case("F48", "GET with a body", G + LENGTH_OF_S + S, IN_STEP),
    case(
        "F49",
        "OPTIONS with a body",
        b"OPTIONS /v1/models HTTP/1.1\r\nHost: gw\r\n" + LENGTH_OF_S + S,
        IN_STEP,
    ),
    case("F50", "DELETE with a body", G.replace(b"GET", b"DELETE", 1) + LENGTH_OF_S + S, IN_STEP),
    case("F51", "GET with a chunked body", G + TE + b"\r\n" + chunked(S), IN_STEP),
    case(
        "F52",
        "unknown method with a body",
        b"FROB /v1/models HTTP/1.1\r\nHost: gw\r\n" + LENGTH_OF_S + S,
        IN_STEP,
    ),
    case("F53", "404 path with a body", b"POST /no/such/path HTTP/1.1\r\n" + BASE + LENGTH_OF_S + S, IN_STEP),
    case(
        "F54",
        "401 with a body",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" + LENGTH_OF_S + S,
        IN_STEP,
    ),
]

HEADS = [
    case("F55", "bare CR in a header value", G + b"X-A: a\rTransfer-Encoding: chunked\r\n\r\n", BAD),
    case("F56", "NUL in a header value", G + b"X-A: a\0b\r\n\r\n", BAD),
    case("F57", "NUL in a header name", G + b"X-\0A: b\r\n\r\n", BAD),
    case("F59", "control byte in a header name", G + b"X-\x01A: b\r\n\r\n", BAD),
    case(
        "F60",
        "whitespace before the first header",
        b"GET /v1/models HTTP/1.1\r\n X-A: b\r\nHost: gw\r\n" + AUTH + b"\r\n",
        BAD,
    ),
    case("F61", "folded header line", G + b"X-A: b\r\n  folded\r\n" + CLOSE + b"\r\n", AT_MOST_ONE),
    case("F62", "header line without a colon", G + b"X-A\r\n\r\n", BAD),
    case("F63", "empty header name", G + b": b\r\n\r\n", BAD),
    case("F64", "non-ASCII header name", G + b"X-\xe9: b\r\n" + CLOSE + b"\r\n", AT_MOST_ONE),
    case("F65", "header name with a bracket", G + b"X(A): b\r\n" + CLOSE + b"\r\n", AT_MOST_ONE),
    case("F66", "no Host", b"GET /v1/models HTTP/1.1\r\n" + AUTH + b"\r\n", BAD),
    case(
        "F67",
        "two Host headers",
        b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nHost: evil\r\n" + AUTH + b"\r\n",
        BAD,
    ),
    case(
        "F68",
        "Host with a path, fragment and userinfo",
        b"GET /v1/models HTTP/1.1\r\nHost: u:p@gw/#@x\r\n" + CLOSE + AUTH + b"\r\n",
        AT_MOST_ONE,
    ),
    case("F69", "version HTTP/3.7", G.replace(b"HTTP/1.1", b"HTTP/3.7", 1) + b"\r\n", BAD),
    case("F71", "version HTTP/01.1", G.replace(b"HTTP/1.1", b"HTTP/01.1", 1) + b"\r\n", BAD),
    case("F72", "version that wraps to 1", G.replace(b"HTTP/1.1", b"HTTP/4294967297.1", 1) + b"\r\n", BAD),
    case("F73", "HTTP/0.9 request", b"GET /healthz\r\n\r\n", BAD),
    case("F74", "HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    case("F75", "TLS ClientHello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(range(256)) * 2),
    case(
        "F76", "binary garbage with newlines", bytes((i * 37 + 11) % 256 for i in range(4096)) + b"\r\n\r\n"
    ),
    case(
        "F77",
        "tabs in the request line",
        b"GET\t/v1/models\tHTTP/1.1\r\nHost: gw\r\n" + CLOSE + AUTH + b"\r\n",
        AT_MOST_ONE,
    ),
    case(
        "F78",
        "two spaces in the request line",
        b"GET  /v1/models  HTTP/1.1\r\nHost: gw\r\n" + CLOSE + AUTH + b"\r\n",
        AT_MOST_ONE,
    ),
    case(
        "F79",
        "space inside the target",
        b"GET /v1/models /x HTTP/1.1\r\nHost: gw\r\n" + CLOSE + AUTH + b"\r\n",
        AT_MOST_ONE,
    ),
    case("F82", "NUL in the target", b"GET /v1/mod\0els HTTP/1.1\r\nHost: gw\r\n" + AUTH + b"\r\n", BAD),
    case("F83", "CONNECT", b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n", BAD),
    case(
        "F89",
        "Transfer_Encoding frames nothing",
        P + b"Content-Length: %d\r\nTransfer_Encoding: chunked\r\n\r\n" % N + B,
        TAKEN_OR_BAD,
    ),
    case("F90", "leading CRLF before the request line", b"\r\n" + G + CLOSE + b"\r\n", TAKEN_OR_BAD),
]


def mutated_encodings():
    """Transfer-Encoding with an odd byte before the name, behind it, before the value and behind it."""
    for code in (*range(0x01, 0x21), 0x7F, 0x80, 0xA0, 0xFF):
        byte = bytes([code])
        for name, value in (
            (byte + b"Transfer-Encoding", b" chunked"),
            (b"Transfer-Encoding" + byte, b" chunked"),
            (b"Transfer-Encoding", byte + b"chunked"),
            (b"Transfer-Encoding", b" chunked" + byte),
        ):
            yield with_zs(name + b":" + value)
