// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// What a stream has said of its choices so far, and what a chunk adds to that.
struct GeminiChoiceStates: Sendable {
    private struct Choice {
        let index: Int
        var isFinished = false
        var callCount = 0
        /// Whether the last thing said was reasoning without a signature.
        var isThinking = false
        /// A call whose arguments come in pieces.
        var partial: GeminiPartialCall?
    }

    /// No honest stream comes near; what a stream makes us remember has an end.
    private static let limit = 4096
    /// The most bytes of arguments that come in pieces.
    private static let argumentLimit = 32 << 20

    private var choices: [Choice] = []
    /// The sources told so far; some upstreams repeat them with every chunk.
    private var sources: Set<String> = []
    /// Whether a call had more pieces than can be put together.
    private(set) var isOverfull = false

    /// Whether no choice has begun.
    var isEmpty: Bool { choices.isEmpty }

    /// Whether every choice that began has ended.
    var areFinished: Bool { choices.allSatisfy(\.isFinished) }

    /// Whether the limits allow what a chunk may add.
    func canTake(_ chunk: GeminiChunk, of size: Int) -> Bool {
        let kept = choices.reduce(0) { $0 &+ ($1.partial?.byteCount ?? 0) }
        let isLarge = chunk.needsOwnText && kept > 0 && size > Self.argumentLimit &- kept
        guard choices.count &+ chunk.fragments.count <= Self.limit else {
            return !isLarge && chunk.fragments.allSatisfy { place(of: $0.choice) != nil }
        }
        return !isLarge
    }

    /// Takes a chunk over as deltas.
    mutating func apply(_ chunk: GeminiChunk, of data: Span<UInt8>, to event: inout DecodedEvent) {
        event.hasOwnText = chunk.needsOwnText || chunk.hasFinish && choices.contains { $0.partial != nil }
        for fragment in chunk.fragments {
            let place = begin(fragment.choice, event: &event)
            apply(fragment.content, to: place, of: data, in: chunk, event: &event)
        }
        if chunk.isBlocked, chunk.fragments.isEmpty {
            let place = begin(0, event: &event)
            guard !choices[place].isFinished else { return }
            choices[place].isFinished = true
            event.deltas.append(.finish(choice: 0, .contentFilter))
        }
    }

    private mutating func apply(
        _ content: GeminiChunk.Fragment.Content, to place: Int, of data: Span<UInt8>, in chunk: GeminiChunk,
        event: inout DecodedEvent
    ) {
        let index = choices[place].index
        switch content {
        case .begin:
            break
        case .text(let text, let isThought, let signature):
            addText(text, isThought: isThought, signature: signature, to: place, of: data, event: &event)
        case .call(let call):
            add(call, to: place, of: data, responseID: chunk.responseID, event: &event)
        case .image(let mediaType, let base64):
            choices[place].isThinking = false
            event.deltas.append(
                .image(
                    choice: index, mediaType: keep(mediaType, of: data, in: &event),
                    base64: keep(base64, of: data, in: &event)))
        case .citation(let url, let title):
            guard sources.count < Self.limit, sources.insert(data.jsonText(url)).inserted else { return }
            event.deltas.append(
                .citation(
                    choice: index, url: keep(url, of: data, in: &event), title: keep(title, of: data, in: &event)))
        case .logprobs(let range):
            let start = event.ownText.count
            GeminiLogprobs.appendOpenAI(data, range, to: &event.ownText)
            guard event.ownText.count > start else { return }
            event.deltas.append(.logprobs(choice: index, start..<event.ownText.count))
        case .finish(let token):
            guard !choices[place].isFinished else {
                event.repeatedFinishes.append(token.range.lowerBound &- 1..<token.range.upperBound &+ 1)
                return
            }
            let plain = FinishReason(google: token, in: data, hasCalls: false)
            let isCutCall = choices[place].partial != nil && (plain == .length || plain == .contentFilter)
            endPartial(of: place, isCut: isCutCall, in: &event, seed: seed(chunk.responseID, data))
            choices[place].isFinished = true
            let hasCalls = choices[place].callCount > 0 && !isCutCall
            let reason = FinishReason(google: token, in: data, hasCalls: hasCalls)
            event.deltas.append(.finish(choice: index, reason))
        }
    }

    private func place(of index: Int) -> Int? {
        choices.firstIndex { $0.index == index }
    }

    /// The place of a choice, which begins if it has not.
    private mutating func begin(_ index: Int, event: inout DecodedEvent) -> Int {
        if let place = place(of: index) { return place }
        choices.append(Choice(index: index))
        event.deltas.append(.start(choice: index))
        return choices.count &- 1
    }

    /// A slice of the event's text that says the same as a range of its data.
    private func keep(_ range: Range<Int>, of data: Span<UInt8>, in event: inout DecodedEvent) -> Range<Int> {
        guard event.hasOwnText else { return range }
        let start = event.ownText.count
        event.ownText.append(data, range)
        return start..<event.ownText.count
    }

    // MARK: Text

