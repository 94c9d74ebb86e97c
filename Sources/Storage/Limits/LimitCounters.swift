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
    /// There is no room; `retryAfter` in milliseconds is when there may be, never too early for what is known now.
    case refused(LimitKind, scope: String, retryAfter: Int, [LimitStatus])
    /// The counts cannot be reached.
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
    func settle(_ lease: LimitLease, tokens: Int, cost: Money)
}
