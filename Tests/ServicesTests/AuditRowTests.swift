// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON
import Storage
import Telemetry
import Testing

@testable import Services

@Suite("AuditRow") struct AuditRowTests {
    /// Folds pieces of text into an accumulator, as a stream would.
    private static func capture(
        limit: Int = 1 << 20, _ pieces: [(String, (Range<Int>) -> ChatDelta)]
    ) -> ChatAccumulator {
        var capture = ChatAccumulator(limit: limit)
        for (text, delta) in pieces {
            let bytes = Array(text.utf8)
            capture.append(delta(0..<bytes.count), from: bytes.span)
        }
        return capture
    }

    private static func row(_ capture: ChatAccumulator, keepsContent: Bool = true) -> AuditRow {
        var record = AuditRecord()
        record.capture = capture
        return AuditRow(record, keepsContent: keepsContent)
    }

    @Test("tells text, refusal and reasoning apart, unescaped") func texts() {
        let row = Self.row(
            Self.capture([
                (#"let me\nthink"#, { .reasoning(choice: 0, $0) }), (#"a \"b\" "#, { .text(choice: 0, $0) }),
                (#"\u00e9\ud83d\ude00"#, { .text(choice: 0, $0) }),
            ]))
        #expect(row.reasoningText == "let me\nthink" && row.responseText == "a \"b\" é😀")
        #expect(Self.row(Self.capture([("No.", { .refusal(choice: 0, $0) })])).responseText == "No.")
    }

    @Test("names the choices after the first") func choices() {
        let row = Self.row(
            Self.capture([("one", { .text(choice: 0, $0) }), ("two", { .text(choice: 1, $0) })]))
        #expect(row.responseText == "one\n[choice 1]\ntwo")
    }

    @Test("keeps the arguments of a call as they came, whole or not") func calls() throws {
        var capture = ChatAccumulator()
        let bytes = Array(#"call_1look{\"q\": \"a"#.utf8)
        capture.append(.toolCall(choice: 0, call: 0, id: 0..<6, name: 6..<10), from: bytes.span)
        capture.append(.toolArguments(choice: 0, call: 0, 10..<bytes.count), from: bytes.span)
        let row = Self.row(capture)
        let calls = try JSONValue(parsing: Array((row.toolCalls ?? "").utf8).span)
        #expect(calls[0]?["name"]?.string == "look" && calls[0]?["id"]?.string == "call_1")
        #expect(calls[0]?["arguments"]?.string == #"{"q": "a"#)
    }

    @Test("leaves out of a refusal that was handed on what upstream was shown") func shown() {
        var record = AuditRecord()
        (record.status, record.responseText) = (401, "key 0123456789abcdef is wrong")
        #expect(AuditRow(record, keepsContent: true).responseText == record.responseText)
        record.refusedSecrets = KnownSecrets([Secret("0123456789abcdef")])
        #expect(AuditRow(record, keepsContent: true).responseText == "key [redacted] is wrong")
        // The client left, so that what came may end anywhere.
        (record.status, record.responseText) = (499, "wrong key: 01234")
        #expect(AuditRow(record, keepsContent: true).responseText == "wrong key: ")
        (record.refusedSecrets, record.responseText) = (nil, "a poem on sk-0123456789abcdef")
        #expect(AuditRow(record, keepsContent: true).responseText == record.responseText, "what a model said")
    }

    @Test("keeps no text when none is to be kept, but what was used") func withoutContent() {
        var record = AuditRecord()
        record.capture = Self.capture([("secret", { .text(choice: 0, $0) })])
        (record.requestBody, record.requestBytes, record.headerText) = (Array("hidden".utf8), 6, "a: b")
        record.usage = TokenUsage(input: 3, output: 5)
        record.cost = Money(nanos: 7)
        let row = AuditRow(record, keepsContent: false)
        #expect(row.responseText == nil && row.requestText == nil && row.requestHeaders == nil && row.toolCalls == nil)
        #expect(row.inputTokens == 3 && row.cost == Money(nanos: 7) && row.requestBytes == 6 && !row.isTruncated)
    }

    @Test("says that a body was cut, between two characters", arguments: 1...9)
    func cutBody(limit: Int) {
        let body = Array("aé😀bö".utf8)
        var record = AuditRecord()
        (record.requestBody, record.requestBytes) = (Array(body.prefix(limit)), body.count)
        let row = AuditRow(record, keepsContent: true)
        #expect(row.isRequestTruncated && "aé😀bö".hasPrefix(row.requestText ?? "?"))
        #expect((row.requestText ?? "").utf8.count >= limit - 3)
    }

    @Test("repairs a body that is no UTF-8, rather than lose it") func brokenBody() {
        var record = AuditRecord()
        (record.requestBody, record.requestBytes) = ([0x61, 0xFF, 0x00, 0x62], 4)
        let row = AuditRow(record, keepsContent: true)
        #expect(row.requestText == "a\u{FFFD}\0b" && !row.isRequestTruncated)
    }

    @Test("takes credentials out of errors, and bounds them") func errors() {
        var record = AuditRecord()
        record.error = "bad key sk-abcdefghijklmnop " + String(repeating: "x", count: 100_000)
        record.failedAttempts = [FailedAttempt(provider: "p", model: "m", error: "Bearer abcdefghijklmnop")]
        let row = AuditRow(record, keepsContent: true)
        #expect(row.error?.hasPrefix("bad key [redacted] xxx") == true && (row.error?.utf8.count ?? 0) < 5000)
        #expect(row.attemptLog == #"[{"provider":"p","model":"m","error":"Bearer [redacted]"}]"#)
    }

    @Test("has an identifier of its own, each time") func identifiers() {
        let ids = Set((0..<100).map { _ in Self.row(ChatAccumulator()).id })
        #expect(ids.count == 100 && ids.allSatisfy { $0.utf8.count == 38 && $0.hasPrefix("audit_") })
    }

    @Test("has no texts that are more than can be read at once") func longest() {
        var record = AuditRecord()
        (record.requestBody, record.requestBytes) = (Array(repeating: 0x20, count: 24 << 20), 24 << 20)
        record.responseText = String(repeating: "x", count: 24 << 20)
        let row = AuditRow(record, keepsContent: true)
        #expect(row.requestText == nil && row.responseText == nil && row.isRequestTruncated && row.isTruncated)
        #expect(row.requestBytes == 24 << 20)
    }
}
