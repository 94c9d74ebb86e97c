// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Times as RFC 3339 writes them, from 1970 on.
package enum InternetDate {
    /// The text of a Unix time in seconds, such as `1994-11-06T08:49:37Z`; times outside the years 0 to 9999 are clamped to them.
    package static func text(fromUnixTime seconds: Int) -> String {
        let time = CivilTime(fromUnixTime: seconds)
        let year = CivilTime.two(time.year / 100) + CivilTime.two(time.year % 100)
        return "\(year)-\(CivilTime.two(time.month))-\(CivilTime.two(time.day))T\(time.clock)Z"
    }

    /// The text of microseconds since 1970, such as `2026-11-21T10:06:48.000123Z`.
    package static func text(fromMicroseconds microseconds: Int64) -> String {
        let (seconds, rest) = CivilTime.floorDivided(Int(microseconds), by: 1_000_000)
        let fraction = String(rest)
        let padded = String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
        return text(fromUnixTime: seconds).dropLast() + ".\(padded)Z"
    }

    /// The text of the day that lies a number of days after 1 January 1970, such as `2026-11-21`.
    package static func day(_ days: Int) -> String {
        let (seconds, isTooLarge) = days.multipliedReportingOverflow(by: 86_400)
        return String(text(fromUnixTime: isTooLarge ? .max : seconds).prefix(10))
    }

    /// The seconds since 1970 that a time says, such as `1994-11-06T08:49:37Z` or `1994-11-06T09:49:37.25+01:00`, without its
    /// fraction; `nil` for any other text, and for one of more than 40 bytes.
    package static func unixTime(from text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count <= 40, let time = Time(bytes) else { return nil }
        let zone = Array(time.zone)
        if zone == [UInt8(ascii: "Z")] || zone == [UInt8(ascii: "z")] { return time.seconds }
        guard zone.count == 6, zone[0] == UInt8(ascii: "+") || zone[0] == UInt8(ascii: "-"), zone[3] == UInt8(ascii: ":"),
            let hours = number(zone, 1..<3, 0...23), let minutes = number(zone, 4..<6, 0...59)
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return zone[0] == UInt8(ascii: "+") ? time.seconds - offset : time.seconds + offset
    }

    /// The microseconds since 1970 of a date (`2026-11-21`, its beginning) or a time (`2026-11-21T10:06:48Z`, with up to six
    /// digits after a point) in the years 1970 to 9999; `nil` for any other text.
    package static func microseconds(from text: String) -> Int64? {
        let bytes = Array(text.utf8)
        if bytes.count == 10 { return days(bytes).map { Int64($0) * 86_400_000_000 } }
        // In UTC and in capitals, without a leap second.
        guard let time = Time(bytes), time.zone.elementsEqual([UInt8(ascii: "Z")]), bytes[10] == UInt8(ascii: "T"),
            bytes[17] != UInt8(ascii: "6"), time.fraction.count <= 6
        else { return nil }
        var fraction = time.fraction.reduce(0) { $0 * 10 + Int($1) - 0x30 }
        for _ in time.fraction.count..<6 { fraction *= 10 }
        return Int64(time.seconds * 1_000_000 + fraction)
    }

    /// A time as it is written.
    private struct Time {
        /// What date and clock say, in seconds since 1970, as if it were said in UTC.
        let seconds: Int
        /// The digits behind the point; empty when there is none.
        let fraction: ArraySlice<UInt8>
        /// All that follows.
        let zone: ArraySlice<UInt8>

        init?(_ bytes: [UInt8]) {
            guard bytes.count >= 20, let days = InternetDate.days(bytes), bytes[10] | 0x20 == UInt8(ascii: "t"),
                bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"), let hour = number(bytes, 11..<13, 0...23),
                let minute = number(bytes, 14..<16, 0...59), let second = number(bytes, 17..<19, 0...60)
            else { return nil }
            seconds = days * 86_400 + hour * 3600 + minute * 60 + second
            let hasPoint = bytes[19] == UInt8(ascii: ".")
            fraction = hasPoint ? bytes[20...].prefix { (0x30...0x39).contains($0) } : []
            guard !hasPoint || !fraction.isEmpty else { return nil }
            zone = bytes[(hasPoint ? fraction.endIndex : 19)...]
        }
    }

    /// The days from 1 January 1970 to the date that a text begins with.
    private static func days(_ bytes: [UInt8]) -> Int? {
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), let year = number(bytes, 0..<4, 1970...9999),
            let month = number(bytes, 5..<7, 1...12), let day = number(bytes, 8..<10, 1...31)
        else { return nil }
        let days = CivilTime.days(year, month, day)
        // A 31st of April would be the first of May.
        return CivilTime.date(fromDays: days).day == day ? days : nil
    }

    private static func number(_ bytes: [UInt8], _ place: Range<Int>, _ allowed: ClosedRange<Int>) -> Int? {
        guard bytes[place].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let value = bytes[place].reduce(0) { $0 * 10 + Int($1) - 0x30 }
        return allowed.contains(value) ? value : nil
    }
}
