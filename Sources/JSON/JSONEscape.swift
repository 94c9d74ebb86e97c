// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// One escape of a JSON string (RFC 8259, section 7), read.
struct JSONEscape {
    /// What it stands for; U+FFFD for half a surrogate pair.
    let scalar: Unicode.Scalar
    /// The offset behind the escape, and behind the second half of a pair.
    let end: Int
    /// Whether it is half a surrogate pair without the other half.
    let isLoneSurrogate: Bool

    /// Reads the escape whose backslash is at `start`.
    init(at start: Int, in bytes: Span<UInt8>) throws(JSONError) {
        guard start &+ 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
        let letter = bytes[start &+ 1]
        guard letter == UInt8(ascii: "u") else {
            guard let byte = JSONEscape.byte(for: letter) else {
                throw JSONError(.invalidEscape, at: start)
            }
            scalar = Unicode.Scalar(byte)
            end = start &+ 2
            isLoneSurrogate = false
            return
        }
        let unit = try JSONEscape.unit(at: start, in: bytes)
        if let plain = Unicode.Scalar(unit) {
            scalar = plain
            end = start &+ 6
            isLoneSurrogate = false
        } else if let low = JSONEscape.lowHalf(at: start &+ 6, in: bytes), unit < 0xDC00,
            let pair = Unicode.Scalar(0x1_0000 &+ (UInt32(unit) &- 0xD800) << 10 &+ (UInt32(low) &- 0xDC00))
        {
            scalar = pair
            end = start &+ 12
            isLoneSurrogate = false
        } else {
            scalar = "\u{FFFD}"
            end = start &+ 6
            isLoneSurrogate = true
        }
    }

    /// What a letter behind a backslash stands for; `nil` for none.
    static func byte(for letter: UInt8) -> UInt8? {
        switch letter {
        case ASCII.quote, ASCII.backslash, ASCII.slash: letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): ASCII.lineFeed
        case UInt8(ascii: "r"): ASCII.carriageReturn
        case UInt8(ascii: "t"): ASCII.tab
        default: nil
        }
    }

    /// The four hexadecimal digits behind the `\u` at `start`.
    private static func unit(at start: Int, in bytes: Span<UInt8>) throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for index in start &+ 2..<start &+ 6 {
            guard index < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
            guard let digit = ASCII.hexadecimalValue(bytes[index]) else {
                throw JSONError(.invalidEscape, at: start)
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    private static func lowHalf(at start: Int, in bytes: Span<UInt8>) -> UInt16? {
        guard start &+ 6 <= bytes.count, bytes[start] == ASCII.backslash,
            bytes[start &+ 1] == UInt8(ascii: "u"), let unit = try? unit(at: start, in: bytes),
            unit & 0xFC00 == 0xDC00
        else { return nil }
        return unit
    }
}
