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
