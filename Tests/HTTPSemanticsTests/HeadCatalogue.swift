// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

@testable import HTTPSemantics

private func hosted(_ lines: String, version: String = "1.1") -> [UInt8] {
    wire("GET /v1/models HTTP/\(version)\r\n\(lines)\r\n")
}

private func line(_ text: String) -> [UInt8] {
    wire(text + "\r\nHost: gw\r\n\r\n")
}

let fieldCases: [FramingCase] = [
    .init(
        "F54", "bare line feeds for line ends", wire("GET / HTTP/1.1\nHost: gw\n\n"),
        refused: .requestLine),
    .init("F54", "a bare line feed behind a field", get("X-A: b\nX-C: d\r\n"), refused: .lineEnd),
    .init(
        "F54", "a bare line feed for the empty line", wire("GET / HTTP/1.1\r\nHost: gw\r\n\n"),
        refused: .fieldName),
    .init(
        "F55", "a bare carriage return in a value", get("X-A: a\rTransfer-Encoding: chunked\r\n"),
        refused: .lineEnd),
    .init("F56", "NUL in a value", get("X-A: a\0b\r\n"), refused: .fieldValue),
    .init(
        "A12", "NUL behind a key", wire("GET / HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer K\0x\r\n\r\n"),
        refused: .fieldValue),
    .init("F57", "NUL in a name", get("X-\0A: b\r\n"), refused: .fieldName),
    .init("F58", "DEL in a value", get("X-A: a\u{7F}b\r\n"), refused: .fieldValue),
    .init("F59", "a tab and high bytes in a value", get("X-A: a\tb\u{E9}\u{FF}\r\n"), ["GET /v1/models 0"]),
    .init(
        "F60", "a blank before the first field",
        wire("GET /v1/models HTTP/1.1\r\n X-A: b\r\n\(credentials)\r\n"), refused: .foldedField),
    .init("F61", "a folded line", get("X-A: b\r\n  folded\r\n"), refused: .foldedField),
    .init("F62", "a line without a colon", get("X-A\r\n"), refused: .fieldName),
    .init("F63", "an empty name", get(": b\r\n"), refused: .fieldName),
    .init("F64", "a name that is not ASCII", get("X-\u{E9}: b\r\n"), refused: .fieldName),
    .init("F65", "a bracket in a name", get("X(A): b\r\n"), refused: .fieldName),
    .init(
        "A16", "two Authorization fields", get("authorization: Bearer OTHER\r\n"),
        refused: .duplicateField),
    .init("A16", "two keys", get("X-Api-Key: a\r\nx-api-key: b\r\n"), refused: .duplicateField),
    .init("F88", "two media types", post("content-type: text/plain\r\n"), refused: .duplicateField),
    .init("F87", "an expectation other than 100-continue", post("Expect: 200-ok\r\n"), refused: .expectation),
]

let hostCases: [FramingCase] = [
    .init("F66", "no Host", hosted(""), refused: .host),
    .init("F66", "no Host in HTTP/1.0", hosted("", version: "1.0"), ["GET /v1/models 0"]),
    .init("F67", "two Hosts", hosted("Host: gw\r\nHost: evil\r\n"), refused: .duplicateField),
    .init(
        "F67", "two Hosts in HTTP/1.0", hosted("Host: gw\r\nHost: gw\r\n", version: "1.0"),
        refused: .duplicateField),
    .init("F68", "path, fragment and user in Host", hosted("Host: u:p@gw/#@x\r\n"), refused: .host),
    .init("F68", "a path in Host", hosted("Host: gw/x\r\n"), refused: .host),
    .init("F68", "a user in Host", hosted("Host: u@gw\r\n"), refused: .host),
    .init("F68", "a blank in Host", hosted("Host: gw evil\r\n"), refused: .host),
    .init("F68", "a list in Host", hosted("Host: gw, evil\r\n"), refused: .host),
    .init("F68", "an empty Host", hosted("Host:\r\n"), refused: .host),
    .init("F68", "a port that is no number", hosted("Host: gw:80x\r\n"), refused: .host),
    .init("F68", "an address cut short", hosted("Host: [::1\r\n"), refused: .host),
    .init("F68", "something behind an address", hosted("Host: [::1]x\r\n"), refused: .host),
    .init("F68", "a name with a port", hosted("Host: gw.example:8080\r\n"), ["GET /v1/models 0"]),
    .init("F68", "an IPv6 address with a port", hosted("Host: [2001:db8::1]:8080\r\n"), ["GET /v1/models 0"]),
]

let requestLineCases: [FramingCase] = [
    .init("F69", "HTTP/3.7", line("GET / HTTP/3.7"), refused: .version),
    .init("F70", "HTTP/1.2", line("GET / HTTP/1.2"), refused: .version),
    .init("F70", "HTTP/2.0", line("GET / HTTP/2.0"), refused: .version),
    .init("F71", "HTTP/01.1", line("GET / HTTP/01.1"), refused: .version),
    .init("F72", "a version that wraps at 32 bits", line("GET / HTTP/4294967297.1"), refused: .version),
    .init("F72", "HTTP/1.10", line("GET / HTTP/1.10"), refused: .requestLine),
    .init("F72", "http in small letters", line("GET / http/1.1"), refused: .requestLine),
    .init("F72", "a blank behind the version", line("GET / HTTP/1.1 "), refused: .requestLine),
    .init("F73", "HTTP/0.9", wire("GET /healthz\r\n\r\n"), refused: .target),
    .init("F74", "the HTTP/2 preface", wire("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u{04}\0"), refused: .http2),
    .init(
        "F75", "a TLS ClientHello",
        [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + (0...255).map { UInt8($0) }, refused: .tls),
    .init(
        "F76", "binary garbage",
        (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) } + wire("\r\n\r\n"), refused: .requestLine),
    .init("F77", "tabs between the parts", line("GET\t/v1/models\tHTTP/1.1"), refused: .method),
    .init("F78", "two spaces between the parts", line("GET  /v1/models  HTTP/1.1"), refused: .requestLine),
    .init("F79", "a space inside the target", line("GET /v1/models /x HTTP/1.1"), refused: .requestLine),
    .init("F80", "a space before the method", line(" GET / HTTP/1.1"), refused: .requestLine),
    .init("F81", "high bytes in the target", line("GET /\u{E9} HTTP/1.1"), refused: .target),
    .init("F81", "a fragment in the target", line("GET /a#b HTTP/1.1"), refused: .target),
    .init("F82", "NUL in the target", line("GET /v1/mod\0els HTTP/1.1"), refused: .target),
    .init("F83", "CONNECT", line("CONNECT 169.254.169.254:80 HTTP/1.1"), refused: .connect),
    .init("F84", "a target that is only an authority", line("GET gw:80 HTTP/1.1"), refused: .target),
    .init("F84", "an asterisk with GET", line("GET * HTTP/1.1"), refused: .target),
    .init("F84", "more than an asterisk", line("OPTIONS */x HTTP/1.1"), refused: .target),
    .init("F85", "the absolute form", line("GET http://169.254.169.254/latest HTTP/1.1"), refused: .target),
    .init(
        "F85", "a method without end", line(String(repeating: "A", count: 64) + " / HTTP/1.1"),
        refused: .method),
]

let allCases = lengthCases + codingCases + chunkCases + stepCases + fieldCases + hostCases + requestLineCases
