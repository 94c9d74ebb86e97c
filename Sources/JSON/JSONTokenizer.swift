// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Reads a JSON text token by token, strictly as RFC 8259 says, without allocating.
///
/// It keeps places, not bytes: every call is given the same bytes again. UTF-8 is checked, numbers are
/// left as they are written, a byte order mark is refused. After an error the tokenizer is of no more use.
package struct JSONTokenizer: Sendable {
    /// The offset of the next byte to read.
    package private(set) var position = 0
    /// The number of objects and arrays that are open.
    package private(set) var depth = 0

    /// What the grammar allows next.
    private enum Expectation {
        case value, firstMember, firstElement, separator, end
    }

    private var expectation = Expectation.value
    /// A bit for each open container, the innermost lowest: 1 for an object. It bounds the depth to 128.
    private var objects: UInt128 = 0
    private let depthLimit: Int
    private let allowsLoneSurrogates: Bool

    /// A tokenizer at the start of a text.
    ///
    /// - Parameters:
    ///   - depthLimit: How many objects and arrays may be open at once, at most 128.
    ///   - allowsLoneSurrogates: Whether an escaped half of a surrogate pair may stand alone, as upstreams
    ///     that cut text between chunks send it; it is read as U+FFFD.
    package init(depthLimit: Int = 128, allowsLoneSurrogates: Bool = false) {
        self.depthLimit = max(0, min(depthLimit, 128))
        self.allowsLoneSurrogates = allowsLoneSurrogates
    }

    /// Reads the next token; at the end of the text `endOfInput`, as often as asked.
    package mutating func next(in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
        skipWhitespace(in: bytes)
        guard position < bytes.count else {
            guard expectation == .end else { throw JSONError(.unexpectedEnd, at: position) }
            return JSONToken(.endOfInput, position..<position)
        }
        switch expectation {
        case .value:
            return try value(in: bytes)
        case .separator:
            guard bytes[position] == ASCII.comma else { return try close(in: bytes) }
            position &+= 1
            skipWhitespace(in: bytes)
            return isInObject ? try key(in: bytes) : try value(in: bytes)
        case .firstMember:
            return bytes[position] == ASCII.closeBrace ? try close(in: bytes) : try key(in: bytes)
        case .firstElement:
            return bytes[position] == ASCII.closeBracket ? try close(in: bytes) : try value(in: bytes)
        case .end:
            throw JSONError(.trailingBytes, at: position)
        }
    }

    /// Reads the next value to its end, checking it all, and returns where it stands, quotes included.
    ///
    /// Throws `unexpectedByte` where no value can stand: before a key, a closing bracket or the end.
    package mutating func skipValue(in bytes: Span<UInt8>) throws(JSONError) -> Range<Int> {
        try skip(try next(in: bytes), in: bytes)
    }

    /// Reads on to the end of the value that `token`, the last one read, begins.
    ///
    /// Returns where the value stands, quotes included; throws as `skipValue` does.
    package mutating func skip(
        _ token: JSONToken, in bytes: Span<UInt8>
    ) throws(JSONError) -> Range<Int> {
        switch token.kind {
        case .string:
            return token.range.lowerBound &- 1..<position
        case .number, .true, .false, .null:
            return token.range
        case .beginObject, .beginArray:
            let outside = depth &- 1
            while depth > outside { _ = try next(in: bytes) }
            return token.range.lowerBound..<position
        case .key, .endObject, .endArray, .endOfInput:
            throw JSONError(.unexpectedByte, at: token.range.lowerBound)
        }
    }

    private var isInObject: Bool { objects & 1 == 1 }

    private mutating func skipWhitespace(in bytes: Span<UInt8>) {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte <= ASCII.space else { return }
            guard
                byte == ASCII.space || byte == ASCII.lineFeed || byte == ASCII.carriageReturn
                    || byte == ASCII.tab
            else { return }
            position &+= 1
        }
    }

    private mutating func value(in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        let token: JSONToken
        switch bytes[position] {
        case ASCII.quote:
            token = try string(.string, in: bytes)
        case ASCII.openBrace:
            return try open(.beginObject)
        case ASCII.openBracket:
            return try open(.beginArray)
        case ASCII.minus, ASCII.zero...ASCII.nine:
            let start = position
            position = try JSONNumber.end(in: bytes, from: start)
            token = JSONToken(.number, start..<position)
        case UInt8(ascii: "t"):
            token = try word("true", .true, in: bytes)
        case UInt8(ascii: "f"):
            token = try word("false", .false, in: bytes)
        case UInt8(ascii: "n"):
            token = try word("null", .null, in: bytes)
        default:
            throw JSONError(.unexpectedByte, at: position)
        }
        expectation = depth == 0 ? .end : .separator
        return token
    }

    private mutating func open(_ kind: JSONToken.Kind) throws(JSONError) -> JSONToken {
        guard depth < depthLimit else { throw JSONError(.tooDeep, at: position) }
        depth &+= 1
        objects = objects << 1 | (kind == .beginObject ? 1 : 0)
        expectation = kind == .beginObject ? .firstMember : .firstElement
        position &+= 1
        return JSONToken(kind, position &- 1..<position)
    }

    private mutating func close(in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
        guard bytes[position] == (isInObject ? ASCII.closeBrace : ASCII.closeBracket) else {
            throw JSONError(.unexpectedByte, at: position)
        }
        let kind: JSONToken.Kind = isInObject ? .endObject : .endArray
        depth &-= 1
        objects >>= 1
        expectation = depth == 0 ? .end : .separator
        position &+= 1
        return JSONToken(kind, position &- 1..<position)
    }

    private mutating func key(in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        guard bytes[position] == ASCII.quote else { throw JSONError(.unexpectedByte, at: position) }
        let token = try string(.key, in: bytes)
        skipWhitespace(in: bytes)
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        guard bytes[position] == ASCII.colon else { throw JSONError(.unexpectedByte, at: position) }
        position &+= 1
        expectation = .value
        return token
    }

    private mutating func word(
        _ word: StaticString, _ kind: JSONToken.Kind, in bytes: Span<UInt8>
    ) throws(JSONError) -> JSONToken {
        let start = position
        for index in 0..<word.bytes.count {
            guard start &+ index < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
            guard bytes[start &+ index] == word.bytes[index] else {
                throw JSONError(.unexpectedByte, at: start &+ index)
            }
        }
        position = start &+ word.bytes.count
        return JSONToken(kind, start..<position)
    }

    private mutating func string(
        _ kind: JSONToken.Kind, in bytes: Span<UInt8>
    ) throws(JSONError) -> JSONToken {
        let start = position &+ 1
        var hasEscapes = false
        var index = bytes.firstStringStop(from: start)
        while index < bytes.count {
            let byte = bytes[index]
            if byte == ASCII.quote {
                position = index &+ 1
                return JSONToken(kind, start..<index, hasEscapes: hasEscapes)
            } else if byte == ASCII.backslash {
                hasEscapes = true
                let escape = try JSONEscape(at: index, in: bytes)
                if escape.isLoneSurrogate, !allowsLoneSurrogates {
                    throw JSONError(.loneSurrogate, at: index)
                }
                index = bytes.firstStringStop(from: escape.end)
            } else if byte >= 0x80 {
                let length = bytes.lengthOfUTF8Sequence(at: index)
                guard length > 0 else { throw JSONError(.invalidUTF8, at: index) }
                index &+= length
                // In most scripts the next byte is of the same kind, so the search is not set up anew.
                if index < bytes.count, bytes[index] < 0x80 { index = bytes.firstStringStop(from: index) }
            } else {
                throw JSONError(.controlCharacter, at: index)
            }
        }
        throw JSONError(.unexpectedEnd, at: bytes.count)
    }
}
