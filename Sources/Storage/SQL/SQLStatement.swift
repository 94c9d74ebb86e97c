// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A value in a statement or a row.
package enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case real(Double)
    /// Text in UTF-8. Postgres cannot hold U+0000, which its engine stores as U+2400 (the picture of NUL).
    case text(String)
    case blob([UInt8])
}

/// One statement with its parameters, in the SQL that SQLite and Postgres share.
///
/// Parameters are `$1`, `$2` ... and first appear in this order, so that SQLite numbers them as Postgres does. Types of
/// columns are `BIGINT`, `DOUBLE PRECISION`, `TEXT` and `BYTEA`; times are microseconds since 1970 in UTC.
package struct SQLStatement: Sendable {
    /// The text: always the program's own, never put together from what a client sends.
    package let text: String
    /// What stands for `$1` and on.
    package var parameters: [SQLValue]
    /// Whether the whole transaction is undone, with `StorageError.conflict`, when this changes or returns no row.
    package var mustAffect = false

    package init(_ text: String, _ parameters: [SQLValue] = [], mustAffect: Bool = false) {
        self.text = text
        self.parameters = parameters
        self.mustAffect = mustAffect
    }
}

extension SQLStatement {
    /// About how many bytes it takes while it waits.
    var byteCount: Int {
        parameters.reduce(128) { sum, value in
            switch value {
            case .text(let text): sum &+ 32 &+ text.utf8.count
            case .blob(let bytes): sum &+ 32 &+ bytes.count
            default: sum &+ 32
            }
        }
    }
}

/// What a statement gave.
package struct SQLRows: Sendable, Equatable {
    /// The rows, each with its columns in the statement's order.
    package var rows: [[SQLValue]] = []
    /// How many rows were inserted, updated or deleted.
    package var affected = 0

    package init(rows: [[SQLValue]] = [], affected: Int = 0) {
        self.rows = rows
        self.affected = affected
    }
}

extension SQLValue {
    /// A text, or null for `nil`.
    package static func optional(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    /// A whole number, or null for `nil`.
    package static func optional(_ number: Int?) -> SQLValue { number.map { .integer(Int64($0)) } ?? .null }

    /// The text, when it is one.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The whole number, when it is one.
    package var integer: Int? { if case .integer(let number) = self { Int(number) } else { nil } }
    /// The number, whole or not, when it is one.
    package var real: Double? {
        switch self {
        case .real(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }
    /// The bytes, when they are some.
    package var blob: [UInt8]? { if case .blob(let bytes) = self { bytes } else { nil } }
}
