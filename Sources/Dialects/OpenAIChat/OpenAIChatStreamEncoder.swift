// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Writes chat completion chunks from deltas, for an upstream that speaks another dialect.
package struct OpenAIChatStreamEncoder: StreamEncoder {
    /// What may be kept of arguments, in bytes.
    private static let keptLimit = 32 << 20

    private let id: String
    private let wantsUsage: Bool
    /// What every chunk begins with: id, time and model are the same on all of them.
    private let opening: ByteBuffer
    /// What every chunk ends with behind its choice.
    private let closing: StaticString
    private let details: OpenAIReasoningDetails
    /// The tools that the client declared as taking plain text, which upstream may know as functions.
    private let customTools: [String]
    private var usage: TokenUsage?
    /// The log probabilities of the event being written that are not written yet.
    private var logprobs: (choice: Int, elements: Range<Int>)?
    private var writtenLogprobs: Range<Int>?
    private var choices: [OpenAIWrittenChoice] = []
    /// The bytes of arguments that were kept until their calls end.
    private var keptCount = 0
    /// Whether more came than may be kept.
    private var isOverfull = false
    private var isEnded = false

    /// An encoder for one answer.
    ///
    /// - Parameters:
    ///   - id: The answer's id, as `chatcmpl-` and letters.
    ///   - created: When it began, in seconds since 1970.
    ///   - model: The model's name as the client knows it.
    ///   - wantsUsage: Whether the client asked for usage in the stream.
    ///   - maker: Who signed its reasoning and its calls.
    ///   - customTools: The names of the tools that the client declared as taking plain text.
    package init(
        id: String, created: Int, model: String, wantsUsage: Bool, maker: String = "openai", customTools: [String] = []
    ) {
        self.id = id
        self.wantsUsage = wantsUsage
        self.customTools = customTools
        closing = wantsUsage ? "}],\"usage\":null}\n\n" : "}]}\n\n"
        details = OpenAIReasoningDetails(maker: maker)
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
        guard !isEnded, !isOverfull, !event.isAfterEnd else { return }
        writtenLogprobs = nil
        logprobs = nil
        // Log probabilities belong into the chunk of the text that they are about.
        for delta in event.deltas {
            if case .logprobs(let choice, let slice) = delta, logprobs == nil { logprobs = (choice, slice) }
        }
        for delta in event.deltas where !isOverfull { encode(delta, of: text, into: &buffer) }
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        guard !isOverfull else { return fail(.overfull, requestID: "", into: &buffer) }
        isEnded = true
        // A client waits for each choice to end, also when upstream only said that all is over.
        for place in choices.indices where !choices[place].isFinished { finish(place, .stop, into: &buffer) }
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
            _ = place(of: choice, into: &buffer)
        case .text(let choice, let slice):
            let place = place(of: choice, into: &buffer)
            choices[place].isReasoning = false
            open(choice, into: &buffer)
            appendString("\"content\":\"", slice, of: data, to: &buffer)
            buffer.append(ASCII.closeBrace)
            if let pending = logprobs, pending.choice == choice {
                appendLogprobs(pending.elements, of: data, to: &buffer)
                writtenLogprobs = pending.elements
                logprobs = nil
            }
            buffer.append(literal: ",\"finish_reason\":null")
            buffer.append(literal: closing)
        case .refusal(let choice, let slice):
            let place = place(of: choice, into: &buffer)
            choices[place].hasRefused = true
            open(choice, into: &buffer)
            appendString("\"refusal\":\"", slice, of: data, to: &buffer)
            close(into: &buffer)
        case .reasoning, .reasoningSignature, .redactedReasoning:
            encodeReasoning(delta, of: data, into: &buffer)
        case .callSignature(let choice, let slice):
            let place = place(of: choice, into: &buffer)
            choices[place].signature.removeAll()
            choices[place].signature.append(data, slice)
        case .toolCall(let choice, let call, let id, let name):
            let isCustom = customTools.contains { data.jsonText(name, equals: $0.utf8.span) }
            begin(call, of: choice, id: id, name: name, isCustom: isCustom, isWrapped: isCustom, data, &buffer)
        case .customCall(let choice, let call, let id, let name):
            begin(call, of: choice, id: id, name: name, isCustom: true, isWrapped: false, data, &buffer)
        case .toolArguments(let choice, let call, let slice):
            encodeArguments(slice, of: data, to: call, of: choice, into: &buffer)
        case .citation(let choice, let url, let title):
            _ = place(of: choice, into: &buffer)
            open(choice, into: &buffer)
            buffer.append(literal: "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{")
            appendString("\"url\":\"", url, of: data, to: &buffer)
            appendString(",\"title\":\"", title, of: data, to: &buffer)
            buffer.append(literal: ",\"start_index\":0,\"end_index\":0}}]")
            close(into: &buffer)
        case .image(let choice, let mediaType, let base64):
            encodeImage(mediaType, base64, of: data, choice, into: &buffer)
        case .logprobs(let choice, let elements):
            // Those of a text went with it.
            guard writtenLogprobs != elements else { return }
            if logprobs?.elements == elements { logprobs = nil }
            _ = place(of: choice, into: &buffer)
            open(choice, into: &buffer)
            buffer.append(ASCII.closeBrace)
            appendLogprobs(elements, of: data, to: &buffer)
            buffer.append(literal: ",\"finish_reason\":null")
            buffer.append(literal: closing)
        case .finish(let choice, let reason):
            let place = place(of: choice, into: &buffer)
            if !choices[place].isFinished { finish(place, reason, into: &buffer) }
        case .usage(let latest):
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        case .failure, .end:
            break
        }
    }

    /// The place of a choice, which is announced when it begins: the first chunk alone tells the role.
    private mutating func place(of choice: Int, into buffer: inout ByteBuffer) -> Int {
        if let place = choices.firstIndex(where: { $0.index == choice }) { return place }
        choices.append(OpenAIWrittenChoice(index: choice))
        open(choice, into: &buffer)
        buffer.append(literal: "\"role\":\"assistant\",\"content\":\"\"")
        close(into: &buffer)
        return choices.count &- 1
    }

    private mutating func finish(_ place: Int, _ reason: FinishReason, into buffer: inout ByteBuffer) {
        let choice = choices[place].index
        for call in choices[place].calls { end(call, of: choice, reason, into: &buffer) }
        if case .refusal(let explanation?) = reason, !explanation.isEmpty, !choices[place].hasRefused {
            open(choice, into: &buffer)
            buffer.append(literal: "\"refusal\":")
            buffer.appendJSONString(explanation)
            close(into: &buffer)
        }
        open(choice, into: &buffer)
        buffer.append(literal: "},\"finish_reason\":\"")
        buffer.append(reason.openAIName(hasCalls: choices[place].hasCalls))
        buffer.append(ASCII.quote)
        buffer.append(literal: closing)
        choices[place].isFinished = true
        choices[place].calls = []
    }

    // MARK: Pieces of chunks

    private func open(_ choice: Int, into buffer: inout ByteBuffer) {
        buffer.append(opening.bytes)
        buffer.append(literal: "{\"index\":")
        buffer.append(decimal: choice)
        buffer.append(literal: ",\"delta\":{")
    }

    private func close(into buffer: inout ByteBuffer) {
        buffer.append(literal: "},\"finish_reason\":null")
        buffer.append(literal: closing)
    }

    private func appendString(
        _ opening: StaticString, _ slice: Range<Int>, of data: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: opening)
        buffer.append(data, slice)
        buffer.append(ASCII.quote)
    }

    private func appendLogprobs(_ elements: Range<Int>, of data: Span<UInt8>, to buffer: inout ByteBuffer) {
        buffer.append(literal: ",\"logprobs\":{\"content\":[")
        EventText.appendLine(data, elements, to: &buffer)
        buffer.append(literal: "],\"refusal\":null}")
    }

    // MARK: Reasoning and images

    private mutating func encodeReasoning(_ delta: ChatDelta, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        switch delta {
        case .reasoning(let choice, let slice):
            let place = place(of: choice, into: &buffer)
            choices[place].beginReasoning()
            open(choice, into: &buffer)
            appendString("\"reasoning_content\":\"", slice, of: data, to: &buffer)
            if details.repeatsText {
                details.appendText(slice, index: choices[place].reasoningCount &- 1, of: data, to: &buffer)
            }
            close(into: &buffer)
        case .reasoningSignature(let choice, let slice):
            let place = place(of: choice, into: &buffer)
            choices[place].beginReasoning()
            choices[place].isReasoning = false
            open(choice, into: &buffer)
            details.appendSignature(slice, index: choices[place].reasoningCount &- 1, of: data, to: &buffer)
            close(into: &buffer)
        case .redactedReasoning(let choice, let slice):
            let place = place(of: choice, into: &buffer)
            choices[place].isReasoning = false
            choices[place].beginReasoning()
            choices[place].isReasoning = false
            open(choice, into: &buffer)
            details.appendSecret(slice, index: choices[place].reasoningCount &- 1, of: data, to: &buffer)
            close(into: &buffer)
        default: break
        }
    }

    private mutating func encodeImage(
        _ mediaType: Range<Int>, _ base64: Range<Int>, of data: Span<UInt8>, _ choice: Int,
        into buffer: inout ByteBuffer
    ) {
        let place = place(of: choice, into: &buffer)
        open(choice, into: &buffer)
        buffer.append(literal: "\"images\":[{\"index\":")
        buffer.append(decimal: choices[place].imageCount)
        buffer.append(literal: ",\"type\":\"image_url\",\"image_url\":{\"url\":\"data:")
        buffer.append(data, mediaType)
        buffer.append(literal: ";base64,")
        buffer.append(data, base64)
        buffer.append(literal: "\"}}]")
        close(into: &buffer)
        choices[place].imageCount &+= 1
    }

    // MARK: Calls

    private mutating func begin(
        _ call: Int, of choice: Int, id: Range<Int>, name: Range<Int>, isCustom: Bool, isWrapped: Bool,
        _ data: Span<UInt8>, _ buffer: inout ByteBuffer
    ) {
        let place = place(of: choice, into: &buffer)
        choices[place].isReasoning = false
        choices[place].hasCalls = true
        choices[place].calls.append(OpenAIWrittenCall(number: call, isCustom: isCustom, isWrapped: isWrapped))
        open(choice, into: &buffer)
        OpenAIToolCallText.appendStart(
            call, id: id, made: CallID.made(for: self.id, choice: choice, call: call), name: name, isCustom: isCustom,
            of: data, to: &buffer)
        if !choices[place].signature.isEmpty {
            buffer.append(literal: ",\"extra_content\":{\"google\":{\"thought_signature\":\"")
            details.appendPayload(choices[place].signature, to: &buffer)
            buffer.append(literal: "\"}}")
            choices[place].signature.removeAll()
        }
        buffer.append(literal: "}]")
        close(into: &buffer)
    }

    private mutating func encodeArguments(
        _ slice: Range<Int>, of data: Span<UInt8>, to call: Int, of choice: Int, into buffer: inout ByteBuffer
    ) {
        let place = place(of: choice, into: &buffer)
        guard !slice.isEmpty, let known = choices[place].calls.lastIndex(where: { $0.number == call }) else { return }
        if choices[place].calls[known].isWrapped {
            guard slice.count <= Self.keptLimit &- keptCount else {
                isOverfull = true
                return
            }
            keptCount &+= slice.count
            choices[place].calls[known].keep(data, slice)
            return
        }
        let isCustom = choices[place].calls[known].isCustom
        choices[place].calls[known].isEmpty = false
        open(choice, into: &buffer)
        OpenAIToolCallText.appendArguments(slice, call: call, isCustom: isCustom, of: data, to: &buffer)
        close(into: &buffer)
    }

    /// Writes what is left of a call: the text that its arguments wrapped, or that there were none.
    private func end(
        _ call: OpenAIWrittenCall, of choice: Int, _ reason: FinishReason?, into buffer: inout ByteBuffer
    ) {
        var rest = ByteBuffer()
        if call.isWrapped {
            let arguments = call.arguments
            let input = CustomTool.input(arguments.bytes.jsonText(0..<arguments.count))
            rest.appendEscaped(input.utf8.span)
        } else if call.isEmpty, !call.isCustom, !reason.isCut {
            // Clients parse the arguments, and nothing is no JSON.
            rest.append(literal: "{}")
        }
        guard !rest.isEmpty else { return }
        open(choice, into: &buffer)
        let range = 0..<rest.count
        OpenAIToolCallText.appendArguments(
            range, call: call.number, isCustom: call.isCustom, of: rest.bytes, to: &buffer)
        close(into: &buffer)
    }
}
