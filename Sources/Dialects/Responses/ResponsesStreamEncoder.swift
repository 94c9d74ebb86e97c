// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Writes the events of a response from deltas, for an upstream that speaks another dialect.
///
/// Items follow each other: whatever comes while a call's arguments are not whole waits for them.
package struct ResponsesStreamEncoder: StreamEncoder {
    private let skeleton: ResponsesSkeleton
    private let maker: String
    /// The names of the tools that the client declared, by what they take.
    private let customNames: [String]
    private let functionNames: [String]

    private var items: ResponsesItemStream
    private var queue = ResponsesQueue()
    /// The carrier of the signature of the call that comes next.
    private var callSignature = ByteBuffer()
    private var finish: FinishReason?
    private var usage: TokenUsage?
    private var hasBegun = false
    private var isEnded = false

    /// An encoder for one answer, whose ids are made of the context's seed.
    package init(_ context: AnswerContext) {
        skeleton = ResponsesSkeleton(context)
        maker = context.maker
        customNames = context.chat.customToolNames
        functionNames = context.chat.tools.compactMap { tool in
            if case .function = tool.kind { tool.name } else { nil }
        }
        items = ResponsesItemStream(seed: context.seed)
    }

    package mutating func encode(_ event: borrowing DecodedEvent, of text: Span<UInt8>, into buffer: inout ByteBuffer) {
        guard !isEnded, !event.isAfterEnd else { return }
        var logprobs = 0..<0
        if event.deltas.count > 1 {
            for case .logprobs(0, let slice) in event.deltas { logprobs = slice }
        }
        for delta in event.deltas {
            encode(delta, of: text, logprobs: logprobs, into: &buffer)
            // They go with the first text of the event.
            if case .text = delta { logprobs = 0..<0 }
        }
        if isOverfull { fail(Self.overfull, requestID: "", into: &buffer) }
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        begin(into: &buffer)
        let state = end(into: &buffer)
        if case .failed(let failure) = state {
            appendFailure(failure, requestID: "", into: &buffer)
        } else {
            appendResponse(state.eventName, state, into: &buffer)
        }
    }

    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        begin(into: &buffer)
        appendFailure(failure, requestID: requestID, into: &buffer)
    }

    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        buffer.append(ASCII.lineFeed)
    }

    /// Ends the answer and appends it whole, as the body of a response, instead of events.
    mutating func finishWhole(into buffer: inout ByteBuffer) {
        var events = ByteBuffer()
        let state = end(into: &events)
        skeleton.append(state, output: items.output.bytes, usage: usage, to: &buffer)
    }

    /// Takes one delta, whose slices are ranges of `data`.
    mutating func encode(
        _ delta: ChatDelta, of data: Span<UInt8>, logprobs: Range<Int> = 0..<0, into buffer: inout ByteBuffer
    ) {
        switch delta {
        case .start(0): begin(into: &buffer)
        case .text(0, let slice):
            guard !slice.isEmpty, !isHeld(.text, slice, of: data, into: &buffer) else { return }
            items.add(slice, of: data, isRefusal: false, logprobs: logprobs, into: &buffer)
        case .refusal(0, let slice):
            guard !slice.isEmpty, !isHeld(.refusal, slice, of: data, into: &buffer) else { return }
            items.add(slice, of: data, isRefusal: true, into: &buffer)
        case .reasoning(0, let slice):
            guard !slice.isEmpty, !isHeld(.reasoning, slice, of: data, into: &buffer) else { return }
            items.addReasoning(slice, of: data, into: &buffer)
        case .reasoningSignature(0, let slice):
            let carrier = carrier(slice, of: data, suffix: "")
            guard !isHeld(.signature, 0..<carrier.count, of: carrier.bytes, into: &buffer) else { return }
            items.sign(carrier, isWhole: false, into: &buffer)
        case .redactedReasoning(0, let slice):
            let carrier = carrier(slice, of: data, suffix: ResponsesItemReader.redactedSuffix)
            guard !isHeld(.redacted, 0..<carrier.count, of: carrier.bytes, into: &buffer) else { return }
            items.sign(carrier, isWhole: true, into: &buffer)
        case .callSignature(0, let slice):
            callSignature = carrier(slice, of: data, suffix: ResponsesItemReader.callSuffix)
        case .toolCall(0, let call, let id, let name):
            beginCall(.call(number: call, isCustom: false), id, name, of: data, into: &buffer)
        case .customCall(0, let call, let id, let name):
            beginCall(.call(number: call, isCustom: true), id, name, of: data, into: &buffer)
        case .toolArguments(0, let call, let slice):
            addInput(slice, of: data, to: call, into: &buffer)
        case .citation(0, let url, let title):
            guard !isHeld(.citation, url, title, of: data, into: &buffer) else { return }
            items.cite(url, title, of: data, into: &buffer)
        case .image(0, let mediaType, let base64):
            guard !isHeld(.image, mediaType, base64, of: data, into: &buffer) else { return }
            items.addImage(mediaType, base64, of: data, into: &buffer)
        case .finish(0, let reason):
            finish = reason
        case .usage(let latest):
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        // A response has one choice, and log probabilities went with their text.
        default: break
        }
    }

    // MARK: The response

    private mutating func begin(into buffer: inout ByteBuffer) {
        guard !hasBegun else { return }
        hasBegun = true
        appendResponse("response.created", .inProgress, into: &buffer)
        appendResponse("response.in_progress", .inProgress, into: &buffer)
    }

    /// Ends what is open, and tells how the answer ended.
    private mutating func end(into buffer: inout ByteBuffer) -> ResponsesState {
        if case .refusal(let explanation?) = finish, !items.hasRefusal {
            let text = explanation.escapedText
            encode(.refusal(choice: 0, 0..<text.count), of: text.bytes, into: &buffer)
        }
        let isCut = finish == .length || finish == .contextFull || finish == .contentFilter
        items.isCut = isCut
        drain(isLast: true, into: &buffer)
        items.close(isIncomplete: isCut, into: &buffer)
        guard !isOverfull else { return .failed(Self.overfull) }
        return ResponsesState(finish, hasRefusal: items.hasRefusal)
    }

    private mutating func appendResponse(_ type: StaticString, _ state: ResponsesState, into buffer: inout ByteBuffer) {
        items.beginEvent(type, into: &buffer)
        buffer.append(literal: ",\"response\":")
        skeleton.append(state, output: items.output.bytes, usage: usage, to: &buffer)
        items.endEvent(into: &buffer)
    }

    private mutating func appendFailure(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        ResponsesFailure.appendError(failure, requestID: requestID, sequence: items.sequence, to: &buffer)
        items.skipEvent()
        appendResponse("response.failed", .failed(failure), into: &buffer)
    }

    /// A signature in the form in which the client keeps it: bare when it is of the dialect's own vendor.
    private func carrier(_ slice: Range<Int>, of data: Span<UInt8>, suffix: String) -> ByteBuffer {
        var carrier = ByteBuffer()
        if maker != ResponsesSignature.vendor || suffix == ResponsesItemReader.callSuffix {
            carrier.append(OpaqueSignature.carrierPrefix(maker: maker + suffix))
        }
        carrier.append(data, slice)
        return carrier
    }

    // MARK: Calls, and what waits for them

    /// Whether something had to be left out, so that the answer must not end as if it were whole.
    private var isOverfull: Bool { queue.isOverfull || items.isOverfull }

    private static var overfull: ChatFailure {
        ChatFailure(status: 502, message: "The upstream's answer is too large to be told item after item.")
    }

    private mutating func beginCall(
        _ kind: ResponsesHeld.Kind, _ id: Range<Int>, _ name: Range<Int>, of data: Span<UInt8>,
        into buffer: inout ByteBuffer
    ) {
        begin(into: &buffer)
        var call = ResponsesHeld(kind)
        call.second.append(data, id)
        call.name.append(data, name)
        swap(&call.signature, &callSignature)
        drain(into: &buffer)
        if canWrite { write(call, into: &buffer) } else { queue.append(call) }
    }

    private mutating func addInput(_ slice: Range<Int>, of data: Span<UInt8>, to call: Int, into buffer: inout ByteBuffer) {
        if items.callNumber == call {
            items.addInput(slice, of: data, into: &buffer)
            return
        }
        queue.append(slice, of: data, toCall: call)
        drain(into: &buffer)
    }

    /// Whether a new item may begin now.
    private var canWrite: Bool {
        mutating get { queue.isEmpty && (items.open != .call || items.isCallWhole) }
    }

    /// Keeps a piece when it has to wait.
    private mutating func isHeld(
        _ kind: ResponsesHeld.Kind, _ slice: Range<Int>, _ second: Range<Int> = 0..<0, of data: Span<UInt8>,
        into buffer: inout ByteBuffer
    ) -> Bool {
        begin(into: &buffer)
        guard items.open == .call || !queue.isEmpty else { return false }
        drain(into: &buffer)
        guard !canWrite else { return false }
        queue.append(kind, slice, second, of: data)
        return true
    }

    /// Writes what waits, as far as calls are whole, or at the end all of it.
    private mutating func drain(isLast: Bool = false, into buffer: inout ByteBuffer) {
        while !queue.isEmpty, isLast || items.open != .call || items.isCallWhole, let piece = queue.popFirst() {
            write(piece, into: &buffer)
        }
    }

    private mutating func write(_ piece: ResponsesHeld, into buffer: inout ByteBuffer) {
        let text = 0..<piece.text.count
        switch piece.kind {
        case .text: items.add(text, of: piece.text.bytes, isRefusal: false, into: &buffer)
        case .refusal: items.add(text, of: piece.text.bytes, isRefusal: true, into: &buffer)
        case .reasoning: items.addReasoning(text, of: piece.text.bytes, into: &buffer)
        case .signature: items.sign(piece.text, isWhole: false, into: &buffer)
        case .redacted: items.sign(piece.text, isWhole: true, into: &buffer)
        case .citation, .image:
            var both = piece.text
            both.append(piece.second.bytes)
            if piece.kind == .citation {
                items.cite(text, text.upperBound..<both.count, of: both.bytes, into: &buffer)
            } else {
                items.addImage(text, text.upperBound..<both.count, of: both.bytes, into: &buffer)
            }
        case .call(let number, let isCustom):
            if !piece.signature.isEmpty { items.sign(piece.signature, isWhole: true, into: &buffer) }
            let form = form(of: piece.name.bytes.jsonText(0..<piece.name.count), isCustom: isCustom)
            items.beginCall(number, id: piece.second, name: piece.name, form: form, into: &buffer)
            items.addInput(text, of: piece.text.bytes, into: &buffer)
        }
    }

    /// What a call is to the client, who declared the tool.
    private func form(of name: String, isCustom: Bool) -> ResponsesItemStream.CallForm {
        if customNames.contains(name) { return isCustom ? .custom : .wrapped }
        return isCustom ? functionNames.contains(name) ? .unwrapped : .custom : .function
    }
}

extension String {
    /// The text as the inside of a JSON string.
    fileprivate var escapedText: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.appendEscaped(utf8.span)
        return buffer
    }
}
