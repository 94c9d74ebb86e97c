// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The day and the month of UTC that a moment is in.
package struct BudgetPeriods: Sendable, Equatable {
    /// The day, counted from 1 January 1970.
    package let day: Int
    /// The first day of the month, which stands for the month.
    package let month: Int
    /// The first day of the next month.
    package let nextMonth: Int

    /// The periods of a time in microseconds since 1970.
    package init(microseconds: Int64) {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 86_400_000_000)
        day = Int(remainder < 0 ? quotient - 1 : quotient)
        month = BudgetPeriods.firstOfMonth(day)
        // No month is longer than 31 days nor shorter than 28: this is in the next one.
        nextMonth = BudgetPeriods.firstOfMonth(month + 31)
    }

    /// The first day of a day's month.
    ///
    /// Days are counted from 1 March of the year 0, so that the leap day is the last of its year, in eras of 400 years.
    private static func firstOfMonth(_ day: Int) -> Int {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        return day - (dayOfYear - (153 * monthFromMarch + 2) / 5)
    }
}
