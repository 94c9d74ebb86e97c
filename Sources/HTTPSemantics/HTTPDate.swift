// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Dates as HTTP writes them: IMF-fixdate, always GMT (RFC 9110, section 5.6.7).
package enum HTTPDate {
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The text of a Unix time in seconds, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// Times outside the years 0 to 9999 are clamped to them.
    package static func string(fromUnixTime seconds: Int) -> String {
        let time = CivilTime(fromUnixTime: seconds)
        let weekday = weekdays[CivilTime.floorDivided(time.days, by: 7).remainder]
        let year = CivilTime.two(time.year / 100) + CivilTime.two(time.year % 100)
        return "\(weekday), \(CivilTime.two(time.day)) \(months[time.month - 1]) \(year) \(time.clock) GMT"
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
        return CivilTime.days(year, month + 1, day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }
}
