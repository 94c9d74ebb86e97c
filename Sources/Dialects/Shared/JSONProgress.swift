// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Tells whether pieces of JSON text that arrive one by one are a whole object yet.
///
/// The pieces come escaped, as the inside of a string, and are looked at just far enough to find the end.
struct JSONProgress: Sendable {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var hasBegun = false

    /// Whether what came so far is an object or an array from its first bracket to its last.
    var isComplete: Bool { hasBegun && depth <= 0 }

    /// Takes the next piece.
    mutating func take(_ data: Span<UInt8>, _ range: Range<Int>) {
        let piece = data.extracting(range)
        var index = 0
        while index < piece.count {
            guard piece[index] == ASCII.backslash, index &+ 1 < piece.count else {
                step(piece[index])
                index &+= 1
                continue
            }
            let letter = piece[index &+ 1]
            switch letter {
            case ASCII.quote, ASCII.backslash, ASCII.slash:
                step(letter)
                index &+= 2
            case UInt8(ascii: "u"):
                step(Self.byte(of: piece, at: index &+ 2))
                index &+= 6
            default:
                step(ASCII.space)
                index &+= 2
            }
        }
    }

    private mutating func step(_ byte: UInt8) {
        guard !isInString else {
            if isEscaped {
                isEscaped = false
            } else if byte == ASCII.backslash {
                isEscaped = true
            } else if byte == ASCII.quote {
                isInString = false
            }
            return
        }
        switch byte {
        case ASCII.quote:
            isInString = true
        case ASCII.openBrace, ASCII.openBracket:
            hasBegun = true
            depth &+= 1
        case ASCII.closeBrace, ASCII.closeBracket:
            depth &-= 1
        default:
            break
        }
    }

    /// The character of four hexadecimal digits when it is ASCII; 0 for any other, which means nothing here.
    private static func byte(of piece: Span<UInt8>, at start: Int) -> UInt8 {
        guard start &+ 4 <= piece.count, piece[start] == ASCII.zero, piece[start &+ 1] == ASCII.zero,
            let high = ASCII.hexadecimalValue(piece[start &+ 2]), high < 8,
            let low = ASCII.hexadecimalValue(piece[start &+ 3])
        else { return 0 }
        return high << 4 | low
    }
}