    private mutating func addText(
        _ text: Range<Int>, isThought: Bool, signature: Range<Int>, to place: Int, of data: Span<UInt8>,
        event: inout DecodedEvent
    ) {
        let index = choices[place].index
        // Beside text of the answer a signature is that of the reasoning before it, which it ends; else it comes after.
        let isBefore = !signature.isEmpty && !isThought && choices[place].isThinking
        if isBefore { event.deltas.append(.reasoningSignature(choice: index, keep(signature, of: data, in: &event))) }
        if !text.isEmpty {
            let slice = keep(text, of: data, in: &event)
            event.deltas.append(isThought ? .reasoning(choice: index, slice) : .text(choice: index, slice))
            choices[place].isThinking = isThought
        }
        guard !signature.isEmpty else { return }
        choices[place].isThinking = false
        guard !isBefore else { return }
        event.deltas.append(.reasoningSignature(choice: index, keep(signature, of: data, in: &event)))
    }

    // MARK: Calls

    private mutating func add(
        _ call: GeminiChunk.Call, to place: Int, of data: Span<UInt8>, responseID: Range<Int>?,
        event: inout DecodedEvent
    ) {
        choices[place].isThinking = false
        let seed = seed(responseID, data)
        if !call.name.isEmpty {
            endPartial(of: place, in: &event, seed: seed)
            guard call.continues || call.pieces != nil else {
                addWhole(call, to: place, of: data, seed: seed, event: &event)
                return
            }
            var partial = GeminiPartialCall()
            partial.id.append(data, call.id)
            partial.name.append(data, call.name)
            choices[place].partial = partial
        }
        if let pieces = call.pieces { choices[place].partial?.append(pieces, of: data) }
        if choices[place].partial?.isOverfull == true { isOverfull = true }
        if !call.signature.isEmpty, choices[place].partial?.signature.isEmpty == true {
            choices[place].partial?.signature.append(data, call.signature)
        }
        if !call.continues { endPartial(of: place, in: &event, seed: seed) }
    }

    private mutating func addWhole(
        _ call: GeminiChunk.Call, to place: Int, of data: Span<UInt8>, seed: String, event: inout DecodedEvent
    ) {
        let signature = keep(call.signature, of: data, in: &event)
        let name = keep(call.name, of: data, in: &event)
        let id = keep(call.id, of: data, in: &event)
        let start = event.ownText.count
        if let arguments = call.arguments {
            if call.isText {
                event.ownText.append(data, arguments)
            } else {
                event.ownText.appendEscaped(data.extracting(arguments))
            }
        } else {
            event.ownText.append(literal: "{}")
        }
        append(
            to: place, id: id, name: name, signature: signature, arguments: start..<event.ownText.count, seed: seed,
            event: &event)
    }

    /// Puts together what came in pieces, if there is such a call.
    private mutating func endPartial(
        of place: Int, isCut: Bool = false, in event: inout DecodedEvent, seed: String
    ) {
        guard let partial = choices[place].partial else { return }
        choices[place].partial = nil
        func keep(_ part: ByteBuffer) -> Range<Int> {
            let start = event.ownText.count
            event.ownText.append(part.bytes)
            return start..<event.ownText.count
        }
        let signature = keep(partial.signature)
        let name = keep(partial.name)
        let id = keep(partial.id)
        var text = ByteBuffer()
        if !partial.write(isCut: isCut, into: &text) { isOverfull = true }
        let start = event.ownText.count
        event.ownText.appendEscaped(text.bytes)
        append(
            to: place, id: id, name: name, signature: signature, arguments: start..<event.ownText.count, seed: seed,
            event: &event)
    }

    private mutating func append(
        to place: Int, id: Range<Int>, name: Range<Int>, signature: Range<Int>, arguments: Range<Int>, seed: String,
        event: inout DecodedEvent
    ) {
        // Nobody could be called.
        guard !name.isEmpty else { return }
        let index = choices[place].index
        let number = choices[place].callCount
        choices[place].callCount &+= 1
        var id = id
        // Where the answer has no id of its own, who writes it for a client has one to make the calls' ids of.
        if id.isEmpty, !seed.isEmpty {
            let start = event.ownText.count
            event.ownText.append(GeminiCallID.make("\(seed)/\(index)/\(number)"))
            id = start..<event.ownText.count
        }
        if !signature.isEmpty { event.deltas.append(.callSignature(choice: index, signature)) }
        event.deltas.append(.toolCall(choice: index, call: number, id: id, name: name))
        if !arguments.isEmpty { event.deltas.append(.toolArguments(choice: index, call: number, arguments)) }
    }

    /// What tells the calls of this answer from those of another, since ids must not be the same in two turns; empty for nothing.
    private func seed(_ responseID: Range<Int>?, _ data: Span<UInt8>) -> String {
        data.jsonText(responseID ?? 0..<0)
    }
}

/// Ids for calls that Google gave none.
enum GeminiCallID {
    /// Tells them from Google's own, so that they are not sent back to it.
    private static let prefix = "gcall_"

    /// The id for a call that `text` tells from all others.
    static func make(_ text: String) -> String { prefix + CallID.hash(text, length: 24) }

    /// Whether an id is one that Google gave none for.
    static func isMade(_ id: String) -> Bool { id.hasPrefix(prefix) && id.utf8.count == 30 }
}
