// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPSemantics

@Suite("MultipartForm")
struct MultipartFormTests {
    private static let head =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n"

    private func parse(_ text: String, boundary: String = "b") throws(MultipartError) -> (form: MultipartForm, body: [UInt8]) {
        let body = Array(text.utf8)
        return (try MultipartForm(parsing: body, boundary: boundary), body)
    }

    @Test("gives each field with its names, its type and its bytes")
    func fields() throws {
        let (form, body) = try parse(
            Self.head + "one\r\ntwo\r\n--b\r\ncontent-disposition: form-data; name=schema\r\n\r\n{}\r\n--b--\r\n")
        #expect(form.parts.map(\.name) == ["file", "schema"])
        #expect(form["file"]?.fileName == "a.txt")
        #expect(form["file"]?.contentType == "text/plain")
        #expect(form["file"].map { String(decoding: body[$0.content], as: UTF8.self) } == "one\r\ntwo")
        #expect(form["schema"].map { String(decoding: body[$0.content], as: UTF8.self) } == "{}")
    }

    @Test(
        "content that only looks like a boundary stays content",
        arguments: ["--bx", "\r\n--bx\r\n", "\r\n-- b\r\n", "\n--b\n", "\r--b\r", "\r\n--b-", "\r\n\r\n", "", "\r\n--b-\r\n"])
    func lookalikes(_ content: String) throws {
        let (form, body) = try parse(Self.head + content + "\r\n--b--")
        #expect(form["file"].map { String(decoding: body[$0.content], as: UTF8.self) } == content)
    }

    @Test("quotes in names may be escaped, and a path stays a mere name")
    func names() throws {
        let (form, _) = try parse(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"..\\..\\a \\\"b\\\".txt\"\r\n\r\nx\r\n--b--")
        #expect(form["file"]?.fileName == "..\\..\\a \"b\".txt")
    }

    private static let bodies: [(String, MultipartError)] = [
        ("", .badDelimiter), ("x--b\r\n", .badDelimiter), ("--c\r\n", .badDelimiter), ("--b", .badDelimiter),
        ("--b\r\n", .truncated), (head, .truncated), ("\(head)x\r\n--b", .truncated), ("\(head)x\r\n--b\r", .truncated),
        ("\(head)x\r\n--b--\r\nmore", .badDelimiter), ("\(head)x\r\n\(head)y\r\n--b--", .duplicate("file")),
    ]

    @Test("what is cut off, or has something before or behind it, is refused", arguments: bodies)
    func broken(_ text: String, _ error: MultipartError) {
        #expect(throws: error) { try parse(text) }
    }

    @Test(
        "a part's head is refused that is malformed or asks for what is not done",
        arguments: [
            "name=file", "Content-Disposition: attachment; name=file", "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=\"\"", "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data; name=a; name=b", "Content-Disposition: form-data; name=a\r\n folded: 1",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "Content-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=c",
            "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=\"a\u{1}b\"", "Content-Type: text/plain",
            "X: " + String(repeating: "y", count: 9000),
        ])
    func heads(_ head: String) {
        do {
            _ = try parse("--b\r\n\(head)\r\n\r\nx\r\n--b--")
            Issue.record("was taken")
        } catch {
            if case .badHead = error { return }
            Issue.record("\(error)")
        }
    }

    @Test("more parts than are taken are refused")
    func many() {
        let parts = (0...16).map { "--b\r\nContent-Disposition: form-data; name=n\($0)\r\n\r\nx\r\n" }.joined()
        #expect(throws: MultipartError.tooManyParts) { try parse(parts + "--b--") }
    }

    @Test("a body of nothing but beginnings of boundaries is read in linear time")
    func hostile() throws {
        let content = String(repeating: "\r\n--bbbbbbbb", count: 100_000)
        let started = ContinuousClock.now
        let (form, _) = try parse(
            "--bbbbbbbbc\r\nContent-Disposition: form-data; name=file\r\n\r\n" + content + "\r\n--bbbbbbbbc--",
            boundary: "bbbbbbbbc")
        #expect(form["file"]?.content.count == content.utf8.count)
        #expect(ContinuousClock.now - started < .seconds(10))
    }

    @Test(
        "a boundary must be one that the grammar allows",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"), ("multipart/form-data; boundary=\"a b\"", "a b"),
            ("multipart/form-data", nil), ("multipart/form-data; boundary=", nil), ("multipart/form-data; boundary=\"\"", nil),
            ("multipart/form-data; boundary=\"a \"", nil), ("multipart/form-data; boundary=\"a\\\"b\"", nil),
            ("multipart/form-data; boundary=" + String(repeating: "a", count: 71), nil),
        ] as [(String, String?)])
    func boundaries(_ text: String, _ boundary: String?) {
        #expect(MediaType(text).flatMap(MultipartForm.boundary) == boundary)
    }

    @Test("a media type is read without regard to case, and refused when it is none")
    func types() {
        #expect(MediaType("Text/HTML; Charset=\"UTF-8\"")?.essence == "text/html")
        #expect(MediaType("Text/HTML; Charset=\"UTF-8\"")?["charset"] == "UTF-8")
        for wrong in [
            "", "text", "text/", "/html", "text/html charset=x", "text/html; charset", "text/html; a=1; A=2", "te xt/html",
        ] {
            #expect(MediaType(wrong) == nil, "\(wrong)")
        }
    }
}
