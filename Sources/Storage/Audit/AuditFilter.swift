// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Whose rows may be seen.
package enum AuditScope: Sendable, Equatable {
    case everybody
    /// Those of one user of one organisation.
    case member(organization: String, user: String)
    /// Those of one key.
    case key(String)
}

/// Which rows are wanted: all that every member which is set agrees with.
package struct AuditFilter: Sendable, Equatable {
    package var scope: AuditScope
    package var keyID: String?
    package var organization: String?
    package var user: String?
    /// The model, as the client or as the provider calls it.
    package var model: String?
    package var provider: String?
    package var door: String?
    package var outcome: String?
    package var status: Int?
    package var requestID: String?
    /// From this time on, in microseconds since 1970.
    package var from: Int64?
    /// Before this time, in microseconds since 1970.
    package var to: Int64?
    /// What some text of the row contains, whatever the case of its ASCII letters.
    package var text: String?

    package init(_ scope: AuditScope) { self.scope = scope }

    /// Adds what the filter, without its text, asks of rows of `audit`.
    func add(to conditions: inout SQLConditions) {
        switch scope {
        case .everybody: break
        case .member(let organization, let user):
            conditions.add("organization = ", .text(organization))
            conditions.add("user_id = ", .text(user))
        case .key(let id): conditions.add("key_id = ", .text(id))
        }
        if let keyID { conditions.add("key_id = ", .text(keyID)) }
        if let organization { conditions.add("organization = ", .text(organization)) }
        if let user { conditions.add("user_id = ", .text(user)) }
        if let model { conditions.add("requested_model = ", .text(model), or: "model = ") }
        if let provider { conditions.add("provider = ", .text(provider)) }
        if let door { conditions.add("door = ", .text(door)) }
        if let outcome { conditions.add("outcome = ", .text(outcome)) }
        if let status { conditions.add("status = ", .integer(Int64(status))) }
        if let requestID { conditions.add("request_id = ", .text(requestID)) }
        if let from { conditions.add("received_at >= ", .integer(from)) }
        if let to { conditions.add("received_at < ", .integer(to)) }
    }

    /// Adds the search for text: it looks through all that is long, and so wants few rows to look at.
    func addText(to conditions: inout SQLConditions) {
        guard let text else { return }
        let pattern = SQLValue.text("%\(AuditFilter.escaped(text))%")
        let columns = [
            "request_text", "response_text", "reasoning_text", "tool_calls", "error", "request_headers", "response_headers",
        ]
        conditions.addAny(columns.map { "LOWER(\($0)) LIKE LOWER(" }, pattern, closing: ") ESCAPE '\\'")
    }

    /// Text as LIKE takes it literally, with `\` before what stands for anything.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar == "%" || scalar == "_" || scalar == "\\" { escaped.unicodeScalars.append("\\") }
            escaped.unicodeScalars.append(scalar)
        }
        return escaped
    }
}

/// Conditions joined by AND, each the program's own text with a parameter behind it.
struct SQLConditions {
    private(set) var parameters: [SQLValue] = []
    private var terms: [String] = []

    /// ` WHERE ...`, or nothing.
    var clause: String { terms.isEmpty ? "" : " WHERE " + terms.joined(separator: " AND ") }

    /// Adds a parameter that no condition names, for what stands behind them.
    mutating func parameter(_ value: SQLValue) -> String {
        parameters.append(value)
        return "$\(parameters.count)"
    }

    /// Adds a condition, or one of two on the same value.
    mutating func add(_ condition: String, _ value: SQLValue, or other: String? = nil) {
        let name = parameter(value)
        terms.append(other.map { "(\(condition)\(name) OR \($0)\(name))" } ?? condition + name)
    }

    /// Adds conditions on one value of which one has to hold.
    mutating func addAny(_ conditions: [String], _ value: SQLValue, closing: String) {
        let name = parameter(value)
        terms.append("(" + conditions.map { $0 + name + closing }.joined(separator: " OR ") + ")")
    }

    /// Adds that a row comes behind, or is no further than, a place in the order.
    mutating func add(_ comparison: String, _ place: PageCursor) {
        let time = parameter(.integer(place.time))
        terms.append("(received_at, id) \(comparison) (\(time), \(parameter(.text(place.id))))")
    }
}
