// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Whose use is counted, and what it may be.
package struct LimitScope: Sendable, Equatable {
    /// What the counts are kept under, such as `key:key_5f0c…` or `org:acme`.
    package var name: String
    /// What it may use.
    package var rules: LimitRules

    package init(_ name: String, _ rules: LimitRules) {
        self.name = name
        self.rules = rules
    }
}

/// What a request will use at most, as far as can be told when it begins.
package struct LimitClaim: Sendable, Equatable {
    /// All that must have room for it: the key, the organisation.
    package var scopes: [LimitScope]
    /// Tokens of input and output together, by estimate.
    package var tokens: Int
    /// What they cost, by estimate; `nil` when the model has no price.
    package var cost: Money?

    package init(_ scopes: [LimitScope], tokens: Int, cost: Money?) {
        self.scopes = scopes
        self.tokens = tokens
        self.cost = cost
    }
}

/// What a claim reserved, to be settled exactly once.
package struct LimitLease: Sendable, Equatable {
    /// 128 random bits.
    package var id: String
    /// What was claimed.
    package var claim: LimitClaim
    /// When it was granted, in microseconds since 1970: the day, month and minute that it counts in.
    package var granted: Int64

    package init(id: String, claim: LimitClaim, granted: Int64) {
        self.id = id
        self.claim = claim
        self.granted = granted
    }
}

/// Which limit had no room.
package enum LimitKind: String, Sendable, CaseIterable {
    case requests, tokens, concurrent
    case tokenBudget = "token_budget"
    case moneyBudget = "money_budget"
}

/// The state of the narrowest of a caller's limits of a kind, for header fields.
package struct LimitStatus: Sendable, Equatable {
    package var kind: LimitKind
    package var limit: Int
    package var remaining: Int
    /// Milliseconds until all of it is free again.
    package var resetAfter: Int

    package init(kind: LimitKind, limit: Int, remaining: Int, resetAfter: Int) {
        self.kind = kind
        self.limit = limit
        self.remaining = remaining
        self.resetAfter = resetAfter
    }
}

/// What became of a claim.
package enum LimitVerdict: Sendable, Equatable {
    /// It may go on; the lease must be settled.
    case granted(LimitLease, [LimitStatus])
    /// There is no room; `retryAfter` in milliseconds is when there may be, never too early for what is known now, and `nil` when
    /// waiting does not help: the claim is larger than the limit itself.
    case refused(LimitKind, scope: String, retryAfter: Int?, [LimitStatus])
    /// The counts cannot be reached, or what was spent is not known.
    case unavailable
}

/// Counts what is used, exactly under concurrency. Two engines: `MemoryLimitCounters` for one process, `RedisLimitCounters`
/// for several instances.
package protocol LimitCounters: AnyObject {
    /// Asks whether a request may begin, and reserves what it claims; `done` is called once, on the loop, possibly before this
    /// returns.
    func claim(_ claim: LimitClaim, _ done: @escaping (LimitVerdict) -> Void)
    /// Ends a lease: what was reserved is given back, what was used is counted (in the minute, day and month in which it was
    /// granted). A request that was never answered used 0.
    ///
    /// A lease is counted once, however often it is settled.
    func settle(_ lease: LimitLease, tokens: Int, cost: Money)
    /// Counts in the budgets of `scope` what a request used that has no lease of it, in the day and month in which it `began`
    /// (microseconds since 1970). Where what was spent in those is not known, nothing is counted: the durable account will tell. For
    /// that the request's record must have reached the `SpentSource` before the loop's turn is over, as for `settle`.
    func charge(_ scope: String, _ used: SpentAmount, began: Int64)
    /// How many settlements are still on their way to where the counts are kept.
    var unsettled: Int { get }
    /// Whether others count here too, and the counts outlive this process: a scope may be known here that this process never limited.
    var isShared: Bool { get }
}

/// What was used, or is to be.
package struct SpentAmount: Sendable, Equatable {
    /// Tokens of input and output together, 0 or more.
    package var tokens: Int
    package var cost: Money

    package init(tokens: Int = 0, cost: Money = .zero) {
        self.tokens = tokens
        self.cost = cost
    }

    /// Amounts that every engine counts exactly: negative ones are nothing, and none is more than 2^50, about a million units of
    /// money, which Redis' scripts still add without a fault.
    package var clamped: SpentAmount {
        let limit = 1 << 50
        return SpentAmount(tokens: min(max(0, tokens), limit), cost: Money(nanos: min(max(0, cost.nanos), Int64(limit))))
    }

    package static func + (left: SpentAmount, right: SpentAmount) -> SpentAmount {
        let (sum, isTooLarge) = left.tokens.addingReportingOverflow(right.tokens)
        return SpentAmount(tokens: isTooLarge ? .max : sum, cost: left.cost + right.cost)
    }

    /// The difference, 0 at least.
    package static func - (left: SpentAmount, right: SpentAmount) -> SpentAmount {
        let (difference, isTooSmall) = left.tokens.subtractingReportingOverflow(right.tokens)
        return SpentAmount(tokens: isTooSmall ? 0 : max(0, difference), cost: left.cost - right.cost)
    }
}

/// Knows durably what was spent: the table of usage.
package protocol SpentSource: AnyObject {
    /// What a scope has spent on `days`, counted from 1 January 1970 in UTC, with all that was recorded in this process before it is
    /// asked; what is recorded meanwhile may be in it or not. `nil` when that cannot be told now. `done` is called once, on the loop,
    /// within seconds: a claim waits for it.
    func spent(scope: String, days: ClosedRange<Int>, _ done: @escaping (SpentAmount?) -> Void)
}
