// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import SSE

@testable import Dialects

/// A stream fed through a decoder, an accumulator and an encoder of any dialects.
struct GeminiReplay {
    var decoder: any StreamDecoder = GeminiStreamDecoder()
    var encoder: any StreamEncoder
    var accumulator = ChatAccumulator(limit: 1 << 24)
    var output = ByteBuffer()
    var malformedCount = 0
    var terminalCount = 0
    private var event = DecodedEvent()

    init(
        from source: Dialect = .gemini, to target: Dialect = .gemini, maker: String = "gemini",
        wantsArray: Bool = false
    ) {
        decoder = source.codec.streamDecoder()
        encoder = target.codec.streamEncoder(Self.context(maker: maker, wantsArray: wantsArray))
    }

    static func context(maker: String = "gemini", wantsArray: Bool = false) -> AnswerContext {
        var chat = ChatRequest(model: "m\"1", messages: [])
        chat.includesUsage = true
        return AnswerContext(
            chat: chat, seed: "abcdefghijklmnopqrstuvwx", created: 1, maker: maker, wantsArray: wantsArray)
    }

    @discardableResult
    mutating func feed(_ data: String) -> DecodedEvent {
        let bytes = Array(data.utf8)
        let name: [UInt8] = []
        do {
            try decoder.decode(bytes.span, named: name.span, into: &event)
        } catch {
            malformedCount += 1
            return DecodedEvent()
        }
        if event.isTerminal { terminalCount += 1 }
        if !event.isAfterEnd { accumulator.append(event, from: bytes.span) }
        encoder.encode(event, from: bytes.span, into: &output)
        return event
    }

    /// Feeds a stream as it came over the wire, in pieces.
    mutating func replay(_ chunks: [[UInt8]]) throws {
        var parser = EventStreamParser()
        for chunk in chunks {
            try parser.feed(chunk.span) { data, _ in
                var copy = ByteBuffer()
                copy.append(data)
                feed(copy.text)
            }
        }
    }

    mutating func end() { encoder.finish(into: &output) }

    /// The payloads that the encoder wrote.
    var payloads: [String] {
        output.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { String($0.dropFirst(6)) }
    }

    /// The payloads as JSON, `[DONE]` left out.
    func values() throws -> [JSONValue] {
        try payloads.filter { $0 != "[DONE]" }.map { try JSONValue(parsing: Array($0.utf8).span) }
    }

    /// What the encoder wrote, read again in its own dialect.
    func again(from source: Dialect, to target: Dialect) throws -> GeminiReplay {
        var replay = GeminiReplay(from: source, to: target)
        try replay.replay([output.storage])
        return replay
    }
}

/// A chunk with these parts; the rest of the candidate and of the chunk follow.
func chunk(_ parts: String, _ candidate: String = "", _ more: String = "") -> String {
    #"{"candidates":[{"content":{"role":"model","parts":[\#(parts)]}\#(candidate)}]\#(more),"responseId":"r1"}"#
}

let stopped = #","finishReason":"STOP","index":0"#

func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8).span) }

extension JSONValue {
    var written: String {
        var buffer = ByteBuffer()
        write(into: &buffer)
        return buffer.text
    }
}
