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
        // Days from March, so that the leap day is the last of its year.
        let shifted = month < 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        return days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
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
