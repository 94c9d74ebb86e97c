// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The value of one field of a log line.
package enum LogValue: Sendable, Equatable {
    /// Text from anywhere: it is escaped and cut when written.
    case text(String)
    /// A whole number.
    case integer(Int)
    /// A number; written as `null` when it is not finite.
    case number(Double)
    /// True or false.
    case flag(Bool)

    /// A credential, of which only the masked form is kept.
    package static func masked(_ secret: Secret) -> LogValue { .text(secret.masked) }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
}
