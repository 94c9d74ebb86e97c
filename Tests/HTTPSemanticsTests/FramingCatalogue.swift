// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

@testable import HTTPSemantics

private let size = chatBody.utf8.count
private let answered = "POST \(chatPath) \(size)"
private let emptyThenHidden = "0\r\n\r\n" + hidden

let lengthCases: [FramingCase] = [
    .init(
        "F01", "Content-Length, then chunked",
        post(length(emptyThenHidden) + chunkedLine, emptyThenHidden), refused: .ambiguousLength),
    .init(
        "F02", "chunked, then a short Content-Length",
        post(chunkedLine + "Content-Length: 4\r\n", chunks() + hidden), refused: .ambiguousLength),
    .init(
        "F03", "two lengths that differ",
        post("Content-Length: \(size)\r\nContent-Length: \(size + 50)\r\n", chatBody + hidden),
        refused: .duplicateField),
    .init(
        "F04", "two lengths that agree",
        post(length(chatBody) + length(chatBody), chatBody), refused: .duplicateField),
    .init(
        "F05", "a list of lengths",
        post("Content-Length: \(size), \(size + 3)\r\n", chatBody), refused: .contentLength),
    .init("F06", "a plus sign", post("Content-Length: +\(size)\r\n", chatBody), refused: .contentLength),
    .init("F07", "a negative length", post("Content-Length: -1\r\n", chatBody), refused: .contentLength),
    .init("F08", "minus zero", post("Content-Length: -0\r\n"), refused: .contentLength),
    .init(
        "F09", "hexadecimal",
        post("Content-Length: 0x\(hex(chatBody))\r\n", chatBody), refused: .contentLength),
    .init("F10", "letters behind", post("Content-Length: \(size)x\r\n", chatBody), refused: .contentLength),
    .init("F11", "an empty length", post("Content-Length: \r\n", chatBody), refused: .contentLength),
    .init("F12", "a blank inside", post("Content-Length: 1 0\r\n", chatBody), refused: .contentLength),
    .init(
        "F13", "a length that wraps at 64 bits to the true one",
        post("Content-Length: 18446744073709551643\r\n", chatBody), refused: .bodyTooLarge),
    .init("F14", "leading zeros", post("Content-Length: 0\(size)\r\n", chatBody), refused: .contentLength),
    .init(
        "F23", "a tab before the colon of Content-Length",
        post("Content-Length\t: \(size)\r\n", chatBody), refused: .fieldName),
    .init("F93", "a body taken as its length says", post(length(chatBody), chatBody), [answered]),
    .init(
        "F91", "blanks around a length are no part of it",
        post("Content-Length: \t \(size) \t\r\n", chatBody), [answered]),
    .init(
        "F92", "a length of zero", post("Content-Length: 0\r\n", hidden),
        ["POST \(chatPath) 0", "GET /healthz?smuggled=1 0"]),
    .init("E04", "neither length nor chunks: no body", post(""), ["POST \(chatPath) 0"]),
    .init(
        "F89", "Content_Length", post("Content_Length: 3\r\n" + length(chatBody), chatBody),
        refused: .fieldName),
]

let codingCases: [FramingCase] = [
    .init("F15", "chunked", post(chunkedLine, chunks()), [answered]),
    .init("F16", "chunked in capitals", post("TRANSFER-encoding: CHUNKED\r\n", chunks()), [answered]),
    .init("F17", "identity", post("Transfer-Encoding: identity\r\n", chatBody), refused: .transferCoding),
    .init(
        "F18", "gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", chunks()),
        refused: .transferCoding),
    .init(
        "F19", "chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", chunks()),
        refused: .transferCoding),
    .init("F20", "xchunked", post("Transfer-Encoding: xchunked\r\n", chunks()), refused: .transferCoding),
    .init("F21", "chunked twice", post(chunkedLine + chunkedLine, chunks()), refused: .duplicateField),
    .init(
        "F22", "a space before the colon",
        post(length(emptyThenHidden) + "Transfer-Encoding : chunked\r\n", emptyThenHidden),
        refused: .fieldName),
    .init(
        "F24", "a vertical tab before the value",
        post(length(emptyThenHidden) + "Transfer-Encoding: \u{0B}chunked\r\n", emptyThenHidden),
        refused: .fieldValue),
    .init(
        "F25", "a quoted coding", post("Transfer-Encoding: \"chunked\"\r\n", chunks()),
        refused: .transferCoding),
    .init(
        "F26", "a folded coding",
        post(length(emptyThenHidden) + "Transfer-Encoding:\r\n chunked\r\n", emptyThenHidden),
        refused: .foldedField),
    .init(
        "F27", "a leading comma",
        post(length(emptyThenHidden) + "Transfer-Encoding: , chunked\r\n", emptyThenHidden),
        refused: .ambiguousLength),
    .init(
        "F28", "chunked in HTTP/1.0",
        post("Connection: keep-alive\r\n" + chunkedLine, chunks() + hidden, version: "1.0"),
        refused: .ambiguousLength),
    .init(
        "F29", "an empty coding with a length",
        post(length(chatBody) + "Transfer-Encoding: \r\n", chatBody), refused: .ambiguousLength),
    .init("F29", "an empty coding", post("Transfer-Encoding: \r\n", chatBody), refused: .transferEncoding),
    .init(
        "F89", "Transfer_Encoding",
        post(length(chatBody) + "Transfer_Encoding: chunked\r\n", chatBody + hidden), refused: .fieldName),
]

