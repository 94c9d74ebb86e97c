// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Folds the deltas of one answer into what it said, up to a bound of kept bytes.
///
/// Text is kept as it came, escaped, and unescaped only when read: folding costs a copy and no more.
package struct ChatAccumulator: Sendable {
    /// The choices that began, in the order they did.
    package private(set) var choices: [AccumulatedChoice] = []
    /// The last usage reported.
    package private(set) var usage: TokenUsage?
    /// What ended the answer, when that was a failure.
    package private(set) var failure: ChatFailure?
    /// Whether text was left out because the limit was reached.
    package private(set) var isTruncated = false
    /// Bytes of what was said and called that came so far, kept or not, as they stood in JSON.
    package private(set) var seenBytes = 0
    /// The bytes kept so far.
    package private(set) var byteCount = 0

    private let limit: Int
    /// What a choice or a call costs beside its text, so that empty ones are bounded too.
    private static let overhead = 64

    /// An accumulator that keeps at most `limit` bytes, one mebibyte unless told.
    package init(limit: Int = 1 << 20) {
        self.limit = limit
    }

    /// Takes all that an event adds; `data` is the event's own.
    package mutating func append(_ event: borrowing DecodedEvent, of data: Span<UInt8>) {
        if event.hasOwnText {
            for delta in event.deltas { append(delta, from: event.ownText.bytes) }
        } else {
            append(event.deltas, from: data)
        }
    }

    private mutating func append(_ deltas: [ChatDelta], from data: Span<UInt8>) {
        // Text alone is nearly every event.
        if deltas.count == 1, case .text(let index, let slice) = deltas[0] {
            return append(slice, of: data, to: .text, of: index)
        }
        for delta in deltas { append(delta, from: data) }
    }

    /// Takes a delta whose slices are ranges of `data`.
    package mutating func append(_ delta: ChatDelta, from data: Span<UInt8>) {
        switch delta {
        case .start(let index):
            _ = place(of: index)
        case .text(let index, let slice):
            append(slice, of: data, to: .text, of: index)
        case .refusal(let index, let slice):
            append(slice, of: data, to: .refusal, of: index)
        case .reasoning(let index, let slice):
            append(slice, of: data, to: .reasoning, of: index)
        case .reasoningSignature(let index, let slice):
            sign(slice, of: data, in: index)
        case .redactedReasoning(let index, let slice):
            begin(.redactedReasoning, of: index, slice, of: data)
        case .callSignature(let index, let slice):
            guard let place = place(of: index), let kept = keepWhole(slice) else { return }
            choices[place].pendingSignature.removeAll()
            choices[place].pendingSignature.append(data, kept)
        case .toolCall(let index, let call, let id, let name):
            guard reserve(id.count &+ name.count) else { return }
            beginCall(.toolCall(number: call, id: data.jsonText(id), name: data.jsonText(name)), of: index)
        case .customCall(let index, let call, let id, let name):
            guard reserve(id.count &+ name.count) else { return }
            beginCall(.customCall(number: call, id: data.jsonText(id), name: data.jsonText(name)), of: index)
        case .toolArguments(let index, let call, let slice):
            appendArguments(slice, of: data, to: call, of: index)
        case .citation(let index, let url, let title):
            guard reserve(url.count &+ title.count) else { return }
            begin(.citation(url: data.jsonText(url), title: data.jsonText(title)), of: index)
        case .image(let index, let mediaType, let base64):
            begin(.image(mediaType: data.jsonText(mediaType)), of: index, base64, of: data)
        case .logprobs(let index, let slice):
            guard !slice.isEmpty, let place = place(of: index), reserve(slice.count &+ 1) else { return }
            if !choices[place].logprobs.isEmpty { choices[place].logprobs.append(ASCII.comma) }
            choices[place].logprobs.append(data, slice)
        case .finish(let index, let reason):
            if let place = place(of: index) { choices[place].finish = reason }
        case .usage(let latest):
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        case .failure(let reported):
            failure = reported
        case .end:
            break
        }
    }

    /// The same answer, with what passes another limit left out; what was folded is looked at by choice, not cut.
    package func limited(to limit: Int) -> ChatAccumulator {
        guard byteCount > limit else { return self }
        var cut = ChatAccumulator(limit: limit)
        cut.usage = usage
        cut.failure = failure
        cut.seenBytes = seenBytes
        for choice in choices {
            var kept = AccumulatedChoice(index: choice.index)
            kept.finish = choice.finish
            for part in choice.parts {
                guard cut.reserve(Self.overhead &+ part.escaped.count &+ part.escapedSignature.count) else { break }
                kept.parts.append(part)
            }
            cut.choices.append(kept)
        }
        return cut
    }

    /// The text of the first choice, for one who looks at nothing else.
    package var text: String { choices.first?.text ?? "" }

    private mutating func place(of index: Int) -> Int? {
        if let place = choices.firstIndex(where: { $0.index == index }) { return place }
        guard reserve(Self.overhead) else { return nil }
        choices.append(AccumulatedChoice(index: index))
        return choices.count &- 1
    }

    /// Whether that many bytes more are allowed, which then count; after the first refusal none are.
    private mutating func reserve(_ count: Int) -> Bool {
        guard !isTruncated, count <= limit &- byteCount else {
            isTruncated = true
            return false
        }
        byteCount &+= count
        return true
    }

    private mutating func append(
        _ slice: Range<Int>, of data: Span<UInt8>, to kind: AccumulatedPart.Kind, of index: Int
    ) {
        seenBytes &+= slice.count
        guard let place = place(of: index), !isTruncated else { return }
        if !choices[place].goesOn(kind) {
            guard reserve(Self.overhead) else { return }
            choices[place].parts.append(AccumulatedPart(kind: kind))
        }
        guard let kept = keep(slice, of: data) else { return }
        choices[place].parts[choices[place].parts.count &- 1].escaped.append(data, kept)
    }

    private mutating func begin(_ kind: AccumulatedPart.Kind, of index: Int) {
        guard let place = place(of: index), reserve(Self.overhead) else { return }
        choices[place].parts.append(AccumulatedPart(kind: kind))
    }

    /// Begins a part that comes whole.
    private mutating func begin(
        _ kind: AccumulatedPart.Kind, of index: Int, _ slice: Range<Int>, of data: Span<UInt8>
    ) {
        guard let place = place(of: index), reserve(Self.overhead) else { return }
        var part = AccumulatedPart(kind: kind)
        guard let kept = keepWhole(slice) else { return }
        part.escaped.append(data, kept)
        choices[place].parts.append(part)
    }

    private mutating func beginCall(_ kind: AccumulatedPart.Kind, of index: Int) {
        guard let place = place(of: index), reserve(Self.overhead) else { return }
        var part = AccumulatedPart(kind: kind)
        swap(&part.escapedSignature, &choices[place].pendingSignature)
        choices[place].parts.append(part)
    }

    /// Signs the reasoning that came last; without any, an empty one stands for it.
    private mutating func sign(_ slice: Range<Int>, of data: Span<UInt8>, in index: Int) {
        guard let place = place(of: index), let kept = keepWhole(slice) else { return }
        if choices[place].parts.last?.kind != .reasoning {
            guard reserve(Self.overhead) else { return }
            choices[place].parts.append(AccumulatedPart(kind: .reasoning))
        }
        let last = choices[place].parts.count &- 1
        choices[place].parts[last].escapedSignature.removeAll()
        choices[place].parts[last].escapedSignature.append(data, kept)
    }

    private mutating func appendArguments(
        _ slice: Range<Int>, of data: Span<UInt8>, to call: Int, of index: Int
    ) {
        seenBytes &+= slice.count
        guard let place = place(of: index),
            let found = choices[place].parts.lastIndex(where: { $0.callNumber == call }),
            let kept = keep(slice, of: data)
        else { return }
        choices[place].parts[found].escaped.append(data, kept)
    }

    /// A slice that means nothing when cut: all of it, or nothing.
    private mutating func keepWhole(_ slice: Range<Int>) -> Range<Int>? {
        reserve(slice.count) ? slice : nil
    }

    /// The part of a slice that the limit allows, cut between two characters or escapes.
    private mutating func keep(_ slice: Range<Int>, of data: Span<UInt8>) -> Range<Int>? {
        guard !isTruncated else { return nil }
        let room = limit &- byteCount
        guard slice.count > room else {
            byteCount &+= slice.count
            return slice
        }
        isTruncated = true
        let end = slice.lowerBound &+ room
        var cut = slice.lowerBound
        while cut < end {
            var next = cut &+ 1
            if data[cut] == ASCII.backslash {
                next = cut &+ (next < slice.upperBound && data[next] == UInt8(ascii: "u") ? 6 : 2)
            } else {
                next = cut &+ max(1, data.lengthOfUTF8Sequence(at: cut))
            }
            guard next <= end else { break }
            cut = next
        }
        byteCount &+= cut &- slice.lowerBound
        return slice.lowerBound..<cut
    }
}
