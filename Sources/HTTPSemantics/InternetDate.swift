// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Times in UTC as RFC 3339 writes them, to the microsecond.
package enum InternetDate {
    /// The text of microseconds since 1970, such as `2026-11-21T10:06:48.000123Z`.
    package static func text(fromMicroseconds microseconds: Int64) -> String {
        let (seconds, rest) = floorDivided(Int(microseconds), by: 1_000_000)
        let fraction = String(rest)
        let padded = String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
        return HTTPDate.internetDate(fromUnixTime: seconds).dropLast() + ".\(padded)Z"
    }

    /// The text of the day that lies a number of days after 1 January 1970, such as `2026-11-21`.
    package static func day(_ days: Int) -> String {
        let (seconds, isTooLarge) = days.multipliedReportingOverflow(by: 86_400)
        return String(HTTPDate.internetDate(fromUnixTime: isTooLarge ? .max : seconds).prefix(10))
    }

    /// The microseconds since 1970 of a date (`2026-11-21`, its beginning) or a time (`2026-11-21T10:06:48Z`, with up to six
    /// digits after a point) in the years 1970 to 9999; `nil` for any other text.
    package static func microseconds(from text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || (20...27).contains(bytes.count),
            let year = number(bytes, 0..<4), let month = number(bytes, 5..<7), let day = number(bytes, 8..<10),
            bytes[4] == 0x2D, bytes[7] == 0x2D, 1970...9999 ~= year, 1...12 ~= month, 1...31 ~= day
        else { return nil }
        // Days from March, so that the leap day is the last of its year.
        let shifted = month < 3 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        // What is no day, such as 30 February, would come back as another one.
        guard InternetDate.day(days).utf8.elementsEqual(bytes[..<10]) else { return nil }
        guard bytes.count > 10 else { return Int64(days) * 86_400_000_000 }
        guard bytes[10] == 0x54, bytes[13] == 0x3A, bytes[16] == 0x3A, bytes[bytes.count - 1] == 0x5A,
            let hour = number(bytes, 11..<13), let minute = number(bytes, 14..<16),
            let second = number(bytes, 17..<19), 0...23 ~= hour, 0...59 ~= minute, 0...59 ~= second
        else { return nil }
        var fraction = 0
        if bytes.count > 20 {
            guard bytes[19] == 0x2E, bytes.count > 21, let digits = number(bytes, 20..<bytes.count - 1) else { return nil }
            fraction = digits
            for _ in bytes.count - 21..<6 { fraction *= 10 }
        }
        return Int64((days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000 + fraction)
    }

    private static func number(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var value = 0
        for byte in bytes[range] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    private static func floorDivided(_ value: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
