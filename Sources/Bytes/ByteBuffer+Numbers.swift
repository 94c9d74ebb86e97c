// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension ByteBuffer {
    /// Appends a whole number in decimal, with `-` when it is negative.
    package mutating func append(decimal number: Int) {
        if number < 0 { append(ASCII.minus) }
        append(number.magnitude, radix: 10)
    }

    /// Appends a number in lowercase hexadecimal without padding, as chunk sizes are written (RFC 9112, 7.1).
    ///
    /// A negative number is written as its two's complement bits.
    package mutating func append(hexadecimal number: Int) {
        append(UInt(bitPattern: number), radix: 16)
    }

    private mutating func append(_ number: UInt, radix: UInt) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        var rest = number
        repeat {
            first -= 1
            digits[first] = ASCII.hexadecimalDigit(UInt8(truncatingIfNeeded: rest % radix))
            rest /= radix
        } while rest > 0
        append(digits.span, first..<digits.count)
    }
}
