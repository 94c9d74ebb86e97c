// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
internal import JSON

/// Writes a stream for a Gemini client: events, or an array of JSON; bare or in the envelope of Google's internal service.
///
/// Why a choice ended, the usage and the sources stand on the last chunk, which is written when the answer is over.
package struct GeminiStreamEncoder: StreamEncoder {
    private struct Choice {
        let index: Int
        var finish: FinishReason?
        /// The elements of `groundingChunks`.
        var sources = ByteBuffer()
    }

    /// What the sources of a choice may come to, in bytes.
    private static let sourceLimit = 1 << 20

    private let frame: GeminiFrame
    private let maker: String
    private var choices: [Choice] = []
    private var held = GeminiHeldCalls()
    private var usage: TokenUsage?
    private var isFirst = true
    private var isEnded = false

    /// An encoder for one answer; `isWrapped` for a client of Google's internal service.
    init(_ context: AnswerContext, isWrapped: Bool = false) {
        frame = GeminiFrame(context, isWrapped: isWrapped)
        maker = context.maker
    }

    package mutating func encode(
        _ event: borrowing DecodedEvent, of text: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        guard !isEnded, !event.isAfterEnd else { return }
        for delta in event.deltas { encode(delta, of: text, into: &buffer) }
        guard held.isOverfull else { return }
        let message = "The upstream's tool calls are too large to be kept until they are whole."
        fail(ChatFailure(status: 502, message: message), requestID: "", into: &buffer)
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        for choice in choices { flush(choice.index, finish: choice.finish, into: &buffer) }
        if !choices.isEmpty || usage != nil {
            open(into: &buffer)
            for (number, choice) in choices.enumerated() {
                if number > 0 { buffer.append(ASCII.comma) }
                GeminiFrame.appendLast(
                    choice.index, finish: choice.finish, sources: choice.sources.bytes, parts: nil, to: &buffer)
            }
            frame.close(usage, into: &buffer)
        }
        if frame.isArray { buffer.append(literal: isFirst ? "[]\n" : "]\n") }
    }

    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        frame.begin(isFirst: isFirst, into: &buffer)
        GeminiErrorBody.write(failure, requestID: requestID, into: &buffer)
        buffer.append(literal: frame.isArray ? "]\n" : "\n\n")
    }

    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        buffer.append(ASCII.lineFeed)
    }

    private mutating func encode(_ delta: ChatDelta, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        switch delta {
        case .start(let choice):
            _ = place(of: choice)
        case .text(let choice, let slice), .refusal(let choice, let slice):
            guard !slice.isEmpty else { return }
            openPart(of: choice, into: &buffer)
            GeminiPartText.appendText(data, slice, isThought: false, to: &buffer)
            closePart(of: choice, into: &buffer)
        case .reasoning(let choice, let slice):
            guard !slice.isEmpty else { return }
            openPart(of: choice, into: &buffer)
            GeminiPartText.appendText(data, slice, isThought: true, to: &buffer)
            closePart(of: choice, into: &buffer)
        case .reasoningSignature(let choice, let slice):
            appendSignature(of: choice, slice, of: data, isRedacted: false, into: &buffer)
        case .redactedReasoning(let choice, let slice):
            appendSignature(of: choice, slice, of: data, isRedacted: true, into: &buffer)
        case .image(let choice, let mediaType, let base64):
            openPart(of: choice, into: &buffer)
            GeminiPartText.appendImage(data, mediaType: mediaType, base64: base64, to: &buffer)
            closePart(of: choice, into: &buffer)
        case .callSignature(let choice, let slice):
            held.sign(choice: choice, data, slice, maker: maker)
        case .toolCall(let choice, let call, let id, let name):
            begin(call, of: choice, isCustom: false, id: id, name: name, of: data, into: &buffer)
        case .customCall(let choice, let call, let id, let name):
            begin(call, of: choice, isCustom: true, id: id, name: name, of: data, into: &buffer)
        case .toolArguments(let choice, let call, let slice):
            held.append(choice: choice, number: call, slice, of: data)
        case .citation(let choice, let url, let title):
            addSource(to: choice, url: url, title: title, of: data)
        case .logprobs(let choice, let slice):
            appendLogprobs(of: choice, slice, of: data, into: &buffer)
        case .finish(let choice, let reason):
            flush(choice, finish: reason, into: &buffer)
            if let place = place(of: choice) { choices[place].finish = choices[place].finish ?? reason }
        case .usage(let latest):
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        case .failure, .end:
            break
        }
    }

    private mutating func place(of index: Int) -> Int? {
        if let place = choices.firstIndex(where: { $0.index == index }) { return place }
        choices.append(Choice(index: index))
        return choices.count &- 1
    }

    // MARK: Chunks

    private mutating func open(into buffer: inout ByteBuffer) {
        frame.open(isFirst: isFirst, into: &buffer)
        isFirst = false
    }

    /// Opens a chunk for one part, after the calls before it that are complete.
    private mutating func openPart(of choice: Int, into buffer: inout ByteBuffer) {
        flushComplete(choice, into: &buffer)
        open(into: &buffer)
        buffer.append(literal: "{\"content\":{\"role\":\"model\",\"parts\":[")
    }

    private func closePart(of choice: Int, into buffer: inout ByteBuffer) {
        buffer.append(literal: "]},\"index\":")
        buffer.append(decimal: choice)
        buffer.append(ASCII.closeBrace)
        frame.close(nil, into: &buffer)
    }

    private mutating func appendSignature(
        of choice: Int, _ slice: Range<Int>, of data: Span<UInt8>, isRedacted: Bool, into buffer: inout ByteBuffer
    ) {
        openPart(of: choice, into: &buffer)
        GeminiPartText.appendSignature(data, slice, maker: maker, isRedacted: isRedacted, to: &buffer)
        closePart(of: choice, into: &buffer)
    }

    private mutating func appendLogprobs(
        of choice: Int, _ slice: Range<Int>, of data: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        var result = ByteBuffer()
        guard GeminiLogprobs.appendGoogle(data, slice, to: &result) else { return }
        open(into: &buffer)
        buffer.append(literal: "{\"logprobsResult\":")
        buffer.append(result.bytes)
        buffer.append(literal: ",\"index\":")
        buffer.append(decimal: choice)
        buffer.append(ASCII.closeBrace)
        frame.close(nil, into: &buffer)
    }

    private mutating func addSource(
        to choice: Int, url: Range<Int>, title: Range<Int>, of data: Span<UInt8>
    ) {
        guard let place = place(of: choice),
            choices[place].sources.count &+ url.count &+ title.count < Self.sourceLimit
        else { return }
        if !choices[place].sources.isEmpty { choices[place].sources.append(ASCII.comma) }
        GeminiPartText.appendSource(data, url: url, title: title, to: &choices[place].sources)
    }

    // MARK: Calls

    private mutating func begin(
        _ call: Int, of choice: Int, isCustom: Bool, id: Range<Int>, name: Range<Int>, of data: Span<UInt8>,
        into buffer: inout ByteBuffer
    ) {
        flushComplete(choice, into: &buffer)
        held.begin(choice: choice, number: call, isCustom: isCustom, id: id, name: name, of: data)
    }

    private mutating func flushComplete(_ choice: Int, into buffer: inout ByteBuffer) {
        guard !held.isEmpty else { return }
        var parts: [ByteBuffer] = []
        held.takeComplete(of: choice) { parts.append($0) }
        append(parts, of: choice, into: &buffer)
    }

    private mutating func flush(_ choice: Int, finish: FinishReason?, into buffer: inout ByteBuffer) {
        guard !held.isEmpty else { return }
        var parts: [ByteBuffer] = []
        let isCut = finish == .length || finish == .contextFull || finish == .contentFilter
        held.takeAll(of: choice, isCut: isCut) { parts.append($0) }
        append(parts, of: choice, into: &buffer)
    }

    private mutating func append(_ parts: [ByteBuffer], of choice: Int, into buffer: inout ByteBuffer) {
        for part in parts {
            open(into: &buffer)
            buffer.append(literal: "{\"content\":{\"role\":\"model\",\"parts\":[")
            buffer.append(part.bytes)
            closePart(of: choice, into: &buffer)
        }
    }
}
