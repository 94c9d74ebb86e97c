// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import Storage

/// The parameters of a request to one of the data doors, each of them known and given once.
struct QueryParameters {
    private var values: [String: String] = [:]
    /// Longer values are refused: they are looked for in the database.
    private static let longest = 512

    /// Reads the query of a head.
    ///
    /// Throws the failure to answer with when a parameter is unknown, comes twice, or is not percent-encoded UTF-8.
    init(_ head: RequestHead, allowed: [String]) throws(ChatFailure) {
        for pair in head.query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0], plusIsSpace: true),
                let value = parts.count == 2 ? PercentEncoding.decode(parts[1], plusIsSpace: true) : ""
            else { throw QueryParameters.wrong("The query is not percent-encoded UTF-8.", nil) }
            guard allowed.contains(name) else {
                throw QueryParameters.wrong(
                    "There is no parameter of this name; there are: \(allowed.joined(separator: ", ")).", nil)
            }
            guard values[name] == nil else { throw QueryParameters.wrong("'\(name)' is given twice.", name) }
            guard value.utf8.count <= QueryParameters.longest else {
                throw QueryParameters.wrong("'\(name)' is longer than \(QueryParameters.longest) bytes.", name)
            }
            values[name] = value
        }
    }

    /// The value of a parameter; `nil` when it is absent or empty.
    subscript(name: String) -> String? {
        values[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A whole number within bounds.
    func integer(_ name: String, _ range: ClosedRange<Int>) throws(ChatFailure) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw QueryParameters.wrong(
                "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound).", name)
        }
        return number
    }

    /// A date, or a time in UTC, in microseconds since 1970.
    func time(_ name: String) throws(ChatFailure) -> Int64? {
        guard let text = values[name] else { return nil }
        guard let time = InternetDate.microseconds(from: text) else {
            throw QueryParameters.wrong("'\(name)' must be a date (2026-11-21) or a time in UTC (2026-11-21T10:00:00Z).", name)
        }
        return time
    }

    /// A day of UTC, since 1970; a time is one where it is its beginning. `nil` without the parameter.
    func day(_ name: String) throws(ChatFailure) -> Int64? {
        guard let time = try time(name) else { return nil }
        let day = AuditRow.day(of: time)
        guard AuditRow.day(of: time &- 1) != day else {
            throw QueryParameters.wrong("'\(name)' must be a day (2026-11-21): use is summed by days of UTC.", name)
        }
        return day
    }

    /// What a client is told of a parameter that is wrong.
    static func wrong(_ message: String, _ name: String?) -> ChatFailure {
        ChatFailure(
            status: 400, message: message, type: "invalid_request_error", code: "invalid_parameter", parameter: name)
    }
}
