// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The bytes that the formats give a meaning to, by name, and the classes they fall into.
///
/// Inlinable and computed for the benchmark of the tokenizer: a stored constant is a call from another module.
package enum ASCII {
    @inlinable @inline(__always) package static var tab: UInt8 { 0x09 }
    @inlinable @inline(__always) package static var lineFeed: UInt8 { 0x0A }
    @inlinable @inline(__always) package static var carriageReturn: UInt8 { 0x0D }
    @inlinable @inline(__always) package static var space: UInt8 { 0x20 }
    @inlinable @inline(__always) package static var quote: UInt8 { 0x22 }
    @inlinable @inline(__always) package static var plus: UInt8 { 0x2B }
    @inlinable @inline(__always) package static var comma: UInt8 { 0x2C }
    @inlinable @inline(__always) package static var minus: UInt8 { 0x2D }
    @inlinable @inline(__always) package static var point: UInt8 { 0x2E }
    @inlinable @inline(__always) package static var slash: UInt8 { 0x2F }
    @inlinable @inline(__always) package static var zero: UInt8 { 0x30 }
    @inlinable @inline(__always) package static var nine: UInt8 { 0x39 }
    @inlinable @inline(__always) package static var colon: UInt8 { 0x3A }
    @inlinable @inline(__always) package static var openBracket: UInt8 { 0x5B }
    @inlinable @inline(__always) package static var backslash: UInt8 { 0x5C }
    @inlinable @inline(__always) package static var closeBracket: UInt8 { 0x5D }
    @inlinable @inline(__always) package static var openBrace: UInt8 { 0x7B }
    @inlinable @inline(__always) package static var closeBrace: UInt8 { 0x7D }

    /// Whether a byte is one of `0` to `9`.
    @inlinable @inline(__always) package static func isDigit(_ byte: UInt8) -> Bool {
        byte &- zero < 10
    }

    /// The value of a hexadecimal digit of either case; `nil` for any other byte.
    @inlinable @inline(__always) package static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte &- zero }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The lowercase digit for a value from 0 to 15; higher bits are ignored.
    @inlinable @inline(__always) package static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        let value = value & 0x0F
        return value < 10 ? zero &+ value : value &+ 0x57
    }
}
