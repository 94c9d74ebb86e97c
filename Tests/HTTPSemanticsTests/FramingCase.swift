// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPSemantics

/// A row of the catalogue of hostile requests: its id, the bytes, and what must come of them.
struct FramingCase: CustomTestStringConvertible {
    let id: String
    let title: String
    let bytes: [UInt8]
    let expected: [String]

    init(_ id: String, _ title: String, _ bytes: [UInt8], _ expected: [String]) {
        self.id = id
        self.title = title
        self.bytes = bytes
        self.expected = expected
    }

    /// A request refused before anything was answered.
    init(_ id: String, _ title: String, _ bytes: [UInt8], refused violation: FramingViolation) {
        self.init(id, title, bytes, [violation.rawValue])
    }

    var testDescription: String { "\(id) \(title)" }
}

let chatPath = "/v1/chat/completions"
let chatBody = #"{"model":"m","messages":[]}"#
/// A whole second request, to be hidden behind or inside the first.
let hidden = "GET /healthz?smuggled=1 HTTP/1.1\r\nHost: gw\r\n\r\n"
let chunkedLine = "Transfer-Encoding: chunked\r\n"
let credentials = "Host: gw\r\nAuthorization: Bearer KEY\r\n"
let common = credentials + "Content-Type: application/json\r\n"

/// A chat request with these lines added to its head, and these bytes behind it.
func post(_ lines: String, _ rest: String = "", version: String = "1.1") -> [UInt8] {
    wire("POST \(chatPath) HTTP/\(version)\r\n" + common + lines + "\r\n" + rest)
}

/// A listing request with these lines added to its head.
func get(_ lines: String = "", _ rest: String = "", line: String = "GET /v1/models HTTP/1.1") -> [UInt8] {
    wire(line + "\r\n" + credentials + lines + "\r\n" + rest)
}

func hex(_ text: String) -> String { String(text.utf8.count, radix: 16) }

/// The body as two chunks and the last.
func chunks(_ body: String = chatBody) -> String {
    let cut = body.index(body.startIndex, offsetBy: 5)
    return "5\r\n\(body[..<cut])\r\n\(hex(String(body[cut...])))\r\n\(body[cut...])\r\n0\r\n\r\n"
}

/// A chunked chat request whose first chunk-size line is this one, then the whole body and the last chunk.
func sized(_ line: String) -> [UInt8] {
    post(chunkedLine, line + chatBody + "\r\n0\r\n\r\n")
}

func length(_ text: String) -> String { "Content-Length: \(text.utf8.count)\r\n" }
