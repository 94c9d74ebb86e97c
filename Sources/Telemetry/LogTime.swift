// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An instant as log lines write it: RFC 3339 in UTC with milliseconds.
struct LogTime {
    /// Milliseconds since 1970-01-01T00:00:00Z, not negative.
    let milliseconds: Int

    /// The time of the system's clock.
    static var now: LogTime {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return LogTime(milliseconds: max(0, time.tv_sec &* 1000 &+ time.tv_nsec / 1_000_000))
    }

    func append(to line: inout [UInt8]) {
        let seconds = milliseconds / 1000
        let date = Self.civil(day: seconds / 86_400)
        let time = seconds % 86_400
        append(date.year, width: 4, then: 0x2D, to: &line)
        append(date.month, width: 2, then: 0x2D, to: &line)
        append(date.day, width: 2, then: 0x54, to: &line)
        append(time / 3600, width: 2, then: 0x3A, to: &line)
        append(time / 60 % 60, width: 2, then: 0x3A, to: &line)
        append(time % 60, width: 2, then: 0x2E, to: &line)
        append(milliseconds % 1000, width: 3, then: 0x5A, to: &line)
    }

    private func append(_ number: Int, width: Int, then end: UInt8, to line: inout [UInt8]) {
        var divisor = width == 4 ? 1000 : width == 3 ? 100 : 10
        while divisor > 0 {
            line.append(0x30 &+ UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
        line.append(end)
    }

    /// The date of a day counted from 1970-01-01, by eras of 400 years that begin on a first of March.
    private static func civil(day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
    }
}
