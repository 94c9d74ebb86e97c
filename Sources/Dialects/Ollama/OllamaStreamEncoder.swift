// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Writes the lines that a client of Ollama reads; it knows one choice, the first.
package struct OllamaStreamEncoder: StreamEncoder {
    /// A call, whose arguments must be whole before they can be told as an object.
    private struct Call {
        let number: Int
        let id: String
        let name: String
        let isCustom: Bool
        var arguments = ByteBuffer()
    }

    /// What may be kept of the arguments of calls, in bytes.
    private static let argumentLimit = 32 << 20

    /// What every line begins with.
    private let opening: ByteBuffer
    private var calls: [Call] = []
    private var usage: TokenUsage?
    private var finish: FinishReason?
    private var hasRefused = false
    /// The bytes of arguments that were kept.
    private var keptCount = 0
    /// Whether more came than may be kept.
    private var isOverfull = false
    private var isEnded = false

    /// An encoder for one answer.
    package init(_ context: AnswerContext) {
        var opening = ByteBuffer()
        opening.append(literal: "{\"model\":")
        opening.appendJSONString(context.chat.model)
        opening.append(literal: ",\"created_at\":")
        opening.appendJSONString(AnswerTime.text(context.created))
        opening.append(literal: ",")
        self.opening = opening
    }

    package mutating func encode(
        _ event: borrowing DecodedEvent, of text: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        guard !isEnded, !isOverfull, !event.isAfterEnd else { return }
        for delta in event.deltas where !isOverfull { encode(delta, of: text, into: &buffer) }
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        guard !isOverfull else { return fail(.overfull, requestID: "", into: &buffer) }
        flushCalls(into: &buffer)
        isEnded = true
        if case .refusal(let explanation?) = finish, !hasRefused, !explanation.isEmpty {
            buffer.append(opening.bytes)
            buffer.append(literal: "\"message\":{\"role\":\"assistant\",\"content\":")
            buffer.appendJSONString(explanation)
            buffer.append(literal: "},\"done\":false}\n")
        }
        buffer.append(opening.bytes)
        buffer.append(literal: "\"message\":{\"role\":\"assistant\",\"content\":\"\"},")
        var end = ByteBuffer()
        end.appendJSON { json in
            json.object { json in OllamaAnswerWriter.writeEnd(finish, usage, into: &json) }
        }
        let count = end.count
        buffer.append(end.bytes, 1..<count)
        buffer.append(ASCII.lineFeed)
    }

    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        OllamaCodec().appendFailure(failure, requestID: requestID, sequence: 0, to: &buffer)
    }

    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        // Clients parse every line, also an empty one; a space only goes before the next.
        buffer.append(ASCII.space)
    }

    private mutating func encode(_ delta: ChatDelta, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        switch delta {
        case .text(0, let slice):
            append("\"content\":\"", slice, of: data, into: &buffer)
        case .refusal(0, let slice):
            hasRefused = true
            append("\"content\":\"", slice, of: data, into: &buffer)
        case .reasoning(0, let slice):
            append("\"content\":\"\",\"thinking\":\"", slice, of: data, into: &buffer)
        case .image(0, _, let base64):
            append("\"content\":\"\",\"images\":[\"", base64, of: data, end: "\"]},\"done\":false}\n", into: &buffer)
        case .toolCall(0, let number, let id, let name):
            begin(number, id: id, name: name, isCustom: false, of: data)
        case .customCall(0, let number, let id, let name):
            begin(number, id: id, name: name, isCustom: true, of: data)
        case .toolArguments(0, let number, let slice):
            guard let place = calls.lastIndex(where: { $0.number == number }) else { return }
            guard slice.count <= Self.argumentLimit &- keptCount else {
                isOverfull = true
                return
            }
            keptCount &+= slice.count
            calls[place].arguments.append(data, slice)
        case .logprobs(0, let slice):
            buffer.append(opening.bytes)
            buffer.append(literal: "\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":[")
            EventText.appendLine(data, slice, to: &buffer)
            buffer.append(literal: "],\"done\":false}\n")
        case .finish(0, let reason):
            finish = finish ?? reason
            flushCalls(into: &buffer)
        case .usage(let latest):
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        default: break
        }
    }

    private func append(
        _ name: StaticString, _ slice: Range<Int>, of data: Span<UInt8>,
        end: StaticString = "\"},\"done\":false}\n", into buffer: inout ByteBuffer
    ) {
        buffer.append(opening.bytes)
        buffer.append(literal: "\"message\":{\"role\":\"assistant\",")
        buffer.append(literal: name)
        buffer.append(data, slice)
        buffer.append(literal: end)
    }

    private mutating func begin(
        _ number: Int, id: Range<Int>, name: Range<Int>, isCustom: Bool, of data: Span<UInt8>
    ) {
        calls.append(Call(number: number, id: data.jsonText(id), name: data.jsonText(name), isCustom: isCustom))
    }

    /// Writes the calls, in the order they began; pieces of several may have been mixed, so none is whole before the choice is.
    private mutating func flushCalls(into buffer: inout ByteBuffer) {
        for call in calls {
            let kept = call.arguments
            let text = kept.bytes.jsonText(0..<kept.count)
            let input =
                call.isCustom
                ? JSONValue.object([.init("input", .string(text))]) : ToolInput.object(text, isCut: finish.isCut)
            buffer.append(opening.bytes)
            buffer.append(literal: "\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[")
            buffer.appendJSON { json in
                OllamaAnswerWriter.write(call.number, id: call.id, name: call.name, input: input, into: &json)
            }
            buffer.append(literal: "]},\"done\":false}\n")
        }
        calls.removeAll()
    }
}
