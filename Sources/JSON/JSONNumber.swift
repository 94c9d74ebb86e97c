// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The grammar and the value of numbers (RFC 8259, section 6).
enum JSONNumber {
    /// The offset behind the number that begins at `start`.
    static func end(in bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var index = start
        if index < bytes.count, bytes[index] == ASCII.minus { index &+= 1 }
        let integer = index
        index = try endOfDigits(in: bytes, from: integer)
        guard index == integer &+ 1 || bytes[integer] != ASCII.zero else {
            throw JSONError(.invalidNumber, at: integer)
        }
        if index < bytes.count, bytes[index] == ASCII.point {
            index = try endOfDigits(in: bytes, from: index &+ 1)
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index &+= 1
            if index < bytes.count, bytes[index] == ASCII.plus || bytes[index] == ASCII.minus { index &+= 1 }
            index = try endOfDigits(in: bytes, from: index)
        }
        return index
    }

    private static func endOfDigits(in bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var index = start
        while index < bytes.count, ASCII.isDigit(bytes[index]) { index &+= 1 }
        guard index > start else {
            throw JSONError(index < bytes.count ? .invalidNumber : .unexpectedEnd, at: index)
        }
        return index
    }

    /// The number at `range` as an `Int`, when it is a whole number that an `Int` can hold.
    ///
    /// What counts is the value, not the spelling: `1.0`, `1e3` and `1200e-2` are whole, `1.5` is not.
    static func integer(at range: Range<Int>, in bytes: Span<UInt8>) -> Int? {
        var index = range.lowerBound
        let isNegative = index < range.upperBound && bytes[index] == ASCII.minus
        if isNegative { index &+= 1 }
        // Zeros are held back until a digit follows them, so that those of `1.000` never count.
        var magnitude: UInt = 0
        var heldZeros = 0
        var hasPoint = false
        var fraction = 0
        while index < range.upperBound {
            let byte = bytes[index]
            if byte == ASCII.point {
                hasPoint = true
            } else if ASCII.isDigit(byte) {
                if hasPoint { fraction &+= 1 }
                heldZeros &+= 1
                if byte != ASCII.zero {
                    guard let shifted = scaled(magnitude, by: heldZeros) else { return nil }
                    let (sum, overflow) = shifted.addingReportingOverflow(UInt(byte &- ASCII.zero))
                    guard !overflow else { return nil }
                    magnitude = sum
                    heldZeros = 0
                }
            } else {
                break
            }
            index &+= 1
        }
        let scale = heldZeros &- fraction &+ exponent(in: bytes, index..<range.upperBound)
        guard let whole = scaled(magnitude, by: scale) else { return nil }
        return isNegative ? Int(exactly: -Int128(whole)) : Int(exactly: whole)
    }

    /// The exponent with its sign, or 0; held within bounds that no whole number in range reaches.
    private static func exponent(in bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var value = 0
        var isNegative = false
        for index in range.dropFirst() {
            if bytes[index] == ASCII.minus { isNegative = true }
            guard ASCII.isDigit(bytes[index]) else { continue }
            value = min(value &* 10 &+ Int(bytes[index] &- ASCII.zero), 1 << 50)
        }
        return isNegative ? -value : value
    }

    /// `number` times ten to the power of `power`; `nil` when that is not whole or not in range.
    private static func scaled(_ number: UInt, by power: Int) -> UInt? {
        guard number != 0 else { return 0 }
        guard power >= 0, power < 20 else { return nil }
        var result = number
        for _ in 0..<power {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            result = product
        }
        return result
    }
}
