// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// The last chunk that only added text, to know the next one by.
///
/// The chunks of a stream mostly differ in nothing but their text, and perhaps in a padding. A chunk whose
/// other bytes are all the same as those of one that was read means the same with its own text; to compare
/// is several times faster than to read. Any other chunk is read.
struct OpenAIChunkTemplate: Sendable {
    /// Larger chunks are not worth keeping.
    private static let limit = 4096

    private var sample = ByteBuffer()
    private var isOneLine = false
    /// The places in the sample that may differ: the insides of two strings.
    private var text: Range<Int>?
    private var padding: Range<Int>?
    private var modelRange: Range<Int>?
    private var usageMember: Range<Int>?
    private var choice = 0
    private var isReasoning = false

    /// Keeps a chunk that was read, when it can serve.
    mutating func learn(_ chunk: OpenAIChatChunk, meaning event: DecodedEvent, from data: Span<UInt8>) {
        text = nil
        guard event.deltas.count == 1, chunk.usage == nil, event.repeatedFinishes.isEmpty,
            data.count <= Self.limit
        else { return }
        switch event.deltas[0] {
        case .text(let index, let slice): (text, choice, isReasoning) = (slice, index, false)
        case .reasoning(let index, let slice): (text, choice, isReasoning) = (slice, index, true)
        default: return
        }
        padding = chunk.padding
        modelRange = chunk.modelRange
        usageMember = chunk.usageMember
        guard let text, isOrdered(around: text) else {
            self.text = nil
            return
        }
        sample.removeAll()
        sample.append(data)
        isOneLine = data.firstLineEnd(from: 0) == data.count
    }

    /// Reads a chunk that is like the sample over what `event` was; `false`, and nothing done, when it is not.
    func read(_ data: Span<UInt8>, into event: inout DecodedEvent) -> Bool {
        guard let text, isSame(data, at: 0, as: 0..<text.lowerBound),
            let slice = stringInside(data, from: text.lowerBound), !slice.isEmpty
        else { return false }
        let tail = text.upperBound..<(padding?.lowerBound ?? sample.count)
        guard isSame(data, at: slice.upperBound, as: tail) else { return false }
        var end = slice.upperBound &+ tail.count
        if let padding {
            guard let found = stringInside(data, from: end) else { return false }
            let tail = padding.upperBound..<sample.count
            guard isSame(data, at: found.upperBound, as: tail) else { return false }
            end = found.upperBound &+ tail.count
        }
        guard end == data.count else { return false }
        event.become(isReasoning ? .reasoning(choice: choice, slice) : .text(choice: choice, slice))
        // What differs from the sample is the inside of strings, which holds no line end.
        event.isOneLine = isOneLine
        event.modelRange = modelRange
        event.usageMember = usageMember.map { member in
            let shift = member.lowerBound >= text.upperBound ? slice.upperBound &- text.upperBound : 0
            return member.lowerBound &+ shift..<member.upperBound &+ shift
        }
        return true
    }

    /// Whether the places keep the order that reading relies on: model, text, padding; usage not behind it.
    private func isOrdered(around text: Range<Int>) -> Bool {
        if let modelRange, modelRange.upperBound > text.lowerBound { return false }
        if let padding, padding.lowerBound < text.upperBound { return false }
        guard let usageMember else { return true }
        return usageMember.upperBound <= text.lowerBound
            || usageMember.lowerBound >= text.upperBound
                && usageMember.upperBound <= (padding?.lowerBound ?? .max)
    }

    private func isSame(_ data: Span<UInt8>, at start: Int, as range: Range<Int>) -> Bool {
        guard range.count <= data.count &- start else { return false }
        return data.equals(start..<start &+ range.count, sample.bytes.extracting(range))
    }

    /// The inside of the string whose quote, already compared, stands before `start`.
    private func stringInside(_ data: Span<UInt8>, from start: Int) -> Range<Int>? {
        guard start > 0 else { return nil }
        // Most text needs no more than the search for its quote.
        let stop = data.firstStringStop(from: start)
        guard stop < data.count else { return nil }
        if data[stop] == ASCII.quote { return start..<stop }
        let quote = start &- 1
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        guard let token = try? tokenizer.next(in: data.extracting(quote..<data.count)), token.kind == .string
        else { return nil }
        return quote &+ token.range.lowerBound..<quote &+ token.range.upperBound
    }
}
