// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// What stands around the candidates of every chunk.
struct GeminiFrame: Sendable {
    /// Whether chunks are elements of an array rather than events.
    let isArray: Bool
    private let opening: ByteBuffer
    /// What stands behind the candidates and the usage.
    private let closing: ByteBuffer

    init(_ context: AnswerContext, isWrapped: Bool) {
        isArray = context.wantsArray
        var opening = ByteBuffer()
        opening.append(literal: isWrapped ? "{\"response\":{\"candidates\":[" : "{\"candidates\":[")
        self.opening = opening
        var closing = ByteBuffer()
        closing.append(literal: ",\"modelVersion\":")
        closing.appendJSONString(context.chat.model)
        closing.append(literal: ",\"responseId\":")
        closing.appendJSONString(context.seed)
        closing.append(ASCII.closeBrace)
        if isWrapped {
            closing.append(literal: ",\"traceId\":")
            closing.appendJSONString(context.seed)
            closing.append(ASCII.closeBrace)
        }
        self.closing = closing
    }

    /// Begins an event, or an element of the array.
    func begin(isFirst: Bool, into buffer: inout ByteBuffer) {
        if isArray {
            buffer.append(isFirst ? ASCII.openBracket : ASCII.comma)
        } else {
            buffer.append(literal: "data: ")
        }
    }

    /// Begins a chunk; candidates come next.
    func open(isFirst: Bool, into buffer: inout ByteBuffer) {
        begin(isFirst: isFirst, into: &buffer)
        buffer.append(opening.bytes)
    }

    /// Ends a chunk.
    func close(_ usage: TokenUsage?, into buffer: inout ByteBuffer) {
        closeBody(usage, into: &buffer)
        buffer.append(literal: isArray ? "\n" : "\n\n")
    }

    /// Begins the body of a whole answer.
    func openBody(into buffer: inout ByteBuffer) {
        buffer.append(opening.bytes)
    }

    /// Ends the body of a whole answer.
    func closeBody(_ usage: TokenUsage?, into buffer: inout ByteBuffer) {
        buffer.append(ASCII.closeBracket)
        if let usage {
            buffer.append(literal: ",\"usageMetadata\":")
            GeminiUsage.write(usage, into: &buffer)
        }
        buffer.append(closing.bytes)
    }

    /// Appends a candidate that has ended; without `parts` an empty text stands for them.
    static func appendLast(
        _ choice: Int, finish: FinishReason?, sources: Span<UInt8>, parts: ByteBuffer?, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "{\"content\":{\"role\":\"model\",\"parts\":[")
        if let parts { buffer.append(parts.bytes) } else { buffer.append(literal: "{\"text\":\"\"}") }
        buffer.append(literal: "]},\"finishReason\":\"")
        buffer.append((finish ?? .stop).googleName)
        buffer.append(ASCII.quote)
        if case .refusal(let explanation?) = finish, !explanation.isEmpty {
            buffer.append(literal: ",\"finishMessage\":")
            buffer.appendJSONString(explanation)
        }
        buffer.append(literal: ",\"index\":")
        buffer.append(decimal: choice)
        if !sources.isEmpty {
            buffer.append(literal: ",\"groundingMetadata\":{\"groundingChunks\":[")
            buffer.append(sources)
            buffer.append(literal: "]}")
        }
        buffer.append(ASCII.closeBrace)
    }
}
