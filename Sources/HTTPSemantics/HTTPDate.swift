// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Dates as HTTP writes them: IMF-fixdate, always GMT (RFC 9110, section 5.6.7).
package enum HTTPDate {
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    /// The first second of the year 0 and the last of the year 9999: the format has four digits for a year.
    private static let writable = -62_167_219_200...253_402_300_799

    /// The text of a Unix time in seconds, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// Times outside the years 0 to 9999 are clamped to them.
    package static func string(fromUnixTime seconds: Int) -> String {
        let seconds = min(max(seconds, writable.lowerBound), writable.upperBound)
        let (days, second) = floorDivided(seconds, by: 86_400)
        let date = civil(fromDays: days)
        let weekday = weekdays[floorDivided(days, by: 7).remainder]
        let day = "\(two(date.day)) \(months[date.month - 1]) \(two(date.year / 100))\(two(date.year % 100))"
        let time = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return "\(weekday), \(day) \(time) GMT"
    }

    /// The text of a Unix time in seconds as RFC 3339 has it, such as `1994-11-06T08:49:37Z`; clamped as above.
    package static func internetDate(fromUnixTime seconds: Int) -> String {
        let seconds = min(max(seconds, writable.lowerBound), writable.upperBound)
        let (days, second) = floorDivided(seconds, by: 86_400)
        let date = civil(fromDays: days)
        let day = "\(two(date.year / 100))\(two(date.year % 100))-\(two(date.month))-\(two(date.day))"
        return "\(day)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }

    /// The seconds since 1970 that a date in the preferred form says (`Sun, 06 Nov 1994 08:49:37 GMT`); `nil` for any other text.
    package static func unixTime(from text: String) -> Int? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[5] == "GMT", parts[0].count == 4, parts[0].hasSuffix(","),
            let day = Int(parts[1]), 1...31 ~= day, let month = months.firstIndex(of: String(parts[2])),
            let year = Int(parts[3]), 1970...9999 ~= year
        else { return nil }
        let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard clock.count == 3, 0...23 ~= clock[0], 0...59 ~= clock[1], 0...60 ~= clock[2] else { return nil }
        return days(year, month, day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    /// The seconds since 1970 that a time of RFC 3339 says, such as `1994-11-06T08:49:37Z` or `1994-11-06T09:49:37.25+01:00`, from
    /// 1970 on and without its fraction; `nil` for any other text.
    package static func unixTime(fromInternetDate text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard (20...40).contains(bytes.count) else { return nil }
        func number(_ start: Int, _ count: Int, _ range: ClosedRange<Int>) -> Int? {
            let digits = bytes[start..<(start + count)]
            guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            let value = digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
            return range.contains(value) ? value : nil
        }
        let marks: [(Int, Character)] = [(4, "-"), (7, "-"), (13, ":"), (16, ":")]
        guard marks.allSatisfy({ bytes[$0.0] == $0.1.asciiValue }), bytes[10] | 0x20 == UInt8(ascii: "t"),
            let year = number(0, 4, 1970...9999), let month = number(5, 2, 1...12), let day = number(8, 2, 1...31),
            let hour = number(11, 2, 0...23), let minute = number(14, 2, 0...59), let second = number(17, 2, 0...60)
        else { return nil }
        let midnight = days(year, month - 1, day)
        // A 31st of April would be the first of May.
        guard civil(fromDays: midnight).day == day else { return nil }
        var rest = 19
        if bytes[rest] == UInt8(ascii: ".") {
            let fraction = bytes[(rest + 1)...].prefix { (0x30...0x39).contains($0) }
            guard !fraction.isEmpty else { return nil }
            rest = fraction.endIndex
        }
        let time = midnight * 86_400 + hour * 3600 + minute * 60 + second
        guard rest < bytes.count else { return nil }
        if bytes[rest] | 0x20 == UInt8(ascii: "z") { return rest + 1 == bytes.count ? time : nil }
        guard bytes[rest] == UInt8(ascii: "+") || bytes[rest] == UInt8(ascii: "-"), rest + 6 == bytes.count,
            bytes[rest + 3] == UInt8(ascii: ":"), let hours = number(rest + 1, 2, 0...23),
            let minutes = number(rest + 4, 2, 0...59)
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return bytes[rest] == UInt8(ascii: "+") ? time - offset : time + offset
    }

    /// The days from 1 January 1970 to a date, whose month counts from 0.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Days from March, so that the leap day is the last of its year.
        let shifted = month < 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// The proleptic Gregorian date of a day counted from 1 January 1970.
    ///
    /// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
    private static func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = floorDivided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (
            year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0),
            month: month,
            day: dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        )
    }

    private static func floorDivided(_ value: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func two(_ value: Int) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }
}
