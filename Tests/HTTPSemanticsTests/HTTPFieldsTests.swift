// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import HTTPSemantics

private func text(_ buffer: ByteBuffer) -> String { String(decoding: buffer.storage, as: UTF8.self) }

@Suite("HTTPFields")
struct HTTPFieldsTests {
    @Test("are looked up without regard to case, the first of a name first")
    func lookup() {
        let fields: HTTPFields = ["Host": "a", "X-Tag": "1", "x-tag": "2", "Empty": ""]
        #expect(fields["hOST"] == "a")
        #expect(fields["x-Tag"] == "1")
        #expect(fields.values(of: "X-TAG") == ["1", "2"])
        #expect(fields["empty"] == "")
        #expect(fields["Hos"] == nil)
        #expect(fields["Hostt"] == nil)
        #expect(fields.map(\.name) == ["Host", "X-Tag", "x-tag", "Empty"])
    }

    @Test("keep a value of any length", arguments: [0, 1, 255, 256, 65_535, 65_536, 70_000])
    func lengths(_ count: Int) {
        let value = String(repeating: "v", count: count)
        let fields: HTTPFields = ["A": value, "B": "after"]
        #expect(fields["a"] == value)
        #expect(fields["b"] == "after")
    }

    @Test(
        "write no line that could end a head early",
        arguments: [
            ("X", "a\r\nSet-Cookie: b"), ("X", "a\nb"), ("X", "a\0b"), ("X\r\nY", "b"), ("X:", "b"), ("", "b"),
            ("X Y", "b"), ("X", "a\rb"), ("X", "\u{7F}"),
        ])
    func injection(_ name: String, _ value: String) {
        var buffer = ByteBuffer()
        let head = ResponseHead(status: 200, fields: ["A": "1", name: value, "B": "2"])
        let complete = head.append(to: &buffer)
        #expect(!complete)
        #expect(text(buffer) == "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n")
    }

    @Test("a response head is the status line, the fields and an empty line")
    func response() {
        var buffer = ByteBuffer()
        let head = ResponseHead(status: 429, fields: ["Retry-After": "7", "X-Note": "caf\u{E9}\t1"])
        let complete = head.append(to: &buffer)
        #expect(complete)
        let lines = ["HTTP/1.1 429 Too Many Requests", "Retry-After: 7", "X-Note: caf\u{E9}\t1", "", ""]
        #expect(text(buffer) == lines.joined(separator: "\r\n"))
    }

    @Test("a status out of range is a 500", arguments: [-1, 0, 99, 600, Int.max])
    func status(_ status: Int) {
        var buffer = ByteBuffer()
        let complete = ResponseHead(status: status).append(to: &buffer)
        #expect(!complete)
        #expect(text(buffer) == "HTTP/1.1 500 Internal Server Error\r\n\r\n")
    }

    @Test(
        "a code without a name of its own has that of its class",
        arguments: [
            (200, "OK"), (299, "Success"), (399, "Redirection"), (418, "Client Error"), (529, "Server Error"),
            (413, "Content Too Large"), (1000, "Unknown"), (-1, "Unknown"),
        ])
    func phrases(_ status: Int, _ phrase: String) {
        #expect(HTTPStatus.phrase(for: status) == phrase)
    }
}

@Suite("RequestHead")
struct RequestHeadTests {
    private func head(_ target: String) -> RequestHead { RequestHead(method: "GET", target: target) }

    @Test("splits its target at the first question mark")
    func target() {
        #expect(head("/v1/a?b=c?d").path == "/v1/a")
        #expect(head("/v1/a?b=c?d").query == "b=c?d")
        #expect(head("/v1/a").query.isEmpty)
    }

    @Test(
        "decodes path segments, or none when one is malformed",
        arguments: [
            ("/v1/models", ["v1", "models"]), ("/", [""]), ("/a//b", ["a", "", "b"]),
            ("/a%2Fb/%e2%82%ac", ["a/b", "€"]), ("/a+b?c/d", ["a+b"]), ("/%", nil), ("/%4", nil),
            ("/%zz", nil), ("/%00", nil), ("/%ff", nil),
        ] as [(String, [String]?)])
    func segments(_ target: String, _ expected: [String]?) {
        #expect(head(target).pathSegments == expected)
    }

    @Test(
        "decodes a query parameter",
        arguments: [
            ("/?key=a%20b+c&key=2", "a b c"), ("/?x=1&k%65y=v", "v"), ("/?key", ""), ("/?key=", ""),
            ("/?key=a=b", "a=b"), ("/", nil), ("/?keys=1", nil), ("/?key=%f", nil), ("/?&&=&key=1", "1"),
        ] as [(String, String?)])
    func parameters(_ target: String, _ expected: String?) {
        #expect(head(target).queryParameter("key") == expected)
    }

    @Test(
        "a list of names is read over all its lines, and not at all when one is no name",
        arguments: [
            (["a,b", " C\t, ,d"], ["a", "b", "C", "d"]), ([], []), ([""], []), ([" , "], []), (["a b"], nil), (["a", "b:"], nil),
            (["na\u{EF}ve"], nil),
        ] as [([String], [String]?)])
    func tokens(_ lines: [String], _ expected: [String]?) {
        #expect(HTTPFields(lines.map { .init("X-List", $0) }).tokens(of: "x-list") == expected)
    }

    @Test("what was read is written in one spelling, and reads the same again")
    func canonical() throws {
        let fields = "HOST:gw\r\nX-A: \t b c \t\r\nX-B:\r\nContent-Length:0\r\n"
        let bytes = wire("\r\nPOST /a?b HTTP/1.1\r\n\(fields)\r\n")
        guard case .head(let head, _)? = transcript(bytes).first else { throw Missing() }
        var buffer = ByteBuffer()
        let complete = head.append(to: &buffer)
        #expect(complete)
        let lines = ["POST /a?b HTTP/1.1", "HOST: gw", "X-A: b c", "X-B: ", "Content-Length: 0", "", ""]
        #expect(text(buffer) == lines.joined(separator: "\r\n"))
        #expect(transcript(buffer.storage).first == transcript(bytes).first)
    }

    @Test(
        "a request line that could hold another is not written",
        arguments: [
            ("GET", "/a b"), ("GET", "/\r\nX"), ("GET", ""), ("", "/"), ("G T", "/"),
        ])
    func injection(_ method: String, _ target: String) {
        var buffer = ByteBuffer()
        let written = RequestHead(method: method, target: target).append(to: &buffer)
        #expect(!written)
        #expect(buffer.isEmpty)
    }
}
