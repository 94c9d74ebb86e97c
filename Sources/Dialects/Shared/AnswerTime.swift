// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Times as dialects that write them in words have them.
enum AnswerTime {
    /// The time, in seconds since 1970, as `2026-01-31T12:00:00Z` (RFC 3339).
    static func text(_ seconds: Int) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : 0
        let second = seconds >= 0 ? seconds % 86_400 : 0
        // Days counted from the first of March, so that the leap day is the last of its year.
        let shifted = day &+ 719_468
        let era = shifted / 146_097
        let ofEra = shifted % 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * ofYear + 2) / 153
        let number = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (number <= 2 ? 1 : 0)
        return padded(year, 4) + "-" + padded(number, 2) + "-" + padded(ofYear - (153 * month + 2) / 5 + 1, 2) + "T"
            + padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2) + "Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
