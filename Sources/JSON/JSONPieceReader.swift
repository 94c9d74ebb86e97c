// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Reads a JSON text (RFC 8259) that comes in pieces of any size, and holds no more of it than a name or a number.
///
/// It is for looking into what is handed on: it finds what there is up to the first mistake, and proves nothing. `JSONTokenizer` is
/// for what has to be right.
package struct JSONPieceReader: Sendable {
    /// What was read, as far as it has come.
    package enum Item: Sendable, Equatable {
        case beginObject, beginArray, endObject, endArray
        /// A member's name, which is in `word`.
        case key
        /// A part of a string, as it stands in the piece; a string has any number of them, also none.
        case text(Range<Int>)
        /// A part of a string that was escaped; U+FFFD for half a surrogate pair.
        case character(Unicode.Scalar)
        /// The end of a string.
        case endString
        /// A number, or `true`, `false` or `null`, which is in `word`.
        case scalar
    }

    private enum State {
        /// Between two tokens.
        case open
        case string, escape
        /// Behind `\u`: how many digits have come, and what they say.
        case unit(Int, UInt32)
        case scalar
        case failed
    }

    /// The name or the number read last; empty when it is longer than any that is worth knowing.
    package private(set) var word = ByteBuffer()
    /// How many objects and arrays are open, at most 128.
    package private(set) var depth = 0
    /// Whether the text is over, or broke a rule: no more is read of it.
    package private(set) var isOver = false
    private var state = State.open
    /// A bit for each open container, the innermost lowest: 1 for an object.
    private var objects: UInt128 = 0
    private var expectsKey = false
    private var isKey = false
    private var isWordTooLong = false
    /// The first half of a surrogate pair, until its second has come.
    private var highHalf: UInt32?
    private var position = 0

    private static let wordLimit = 64

    /// A reader at the start of a text.
    package init() {}

    /// Reads on in a piece; `nil` at its end, after which the next piece is begun.
    package mutating func next(in piece: Span<UInt8>) -> Item? {
        while !isOver, position < piece.count {
            let item =
                switch state {
                case .open: token(piece)
                case .string: string(piece)
                case .escape: escaped(piece[position])
                case .unit(let count, let value): digit(piece[position], count, value)
                case .scalar: scalar(piece)
                case .failed: nil as Item?
                }
            if case .failed = state { isOver = true }
            if let item { return item }
        }
        position = 0
        return nil
    }

    // MARK: Between strings

    private mutating func token(_ piece: Span<UInt8>) -> Item? {
        let byte = piece[position]
        position &+= 1
        switch byte {
        case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn, ASCII.colon: return nil
        case ASCII.comma:
            expectsKey = objects & 1 == 1
            return nil
        case ASCII.quote:
            isKey = expectsKey
            expectsKey = false
            beginWord()
            state = .string
            return nil
        case ASCII.openBrace, ASCII.openBracket:
            guard depth < 128 else { return fail() }
            depth &+= 1
            objects = objects << 1 | (byte == ASCII.openBrace ? 1 : 0)
            expectsKey = byte == ASCII.openBrace
            return byte == ASCII.openBrace ? .beginObject : .beginArray
        case ASCII.closeBrace, ASCII.closeBracket:
            guard depth > 0, (objects & 1 == 1) == (byte == ASCII.closeBrace) else { return fail() }
            depth &-= 1
            objects >>= 1
            expectsKey = false
            isOver = depth == 0
            return byte == ASCII.closeBrace ? .endObject : .endArray
        case ASCII.minus, ASCII.zero...ASCII.nine, UInt8(ascii: "a")...UInt8(ascii: "z"):
            guard !expectsKey else { return fail() }
            beginWord()
            addToWord(byte)
            state = .scalar
            return nil
        default: return fail()
        }
    }

    private mutating func scalar(_ piece: Span<UInt8>) -> Item? {
        var end = position
        while end < piece.count, !JSONPieceReader.endsScalar(piece[end]) { end &+= 1 }
        for index in position..<end { addToWord(piece[index]) }
        position = end
        guard end < piece.count else { return nil }
        state = .open
        return .scalar
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        byte == ASCII.comma || byte == ASCII.closeBrace || byte == ASCII.closeBracket || byte <= ASCII.space
    }

    private mutating func fail() -> Item? {
        state = .failed
        return nil
    }

    private mutating func beginWord() {
        word.removeAll()
        isWordTooLong = false
    }

    private mutating func addToWord(_ byte: UInt8) {
        guard !isWordTooLong else { return }
        if word.count < JSONPieceReader.wordLimit {
            word.append(byte)
        } else {
            isWordTooLong = true
            word.removeAll()
        }
    }

    // MARK: In strings

    private mutating func string(_ piece: Span<UInt8>) -> Item? {
        let byte = piece[position]
        if highHalf != nil, byte != ASCII.backslash { return lone() }
        switch byte {
        case ASCII.quote:
            position &+= 1
            state = .open
            return isKey ? .key : .endString
        case ASCII.backslash:
            position &+= 1
            state = .escape
            return nil
        case 0..<ASCII.space: return fail()
        default:
            let start = position
            position = piece.firstToEscape(from: start)
            guard isKey else { return .text(start..<position) }
            for index in start..<position { addToWord(piece[index]) }
            return nil
        }
    }

    private mutating func escaped(_ byte: UInt8) -> Item? {
        if byte == UInt8(ascii: "u") {
            position &+= 1
            state = .unit(0, 0)
            return nil
        }
        // What follows the first half of a pair is no second half.
        if highHalf != nil { return lone() }
        guard let plain = JSONEscape.byte(for: byte) else { return fail() }
        position &+= 1
        state = .string
        return say(Unicode.Scalar(plain))
    }

    private mutating func digit(_ byte: UInt8, _ count: Int, _ value: UInt32) -> Item? {
        guard let digit = ASCII.hexadecimalValue(byte) else { return fail() }
        let value = value << 4 | UInt32(digit)
        // The last digit is read again when it turns out that a character has to be told before.
        if count == 3, highHalf != nil, value & 0xFC00 != 0xDC00 { return lone() }
        position &+= 1
        guard count == 3 else {
            state = .unit(count &+ 1, value)
            return nil
        }
        state = .string
        if let high = highHalf {
            highHalf = nil
            return say(Unicode.Scalar(0x1_0000 &+ (high &- 0xD800) << 10 &+ (value &- 0xDC00)) ?? "\u{FFFD}")
        }
        if value & 0xFC00 == 0xD800 {
            highHalf = value
            return nil
        }
        return say(Unicode.Scalar(value) ?? "\u{FFFD}")
    }

    /// Tells of a first half without a second.
    private mutating func lone() -> Item? {
        highHalf = nil
        return say("\u{FFFD}")
    }

    private mutating func say(_ scalar: Unicode.Scalar) -> Item? {
        guard isKey else { return .character(scalar) }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { addToWord(byte) }
        return nil
    }
}
