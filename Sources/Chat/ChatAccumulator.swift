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
    /// The bytes kept so far.
    package private(set) var byteCount = 0

    private let limit: Int
    /// What a choice or a call costs beside its text, so that empty ones are bounded too.
    private static let overhead = 64

    /// An accumulator that keeps at most `limit` bytes, one mebibyte unless told.
    package init(limit: Int = 1 << 20) {
        self.limit = limit
    }

    /// Takes the deltas of an event, whose slices are ranges of `data`.
    package mutating func append(_ deltas: [ChatDelta], from data: Span<UInt8>) {
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
        case .toolCall(let index, let call, let id, let name):
            begin(call, of: index, id: id, name: name, in: data)
        case .toolArguments(let index, let call, let slice):
            appendArguments(slice, of: data, to: call, of: index)
        case .finish(let index, let reason):
            if let place = place(of: index) { choices[place].finish = reason }
        case .usage(let latest):
            usage = latest
        case .failure(let reported):
            failure = reported
        case .end:
            break
        }
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
        _ slice: Range<Int>, of data: Span<UInt8>,
        to kind: AccumulatedChoice.TextKind, of index: Int
    ) {
        guard let place = place(of: index), let kept = keep(slice, of: data) else { return }
        choices[place].append(data, kept, to: kind)
    }

    private mutating func begin(
        _ call: Int, of index: Int, id: Range<Int>, name: Range<Int>, in data: Span<UInt8>
    ) {
        guard let place = place(of: index), reserve(Self.overhead &+ id.count &+ name.count) else { return }
        choices[place].toolCalls.append(
            AccumulatedToolCall(number: call, id: data.jsonText(id), name: data.jsonText(name)))
    }

    private mutating func appendArguments(
        _ slice: Range<Int>, of data: Span<UInt8>, to call: Int, of index: Int
    ) {
        guard let place = place(of: index),
            let found = choices[place].toolCalls.lastIndex(where: { $0.number == call }),
            let kept = keep(slice, of: data)
        else { return }
        choices[place].toolCalls[found].escapedArguments.append(data, kept)
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
