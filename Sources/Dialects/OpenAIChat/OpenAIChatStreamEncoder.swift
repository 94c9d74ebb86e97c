// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Writes chat completion chunks from deltas, for an upstream that speaks another dialect.
package struct OpenAIChatStreamEncoder: StreamEncoder {
    private let wantsUsage: Bool
    /// What every chunk begins with: id, time and model are the same on all of them.
    private let opening: ByteBuffer
    private var usage: TokenUsage?
    /// The choices that called a tool, whose reason to end cannot be `stop`.
    private var callers: [Int] = []
    private var isEnded = false

    /// An encoder for one answer.
    ///
    /// - Parameters:
    ///   - id: The answer's id, as `chatcmpl-` and letters.
    ///   - created: When it began, in seconds since 1970.
    ///   - model: The model's name as the client knows it.
    ///   - wantsUsage: Whether the client asked for usage in the stream.
    package init(id: String, created: Int, model: String, wantsUsage: Bool) {
        self.wantsUsage = wantsUsage
        var opening = ByteBuffer()
        opening.append(literal: "data: {\"id\":")
        opening.appendJSONString(id)
        opening.append(literal: ",\"object\":\"chat.completion.chunk\",\"created\":")
        opening.append(decimal: created)
        opening.append(literal: ",\"model\":")
        opening.appendJSONString(model)
        opening.append(literal: ",\"choices\":[")
        self.opening = opening
    }

    package mutating func encode(
        _ event: borrowing DecodedEvent, of text: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        guard !isEnded, !event.isAfterEnd else { return }
        for delta in event.deltas { encode(delta, of: text, into: &buffer) }
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        if wantsUsage, let usage {
            buffer.append(opening.bytes)
            buffer.append(literal: "],\"usage\":")
            buffer.appendJSON { json in OpenAIUsage.write(usage, with: &json) }
            buffer.append(literal: "}\n\n")
        }
        buffer.append(literal: "data: [DONE]\n\n")
    }

    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        buffer.append(literal: "data: ")
        OpenAIErrorBody.write(failure, requestID: requestID, into: &buffer)
        buffer.append(literal: "\n\n")
    }

    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        buffer.append(ASCII.lineFeed)
    }

    private mutating func encode(_ delta: ChatDelta, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        switch delta {
        case .start(let choice):
            open(choice, into: &buffer)
            buffer.append(literal: "\"role\":\"assistant\",\"content\":\"\"")
            close(finish: nil, into: &buffer)
        case .text(let choice, let slice):
            append("\"content\":\"", slice, of: data, choice: choice, into: &buffer)
        case .refusal(let choice, let slice):
            append("\"refusal\":\"", slice, of: data, choice: choice, into: &buffer)
        case .reasoning(let choice, let slice):
            append("\"reasoning_content\":\"", slice, of: data, choice: choice, into: &buffer)
        case .toolCall(let choice, let call, let id, let name):
            if !callers.contains(choice) { callers.append(choice) }
            open(choice, into: &buffer)
            OpenAIToolCallText.appendStart(call, id: id, name: name, of: data, to: &buffer)
            close(finish: nil, into: &buffer)
        case .toolArguments(let choice, let call, let slice):
            open(choice, into: &buffer)
            OpenAIToolCallText.appendArguments(slice, call: call, of: data, to: &buffer)
            close(finish: nil, into: &buffer)
        case .finish(let choice, let reason):
            open(choice, into: &buffer)
            let isCall = reason == .stop && callers.contains(choice)
            close(finish: isCall ? .toolCalls : reason, into: &buffer)
        case .usage(let latest):
            usage = latest
        case .reasoningSignature, .redactedReasoning, .callSignature, .customCall, .citation, .image, .logprobs:
            break
        case .failure, .end:
            break
        }
    }

    private func open(_ choice: Int, into buffer: inout ByteBuffer) {
        buffer.append(opening.bytes)
        buffer.append(literal: "{\"index\":")
        buffer.append(decimal: choice)
        buffer.append(literal: ",\"delta\":{")
    }

    private func close(finish: FinishReason?, into buffer: inout ByteBuffer) {
        buffer.append(literal: "},\"finish_reason\":")
        if let finish {
            buffer.appendJSONString(finish.openAIName)
        } else {
            buffer.append(literal: "null")
        }
        buffer.append(literal: "}]}\n\n")
    }

    private func append(
        _ name: StaticString, _ slice: Range<Int>, of data: Span<UInt8>, choice: Int,
        into buffer: inout ByteBuffer
    ) {
        open(choice, into: &buffer)
        buffer.append(literal: name)
        buffer.append(data, slice)
        buffer.append(ASCII.quote)
        close(finish: nil, into: &buffer)
    }
}
