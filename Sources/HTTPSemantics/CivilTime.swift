// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A moment in UTC by the proleptic Gregorian calendar.
struct CivilTime {
    /// Whole days from 1 January 1970.
    let days: Int
    let year: Int
    /// 1 to 12.
    let month: Int
    let day: Int
    /// The time of day, such as `08:49:37`.
    let clock: String
    /// The first second of the year 0 and the last of the year 9999: formats have four digits for a year.
    private static let writable = -62_167_219_200...253_402_300_799

    /// The moment of a Unix time in seconds; times outside the years 0 to 9999 are clamped to them.
    init(fromUnixTime seconds: Int) {
        let seconds = min(max(seconds, CivilTime.writable.lowerBound), CivilTime.writable.upperBound)
        let (days, second) = CivilTime.floorDivided(seconds, by: 86_400)
        self.days = days
        (year, month, day) = CivilTime.date(fromDays: days)
        clock = "\(CivilTime.two(second / 3600)):\(CivilTime.two(second / 60 % 60)):\(CivilTime.two(second % 60))"
    }

    /// The days from 1 January 1970 to a date that is no earlier; a day behind the last of its month is one of the next.
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Days from March, so that the leap day is the last of its year.
        let shifted = month < 3 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// The date of a day counted from 1 January 1970.
    ///
    /// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
    static func date(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
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

    /// Quotient and remainder, which is never below 0.
    static func floorDivided(_ value: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// A number from 0 to 99 with two digits.
    static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
