// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A JSON value held whole: for requests, settings and answers, not for the chunks of a stream.
package indirect enum JSONValue: Sendable, Equatable {
    /// One member of an object.
    package struct Member: Sendable, Equatable {
        /// The name, unescaped.
        package var key: String
        /// The value.
        package var value: JSONValue

        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Members in the order they came, names that occur twice included.
    case object([Member])
    case array([JSONValue])
    case string(String)
    /// A number as it is written, so that no digit is lost; equal when written alike.
    case number(String)
    case bool(Bool)
    case null

    /// The most values that a text holds unless its reader says otherwise.
    ///
    /// As a tree they take a hundred bytes each, where two in the text can be one.
    package static let valueLimit = 500_000

    /// Reads a whole text strictly (RFC 8259) of at most `valueLimit` values, of which `tooMany` is thrown at the first that
    /// is too many; see `JSONTokenizer` for the other limits.
    package init(
        parsing bytes: Span<UInt8>, depthLimit: Int = 128, valueLimit: Int = JSONValue.valueLimit,
        allowsLoneSurrogates: Bool = false
    ) throws(JSONError) {
        var tokenizer = JSONTokenizer(depthLimit: depthLimit, allowsLoneSurrogates: allowsLoneSurrogates)
        let first = try tokenizer.next(in: bytes)
        var budget = valueLimit
        self = try JSONValue(first, reading: &tokenizer, in: bytes, budget: &budget)
        _ = try tokenizer.next(in: bytes)
    }

    /// Reads the value that `token`, the last one that the tokenizer gave, begins: at most `budget` values, itself and all that it
    /// holds counted, which are taken off.
    ///
    /// Throws `tooMany` at the first that is too many, and `unexpectedByte` when the token begins none: a key, a closing bracket or
    /// the end.
    package init(
        _ token: JSONToken, reading tokenizer: inout JSONTokenizer, in bytes: Span<UInt8>, budget: inout Int
    ) throws(JSONError) {
        guard budget > 0 else { throw JSONError(.tooMany, at: token.range.lowerBound) }
        budget &-= 1
        switch token.kind {
        case .string: self = .string(token.string(in: bytes))
        case .number: self = .number(token.string(in: bytes))
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .null: self = .null
        case .beginArray:
            var elements: [JSONValue] = []
            while true {
                let token = try tokenizer.next(in: bytes)
                if token.kind == .endArray { break }
                elements.append(try JSONValue(token, reading: &tokenizer, in: bytes, budget: &budget))
            }
            self = .array(elements)
        case .beginObject:
            var members: [Member] = []
            while true {
                let token = try tokenizer.next(in: bytes)
                if token.kind == .endObject { break }
                let value = try tokenizer.next(in: bytes)
                let key = token.string(in: bytes)
                members.append(Member(key, try JSONValue(value, reading: &tokenizer, in: bytes, budget: &budget)))
            }
            self = .object(members)
        case .key, .endObject, .endArray, .endOfInput:
            throw JSONError(.unexpectedByte, at: token.range.lowerBound)
        }
    }
}
