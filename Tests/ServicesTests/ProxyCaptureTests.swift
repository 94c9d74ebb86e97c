// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Services
import Testing

@Suite struct ProxyCaptureTests {
    /// What a capture makes of a body that comes in these pieces.
    private func capture(
        _ pieces: [ArraySlice<UInt8>], _ type: String?, coding: String? = nil, limit: Int = 1 << 20
    ) -> ProxyCapture {
        var capture = ProxyCapture(contentType: type, contentEncoding: coding, limit: limit)
        for piece in pieces { capture.append(Array(piece).span) }
        capture.finish()
        return capture
    }

    private func capture(_ body: String, _ type: String?, coding: String? = nil, limit: Int = 1 << 20) -> ProxyCapture {
        capture([Array(body.utf8)[...]], type, coding: coding, limit: limit)
    }

    private static let events = """
        : a comment

        data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}

        data: {"choices":[{"delta":{"content":"Grüß"}},{"delta":{"content":" \\"dich\\" \\ud83d\\ude00"}}]}\r
        \r
        event: content_block_delta
        data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"!"}}

        data: {"content": " one"}

        data: {"response": " two", "done": false}

        data: {"message":{"role":"assistant","content":" three"}}

        data: not JSON

        data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}

        data: [DONE]


        """

    private static let lines = """
        {"model":"m","response":"a","done":false}
        {"message":{"role":"assistant","content":"b"}}\r

        {"response":"c","done":true,"other":{"content":"no"}}
        """

    @Test func everyCutOfAnEventStreamSaysTheSame() {
        let bytes = Array(Self.events.utf8)
        for cut in 0...bytes.count {
            let capture = capture([bytes[..<cut], bytes[cut...]], "text/event-stream; charset=utf-8")
            #expect(capture.text == "Grüß \"dich\" 😀! one two three")
            #expect(capture.usage == TokenUsage(input: 7, output: 9))
            #expect(capture.byteCount == bytes.count && !capture.isTruncated)
        }
        #expect(capture(bytes.indices.map { bytes[$0...$0] }, "text/event-stream").text == "Grüß \"dich\" 😀! one two three")
    }

    @Test func everyCutOfLinesSaysTheSame() {
        let bytes = Array(Self.lines.utf8)
        for cut in 0...bytes.count {
            #expect(capture([bytes[..<cut], bytes[cut...]], "application/x-ndjson").text == "abc")
        }
    }

    @Test func everyCutOfAWholeAnswerSaysTheSame() {
        let body = """
            {"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","tool_calls":[]}}],
            "usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":0}}}
            """
        let bytes = Array(body.utf8)
        for cut in 0...bytes.count {
            let capture = capture([bytes[..<cut], bytes[cut...]], "application/json")
            #expect(capture.text == "Hello" && capture.usage == TokenUsage(input: 1, output: 2, cached: 0))
        }
    }

    @Test(arguments: [
        (#"{"content":[{"type":"text","text":"a"},{"type":"tool_use","input":{"text":"no"}},{"type":"text","text":"b"}]}"#, "ab"),
        (#"{"choices":[{"text":"old"}]}"#, "old"), (#"{"message":{"content":"x"},"messages":[{"content":"no"}]}"#, "x"),
        (#"{"content":null,"response":7}"#, ""), (#"["content","a"]"#, ""), ("", ""), ("nonsense", ""),
        (#"{"response":"kept, ","content":"cut"#, "kept, cut"),
    ])
    func textIsFoundWhereItIs(_ body: String, _ text: String) {
        #expect(capture(body, "application/json").text == text)
    }

    @Test func textOfAnyOtherKindIsKeptAndBytesAreOnlyCounted() {
        #expect(capture("plain", "text/plain").text == "plain")
        #expect(capture("<p>", "TEXT/HTML ; charset=utf-8").text == "<p>")
        for type in ["application/octet-stream", "image/png", nil] {
            let capture = capture("bytes", type)
            #expect(capture.text.isEmpty && capture.byteCount == 5 && !capture.isTruncated)
        }
        #expect(capture("packed", "text/plain", coding: "gzip").text.isEmpty)
        #expect(capture("plain", "text/plain", coding: "Identity").text == "plain")
    }

    @Test func theLimitCutsBetweenCharactersAndIsTold() {
        for limit in 0...8 {
            let capture = capture("aé€😀", "text/plain", limit: limit)
            #expect(capture.text == ["", "a", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€"][limit])
            #expect(capture.isTruncated && capture.byteCount == 10)
        }
        #expect(!capture("aé€😀", "text/plain", limit: 10).isTruncated)
    }

    @Test func theLimitBoundsTheTextOfAStreamWhoseTokensStillCount() {
        let words = (0..<100).map { "data: {\"content\":\"word \($0) \"}\n\n" }.joined()
        let body = words + "data: {\"usage\":{\"input_tokens\":5}}\n\n"
        let capture = capture(body, "text/event-stream", limit: 64)
        #expect(capture.text.utf8.count <= 64 && capture.text.hasPrefix("word 0 word 1 ") && capture.isTruncated)
        #expect(capture.usage?.input == 5)
    }

    @Test func anEventLongerThanTheLimitEndsTheReading() {
        let body = "data: {\"content\":\"a\"}\n\ndata: \(String(repeating: "x", count: 200))\n\ndata: {\"content\":\"b\"}\n\n"
        var capture = ProxyCapture(contentType: "text/event-stream", contentEncoding: nil, limit: 64, eventLimit: 64)
        capture.append(Array(body.utf8).span)
        capture.finish()
        #expect(capture.text == "a" && capture.isTruncated && capture.byteCount == body.utf8.count)
    }

    @Test func aWholeAnswerOverTheLimitKeepsTheBeginningOfWhatItSaysAndAllItsTokens() {
        let long = String(repeating: "é", count: 1 << 20)
        let body = Array("{\"content\":\"\(long)\",\"response\":\"no\",\"usage\":{\"input_tokens\":3}}".utf8)
        for size in [body.count, 4093] {
            let pieces = stride(from: 0, to: body.count, by: size).map { body[$0..<min($0 + size, body.count)] }
            let capture = capture(pieces, "application/json", limit: 1001)
            #expect(capture.text == String(repeating: "é", count: 500) && capture.isTruncated)
            #expect(capture.usage == TokenUsage(input: 3))
        }
    }

    @Test func tokensAndTheModelAreReadWhereNothingIsKept() {
        let event = #"{"model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#
        let forms = [("data: \(event)\n\n", "text/event-stream"), (event, "application/json"), (event, "application/jsonl")]
        for (body, type) in forms {
            let capture = capture(body, type, limit: 0)
            #expect(capture.text.isEmpty && capture.isTruncated)
            #expect(capture.usage == TokenUsage(input: 1, output: 2) && capture.model == "m")
        }
    }

    @Test(arguments: [
        ("text/event-stream; charset=utf-8", true), ("application/x-ndjson", true), ("application/jsonl", true),
        ("application/json", false), ("text/plain", false), (nil, false),
    ])
    func streamsAreKnownByTheirTypeAlsoAtTheEnd(_ type: String?, _ isStream: Bool) {
        #expect(capture("", type).isStream == isStream && capture("", type, coding: "gzip").isStream == isStream)
    }
}
