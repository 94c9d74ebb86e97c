// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What a key or an organisation may use; `nil` is without a limit.
package struct LimitRules: Sendable, Equatable {
    /// Requests that begin within any 60 seconds.
    package var requestsPerMinute: Int?
    /// Tokens, of input and output together, of the requests that begin within any 60 seconds.
    package var tokensPerMinute: Int?
    /// Requests under way at once.
    package var concurrent: Int?
    /// Tokens in a day of UTC.
    package var tokensPerDay: Int?
    /// Tokens in a calendar month of UTC.
    package var tokensPerMonth: Int?
    /// Money in a day of UTC.
    package var moneyPerDay: Money?
    /// Money in a calendar month of UTC.
    package var moneyPerMonth: Money?

    package init() {}

    /// Whether nothing is limited.
    package var isEmpty: Bool { self == LimitRules() }
    /// Whether money is limited, so that a model without a price cannot be let through.
    package var limitsMoney: Bool { moneyPerDay != nil || moneyPerMonth != nil }
    /// Whether what requests use or cost is limited, by the minute, the day or the month.
    package var limitsUse: Bool { hasBudget || tokensPerMinute != nil }
    /// Whether anything is limited by the day or the month, which must be known beyond the life of a process.
    package var hasBudget: Bool { limitsMoney || tokensPerDay != nil || tokensPerMonth != nil }
    /// Whether anything is limited within 60 seconds.
    package var hasRate: Bool { requestsPerMinute != nil || tokensPerMinute != nil }
}

/// An amount of money in billionths of the unit that prices are given in (US dollars by convention), 0 or more; sums saturate.
package struct Money: Sendable, Equatable, Comparable {
    /// Billionths of the unit.
    package var nanos: Int64

    package init(nanos: Int64) { self.nanos = nanos }

    package static let zero = Money(nanos: 0)
    package static func < (left: Money, right: Money) -> Bool { left.nanos < right.nanos }
    /// The difference, 0 at least.
    package static func - (left: Money, right: Money) -> Money {
        let (difference, isTooSmall) = left.nanos.subtractingReportingOverflow(right.nanos)
        return Money(nanos: isTooSmall ? 0 : max(0, difference))
    }
    package static func + (left: Money, right: Money) -> Money {
        let (sum, isTooLarge) = left.nanos.addingReportingOverflow(right.nanos)
        return Money(nanos: isTooLarge ? .max : sum)
    }
}