let chunkCases: [FramingCase] = [
    .init("F30", "a size with 0x", sized("0x\(hex(chatBody))\r\n"), refused: .chunkSize),
    .init("F31", "a plus sign", sized("+\(hex(chatBody))\r\n"), refused: .chunkSize),
    .init("F32", "a negative size", sized("-1\r\n"), refused: .chunkSize),
    .init("F33", "a size that wraps at 64 bits", sized("1000000000000001b\r\n"), refused: .chunkSize),
    .init("F34", "a size beyond the limit", sized("fffffffffffffff\r\n"), refused: .bodyTooLarge),
    .init("F35", "a space before", sized(" \(hex(chatBody))\r\n"), refused: .chunkSize),
    .init("F36", "a space and garbage behind", sized("\(hex(chatBody)) garbage\r\n"), refused: .chunkSize),
    .init("F36", "a space before the semicolon", sized("\(hex(chatBody)) ;a=b\r\n"), refused: .chunkSize),
    .init("F37", "an empty size", sized("\r\n"), refused: .chunkSize),
    .init("F38", "more data than the size says", sized("5\r\n"), refused: .chunkEnd),
    .init("F39", "less data than the size says", sized("1d\r\n"), refused: .chunkEnd),
    .init("F40", "a bare line feed behind the size", sized("\(hex(chatBody))\n"), refused: .chunkSize),
    .init(
        "F41", "a bare line feed behind the data",
        post(chunkedLine, "\(hex(chatBody))\r\n\(chatBody)\n0\r\n\r\n"), refused: .chunkEnd),
    .init("F42", "a bare carriage return behind the size", sized("\(hex(chatBody))\r"), refused: .lineEnd),
    .init("F43", "a carriage return in an extension", sized("\(hex(chatBody));a\r=b\r\n"), refused: .lineEnd),
    .init(
        "F43", "a line feed in an extension", sized("\(hex(chatBody));a\n=b\r\n"),
        refused: .chunkExtension),
    .init("F44", "a small extension is ignored", sized("\(hex(chatBody));ext=\"v\"\r\n"), [answered]),
    .init("F44", "a semicolon alone", sized("\(hex(chatBody));\r\n"), refused: .chunkExtension),
    .init(
        "F46", "stray bytes for the last CRLF",
        post(chunkedLine, "\(hex(chatBody))\r\n\(chatBody)\r\n0\r\nXX" + hidden), refused: .trailer),
    .init(
        "F47", "a length in a trailer reframes nothing",
        post(chunkedLine, "\(hex(chatBody))\r\n\(chatBody)\r\n0\r\n\(length(hidden))\r\n" + hidden),
        [answered, "GET /healthz?smuggled=1 0"]),
    .init(
        "F94", "a bare line feed in a trailer",
        post(chunkedLine, "0\r\nX-A: b\nX-B: c\r\n\r\n"), refused: .trailer),
    .init("F94", "a folded trailer", post(chunkedLine, "0\r\nX-A: b\r\n c\r\n\r\n"), refused: .trailer),
    .init("F99", "zeros before a size", sized("00\(hex(chatBody))\r\n"), [answered]),
]

let stepCases: [FramingCase] = [
    .init("F48", "GET with a body", get(length(hidden), hidden), ["GET /v1/models \(hidden.utf8.count)"]),
    .init(
        "F49", "OPTIONS with a body", get(length(hidden), hidden, line: "OPTIONS /v1/models HTTP/1.1"),
        ["OPTIONS /v1/models \(hidden.utf8.count)"]),
    .init("F50", "OPTIONS for the server", get(line: "OPTIONS * HTTP/1.1"), ["OPTIONS * 0"]),
    .init(
        "F51", "DELETE with a body", get(length(hidden), hidden, line: "DELETE /v1/x HTTP/1.1"),
        ["DELETE /v1/x \(hidden.utf8.count)"]),
    .init(
        "F52", "an unknown method with a body", get(length(hidden), hidden, line: "FROB /v1/x HTTP/1.1"),
        ["FROB /v1/x \(hidden.utf8.count)"]),
    .init(
        "F53", "an unknown path with a body", get(length(hidden), hidden, line: "POST /no/such HTTP/1.1"),
        ["POST /no/such \(hidden.utf8.count)"]),
    .init(
        "F100", "HEAD with a body", get(length(hidden), hidden, line: "HEAD /v1/models HTTP/1.1"),
        ["HEAD /v1/models \(hidden.utf8.count)"]),
    .init(
        "F96", "three pipelined requests", get() + post(chunkedLine, chunks()) + get(),
        ["GET /v1/models 0", answered, "GET /v1/models 0"]),
    .init("F90", "an empty line before the request", wire("\r\n") + get(), ["GET /v1/models 0"]),
    .init("F90", "two empty lines before the request", wire("\r\n\r\n") + get(), ["GET /v1/models 0"]),
    .init("F90", "three empty lines", wire("\r\n\r\n\r\n") + get(), refused: .requestLine),
    .init(
        "F86", "an upgrade to h2c is a field like any other",
        get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        ["GET /v1/models 0"]),
]
