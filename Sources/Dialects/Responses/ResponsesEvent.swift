// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// One event of a stream, read for its syntax alone: where in its data the members are that matter.
///
/// It is judged only when it proved to be JSON to its last byte, so that half an event changes nothing.
struct ResponsesEvent {
    /// What the event says that it is; `nil` when it does not.
    private(set) var type: JSONToken?
    private(set) var outputIndex: Int?
    /// The number of the part within its item, of content or of a summary.
    private(set) var partIndex = 0
    /// The inside of the piece that it adds.
    private(set) var delta: Range<Int>?
    /// The inside of the whole text, refusal, arguments or input.
    private(set) var whole: Range<Int>?
    /// The elements of the log probabilities; empty for none.
    private(set) var logprobs = 0..<0
    /// Values that are objects.
    private(set) var item: Range<Int>?
    private(set) var part: Range<Int>?
    private(set) var annotation: Range<Int>?
    private(set) var response: Range<Int>?
    /// An error that is not `null`, whatever its type.
    private(set) var error: Range<Int>?

    /// Reads the data of an event; pieces may be cut between the halves of a surrogate pair.
    init(_ data: Span<UInt8>) throws(JSONError) {
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let first = try tokenizer.next(in: data)
        guard first.kind == .beginObject else { throw JSONError(.unexpectedByte, at: first.range.lowerBound) }
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            let range = try tokenizer.skip(value, in: data)
            take(key, value, range, in: data)
        }
        _ = try tokenizer.next(in: data)
    }

    private mutating func take(_ key: JSONToken, _ value: JSONToken, _ range: Range<Int>, in data: Span<UInt8>) {
        switch value.kind {
        case .string:
            if key.equals("delta", in: data) {
                delta = value.range
            } else if key.equals("type", in: data) {
                type = value
            } else if key.equals("text", in: data) || key.equals("refusal", in: data)
                || key.equals("arguments", in: data) || key.equals("input", in: data)
            {
                whole = value.range
            } else if key.equals("error", in: data), !value.range.isEmpty {
                error = range
            }
        case .number:
            if key.equals("output_index", in: data) {
                outputIndex = value.integer(in: data)
            } else if key.equals("content_index", in: data) || key.equals("summary_index", in: data) {
                partIndex = value.integer(in: data) ?? 0
            }
        case .beginObject:
            if key.equals("item", in: data) {
                item = range
            } else if key.equals("response", in: data) {
                response = range
            } else if key.equals("part", in: data) {
                part = range
            } else if key.equals("annotation", in: data) {
                annotation = range
            } else if key.equals("error", in: data) {
                error = range
            }
        case .beginArray:
            if key.equals("logprobs", in: data) { logprobs = data.insideOfArray(range) }
        default:
            break
        }
    }
}

extension Span<UInt8> {
    /// The range of an array's elements: without the brackets and the whitespace next to them.
    func insideOfArray(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound &+ 1
        var end = range.upperBound &- 1
        while start < end, self[start] <= ASCII.space { start &+= 1 }
        while end > start, self[end &- 1] <= ASCII.space { end &-= 1 }
        return start..<max(start, end)
    }

    /// The objects in the array at `range`, which has been checked, with their places among its elements.
    func objects(in range: Range<Int>?) -> [(index: Int, range: Range<Int>)] {
        guard let range else { return [] }
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let array = extracting(range)
        guard let first = try? tokenizer.next(in: array), first.kind == .beginArray else { return [] }
        var found: [(index: Int, range: Range<Int>)] = []
        var index = 0
        while let token = try? tokenizer.next(in: array), token.kind != .endArray {
            guard let element = try? tokenizer.skip(token, in: array) else { break }
            if token.kind == .beginObject {
                found.append((index, range.lowerBound &+ element.lowerBound..<range.lowerBound &+ element.upperBound))
            }
            index &+= 1
        }
        return found
    }

    /// The length of the inside of a JSON string in units of UTF-16, half a surrogate pair counting as one.
    ///
    /// The same text has the same length however it is escaped and cut.
    func lengthInUTF16(_ range: Range<Int>) -> Int {
        var length = 0
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = self[index]
            index &+= unitWidth(of: byte, at: index, end: range.upperBound)
            length &+= byte >= 0xF0 ? 2 : 1
        }
        return length
    }

    /// The part of the inside of a JSON string behind its first `length` units of UTF-16.
    func dropFirst(inUTF16 length: Int, of range: Range<Int>) -> Range<Int> {
        var dropped = 0
        var index = range.lowerBound
        while index < range.upperBound, dropped < length {
            let byte = self[index]
            index &+= unitWidth(of: byte, at: index, end: range.upperBound)
            dropped &+= byte >= 0xF0 ? 2 : 1
        }
        return min(index, range.upperBound)..<range.upperBound
    }

    /// How many bytes the character or escape at `index` takes.
    private func unitWidth(of byte: UInt8, at index: Int, end: Int) -> Int {
        switch byte {
        case ASCII.backslash: index &+ 1 < end && self[index &+ 1] == UInt8(ascii: "u") ? 6 : 2
        case 0xC0..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0...: 4
        default: 1
        }
    }
}
