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

    /// Reads a whole text strictly (RFC 8259); see `JSONTokenizer` for the limits.
    package init(
        parsing bytes: Span<UInt8>, depthLimit: Int = 128, allowsLoneSurrogates: Bool = false
    ) throws(JSONError) {
        var tokenizer = JSONTokenizer(depthLimit: depthLimit, allowsLoneSurrogates: allowsLoneSurrogates)
        let first = try tokenizer.next(in: bytes)
        self = try JSONValue(first, reading: &tokenizer, in: bytes)
        _ = try tokenizer.next(in: bytes)
    }

    /// Reads the value that `token`, the last one that the tokenizer gave, begins.
    ///
    /// Throws `unexpectedByte` when it begins none: a key, a closing bracket or the end.
    package init(
        _ token: JSONToken, reading tokenizer: inout JSONTokenizer, in bytes: Span<UInt8>
    ) throws(JSONError) {
        var budget = Int.max
        self = try JSONValue(token, reading: &tokenizer, in: bytes, budget: &budget)
    }

    /// Reads a value of at most `budget` values, itself and all that it holds counted, and takes them off.
    ///
    /// A value takes many times the bytes that it is written in. Throws `tooMany` at the first that is too many, else as above.
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
