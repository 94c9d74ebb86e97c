// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import HTTPClient
import HTTPSemantics
import Providers
import Telemetry
import Testing

@testable import Services

@Suite("SpoolFormat") struct SpoolFormatTests {
    static func head(
        status: Int = 200, fields: [(name: String, value: String)] = [], id: String = "stream_0", attempt: Int = 1,
        key: String? = "key_1", secrets: [Secret] = []
    ) -> SpoolHead {
        SpoolHead(
            origin: SpoolOrigin(
                requestID: "req_\"odd\"", streamID: id, attempt: attempt, door: "/v1/messages", keyID: key, provider: "p",
                model: "m", dialects: (.anthropic, .openAIChat), secrets: KnownSecrets(secrets)),
            time: 1_795_255_200_000_123, waited: 4567, head: TransferHead(status: status, fields: fields))
    }

    /// The JSON of each line; fails on a line that is none, or has no end.
    static func lines(_ bytes: [UInt8]) throws -> [[String: Any]] {
        guard !bytes.isEmpty else { return [] }
        #expect(bytes.last == UInt8(ascii: "\n"))
        return try bytes.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        }
    }

    /// The bytes that a line of a chunk holds.
    static func bytes(of line: [String: Any]) -> [UInt8]? {
        if let text = line["text"] as? String { return Array(text.utf8) }
        return (line["base64"] as? String).flatMap { Data(base64Encoded: $0) }.map { [UInt8]($0) }
    }

    @Test("tells in its first line whose answer it is, and its head") func head() throws {
        var lines = ByteBuffer()
        let fields = [("content-type", "text/event-stream"), ("a", "1"), ("a", "2")]
        SpoolFormat.appendHead(Self.head(status: 201, fields: fields), to: &lines)
        let line = try #require(Self.lines(lines.storage).first)
        #expect(line["sluice_spool"] as? Int == 1 && line["request_id"] as? String == "req_\"odd\"")
        #expect(line["stream_id"] as? String == "stream_0" && line["attempt"] as? Int == 1 && line["key"] as? String == "key_1")
        #expect(line["time"] as? String == "2026-11-21T10:00:00.000123Z" && line["waited_us"] as? Int == 4567)
        #expect(line["door"] as? String == "/v1/messages")
        #expect(line["provider"] as? String == "p" && line["model"] as? String == "m")
        #expect(line["client_dialect"] as? String == "anthropic" && line["dialect"] as? String == "openai-chat")
        #expect(line["status"] as? Int == 201)
        #expect(line["headers"] as? [[String]] == [["content-type", "text/event-stream"], ["a", "1"], ["a", "2"]])
        #expect(SpoolFormat.key(inHead: lines.storage) == "key_1")
    }

    @Test("leaves credentials out of the head, however it was read") func secrets() throws {
        var head = Self.head(fields: [("set-cookie", "a=b"), ("x-note", "Bearer abcdefghijklmnop"), ("x-api-key", "v3ry")])
        head.head.lines = HTTPFields([HTTPFields.Field("Set-Cookie", "c=d"), HTTPFields.Field("Server", "x")])
        var lines = ByteBuffer()
        SpoolFormat.appendHead(head, to: &lines)
        let line = try #require(Self.lines(lines.storage).first)
        #expect(
            line["headers"] as? [[String]] == [
                ["set-cookie", "[redacted]"], ["x-note", "Bearer [redacted]"], ["x-api-key", "[redacted]"],
                ["Set-Cookie", "[redacted]"], ["Server", "x"],
            ])
    }

    @Test("leaves out of the head what the provider was shown, whatever it looks like") func shown() throws {
        let fields = [("x-echo", "key 0123456789abcdef is wrong"), ("x-other", "0123456789abcde")]
        var lines = ByteBuffer()
        SpoolFormat.appendHead(Self.head(fields: fields, secrets: [Secret("0123456789abcdef")]), to: &lines)
        let line = try #require(Self.lines(lines.storage).first)
        #expect(line["headers"] as? [[String]] == [["x-echo", "key [redacted] is wrong"], ["x-other", "[redacted]"]])
    }

    static let chunks: [[UInt8]] = [
        Array("data: {\"a\":\"Grüße 😀\"}\r\n\r\n".utf8), [0, 1, 31, 127, 9, 10, 13, 34, 92, 47],
        Array("\u{2028}\u{2029}\u{FFFD}".utf8), [0xC3], [0xBC, 0x20], [0xFF], [0xFF, 0xFE], [0xF0, 0x9F, 0x98],
        [0xED, 0xA0, 0x80], [0x1F, 0x8B, 8, 0, 0, 0, 0], Array(0...255),
    ]

    @Test("gives back every chunk as it was", arguments: chunks) func chunk(_ chunk: [UInt8]) throws {
        var lines = ByteBuffer()
        SpoolFormat.appendChunk(chunk.span, at: 42, to: &lines)
        let line = try #require(Self.lines(lines.storage).first)
        #expect(line["at"] as? Int == 42)
        #expect(Self.bytes(of: line) == chunk)
        #expect((line["text"] != nil) == (String(validating: chunk, as: UTF8.self) != nil))
        #expect(line.count == 2)
    }

    static let ends: [(SpoolEnd, String, String?)] = [
        (.answer(.complete), "complete", nil), (.answer(.cancelled), "cancelled", nil),
        (.answer(.failed("upstream_truncated")), "failed", "upstream_truncated"), (.truncated(.limit), "truncated", "limit"),
        (.answer(.limited), "truncated", "limit"), (.truncated(.queue), "truncated", "queue"),
        (.truncated(.folder), "truncated", "folder"),
    ]

    @Test("tells in its last line how it ended", arguments: ends.indices) func end(_ index: Int) throws {
        let (end, word, error) = Self.ends[index]
        var lines = ByteBuffer()
        SpoolFormat.appendEnd(end, at: 9, bytes: 1000, chunks: 3, isRedacted: index == 0, to: &lines)
        let line = try #require(Self.lines(lines.storage).first)
        #expect(line["end"] as? String == word && line["error"] as? String == error)
        #expect(line["at"] as? Int == 9 && line["bytes"] as? Int == 1000 && line["chunks"] as? Int == 3)
        #expect((line["redacted"] as? Bool == true) == (index == 0))
    }

    @Test("finds no key in what is no first line") func noKey() {
        for text in ["", "{", "[]", "{\"key\":1}", "{\"at\":1}", "{\"key\":\"a\"", "\u{0}"] {
            #expect(SpoolFormat.key(inHead: Array(text.utf8)) == nil)
        }
    }
}
