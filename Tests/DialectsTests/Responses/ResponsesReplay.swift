// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import SSE

@testable import Dialects

/// A stream read by the decoder of one dialect, folded, and written by the encoder of another.
struct ResponsesReplay {
    var decoder: any StreamDecoder
    var encoder: any StreamEncoder
    var accumulator = ChatAccumulator(limit: 64 << 20)
    var output = ByteBuffer()
    var deltas: [ChatDelta] = []
    var malformedCount = 0
    var terminalCount = 0
    private var event = DecodedEvent()

    init(from source: Dialect, to target: Dialect, _ context: AnswerContext) {
        decoder = source.codec.streamDecoder()
        encoder = target.codec.streamEncoder(context)
    }

    mutating func feed(_ data: String, named name: String = "") {
        let bytes = Array(data.utf8)
        let nameBytes = Array(name.utf8)
        do {
            try decoder.decode(bytes.span, named: nameBytes.span, into: &event)
        } catch {
            malformedCount += 1
            return
        }
        if event.isTerminal { terminalCount += 1 }
        if !event.isAfterEnd {
            accumulator.append(event, of: bytes.span)
            deltas += event.deltas
        }
        encoder.encode(event, from: bytes.span, into: &output)
        if event.isTerminal {
            if let failure = accumulator.failure {
                encoder.fail(failure, requestID: "req1", into: &output)
            } else {
                encoder.finish(into: &output)
            }
        }
    }

    mutating func feed(chunks: [[UInt8]]) throws {
        var parser = EventStreamParser()
        for chunk in chunks {
            try parser.feed(chunk.span) { data, fields in
                var copy = ByteBuffer()
                copy.append(data)
                feed(copy.text, named: fields.name == "message" ? "" : fields.name)
            }
        }
    }

    /// The event stream `text`, read as `source` and written as `target`.
    static func of(
        _ text: String, from source: Dialect = .openAIResponses, to target: Dialect = .openAIChat,
        _ context: AnswerContext = .responses()
    ) throws -> ResponsesReplay {
        var replay = ResponsesReplay(from: source, to: target, context)
        try replay.feed(chunks: [Array(text.utf8)])
        return replay
    }

    /// The events written, as their JSON.
    var written: [JSONValue] {
        output.text.components(separatedBy: "\n\n").compactMap { block in
            let line = block.components(separatedBy: "\n").first { $0.hasPrefix("data: ") }
            return line.flatMap { try? JSONValue(parsing: String($0.dropFirst(6)).utf8.span) }
        }
    }

    /// The types of the events written.
    var types: [String] { written.compactMap { $0["type"]?.string } }

    /// The deltas with their texts, as words.
    var said: AccumulatedChoice? { accumulator.choices.first }
}

extension AnswerContext {
    /// A context with a request in the Responses dialect.
    static func responses(
        maker: String = "openai", _ change: (inout ChatRequest) -> Void = { _ in }
    ) -> AnswerContext {
        var chat = ChatRequest(
            model: "m", messages: [ChatMessage(role: .user, content: .text("Hi"))], origin: .openAIResponses)
        chat.includesUsage = true
        change(&chat)
        return AnswerContext(chat: chat, seed: "abcdefghijklmnopqrstuvwx", created: 1, maker: maker)
    }
}

/// An event stream of these payloads, named by their type.
func responsesStream(_ payloads: String...) -> String {
    payloads.map { "data: \($0)\n\n" }.joined()
}
