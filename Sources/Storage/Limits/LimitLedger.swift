// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A moment by both clocks: rates and waiting go by one that is never set, days and months by the calendar.
package struct LimitTime: Sendable, Equatable {
    /// Milliseconds of the monotonic clock.
    package var ticks: Int64
    /// Microseconds since 1970.
    package var wall: Int64

    package init(ticks: Int64, wall: Int64) {
        self.ticks = ticks
        self.wall = wall
    }

    /// This moment.
    package static func now() -> LimitTime {
        var monotonic = timespec()
        var wall = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &monotonic)
        _ = unsafe clock_gettime(CLOCK_REALTIME, &wall)
        return LimitTime(
            ticks: Int64(monotonic.tv_sec) &* 1000 &+ Int64(monotonic.tv_nsec / 1_000_000),
            wall: Int64(wall.tv_sec) &* 1_000_000 &+ Int64(wall.tv_nsec / 1000))
    }

    /// Milliseconds until a day of UTC begins.
    func wait(untilDay day: Int) -> Int { Int(max(0, Int64(day) &* 86_400_000_000 &- wall) / 1000) &+ 1 }
}

/// All counts of a process, and the one place where they decide: no clock, no lock, no waiting.
package struct LimitLedger: Sendable {
    /// What became of a claim.
    package enum Decision: Sendable, Equatable {
        case granted(LimitLease, [LimitStatus])
        case refused(LimitKind, scope: String, retryAfter: Int?, [LimitStatus])
        /// What these scopes have spent must be told first, by `seed`.
        case unseeded([String], BudgetPeriods)
        /// There are as many scopes as may be.
        case full
    }

    private var scopes: [String: ScopeCounts] = [:]
    /// The slot that each lease under way was counted in.
    private var leases: [String: Int64] = [:]
    private let maxScopes: Int
    private var lastSweep: Int64 = 0
    private var lastForgotten: Int64?

    /// A ledger of at most `maxScopes` scopes at once.
    package init(maxScopes: Int = 100_000) { self.maxScopes = maxScopes }

    /// How many scopes take room.
    package var scopeCount: Int { scopes.count }

    /// Decides a claim over all its scopes at once: all of them have room, or nothing is counted.
    package mutating func claim(_ wanted: LimitClaim, id: String, at time: LimitTime) -> Decision {
        let periods = BudgetPeriods(microseconds: time.wall)
        let claim = wanted.clamped
        sweep(time, periods)
        var unseeded: [String] = []
        for scope in claim.scopes {
            let counts = scopes[scope.name]
            if counts == nil {
                guard scopes.count < maxScopes else { return .full }
                scopes[scope.name] = ScopeCounts()
            }
            if scope.rules.hasBudget, counts?.knows(periods) != true { unseeded.append(scope.name) }
        }
        guard unseeded.isEmpty else { return .unseeded(unseeded, periods) }
        var worst: (obstacle: ScopeCounts.Obstacle, scope: String)?
        for scope in claim.scopes {
            scopes[scope.name]?.window.advance(to: time.ticks)
            let obstacle = scopes[scope.name]?.obstacle(to: claim, scope.rules, at: time, periods)
            if let obstacle, obstacle.outweighs(worst?.obstacle) { worst = (obstacle, scope.name) }
        }
        if let worst {
            return .refused(worst.obstacle.kind, scope: worst.scope, retryAfter: worst.obstacle.wait, statuses(claim, time))
        }
        for scope in claim.scopes { reserve(claim, scope, id, time, periods) }
        return .granted(LimitLease(id: id, claim: claim, granted: time.wall), statuses(claim, time))
    }

    private mutating func reserve(
        _ claim: LimitClaim, _ scope: LimitScope, _ id: String, _ time: LimitTime, _ periods: BudgetPeriods
    ) {
        var slot = time.ticks / SlidingWindow.slotLength
        if scope.rules.hasRate {
            slot = scopes[scope.name]?.window.add(tokens: claim.tokens, at: time.ticks) ?? slot
        }
        leases[id] = slot
        scopes[scope.name]?.concurrent &+= 1
        guard scope.rules.hasBudget else { return }
        scopes[scope.name]?.days.change(periods.day) { $0.reserved = $0.reserved + claim.amount }
        scopes[scope.name]?.months.change(periods.month) { $0.reserved = $0.reserved + claim.amount }
    }

    /// Tells what a scope has spent in the periods; what is known already stays.
    package mutating func seed(_ scope: String, _ periods: BudgetPeriods, day: SpentAmount, month: SpentAmount) {
        scopes[scope]?.days.open(periods.day, spent: day)
        scopes[scope]?.months.open(periods.month, spent: month)
    }

    /// Ends a lease; one that is not under way is none of the ledger's.
    package mutating func settle(_ lease: LimitLease, _ used: SpentAmount) {
        guard let slot = leases.removeValue(forKey: lease.id) else { return }
        let used = used.clamped
        let periods = BudgetPeriods(microseconds: lease.granted)
        for scope in lease.claim.scopes {
            scopes[scope.name]?.concurrent &-= 1
            if scope.rules.hasRate {
                scopes[scope.name]?.window.correct(slot: slot, reserved: lease.claim.tokens, used: used.tokens)
            }
            // Also where the scope got its budget only later.
            func settle(_ window: inout BudgetWindow) {
                if scope.rules.hasBudget { window.reserved = window.reserved - lease.claim.amount }
                window.spent = window.spent + used
            }
            scopes[scope.name]?.days.change(periods.day, settle)
            scopes[scope.name]?.months.change(periods.month, settle)
        }
    }

    /// Counts what a request used that began at a time in microseconds since 1970 and has no lease of `scope`.
    package mutating func charge(_ scope: String, _ used: SpentAmount, began: Int64) {
        let periods = BudgetPeriods(microseconds: began)
        let used = used.clamped
        scopes[scope]?.days.change(periods.day) { $0.spent = $0.spent + used }
        scopes[scope]?.months.change(periods.month) { $0.spent = $0.spent + used }
    }

    /// What a scope has spent and reserved; `nil` for a scope or a period that is not known.
    package func spent(_ scope: String, _ periods: BudgetPeriods) -> (
        day: SpentAmount, month: SpentAmount, reserved: SpentAmount
    )? {
        guard let counts = scopes[scope], let day = counts.days[periods.day], let month = counts.months[periods.month] else {
            return nil
        }
        return (day.spent, month.spent, day.reserved)
    }

    /// How many requests of a scope are under way.
    package func concurrent(_ scope: String) -> Int { scopes[scope]?.concurrent ?? 0 }

    /// Forgets what was spent, to be asked for again, but not what is reserved; at most once in ten seconds.
    package mutating func forgetBudgets(at time: LimitTime) {
        if let lastForgotten, time.ticks &- lastForgotten < 10_000 { return }
        lastForgotten = time.ticks
        for name in scopes.keys {
            scopes[name]?.days.forgetSpent()
            scopes[name]?.months.forgetSpent()
        }
    }

    /// Forgets idle scopes, once a minute.
    private mutating func sweep(_ time: LimitTime, _ periods: BudgetPeriods) {
        guard time.ticks &- lastSweep >= 60_000 else { return }
        lastSweep = time.ticks
        for name in scopes.keys { scopes[name]?.window.advance(to: time.ticks) }
        scopes = scopes.filter { !$0.value.isIdle(in: periods) }
    }

    /// The state of the narrowest limit of each kind.
    private func statuses(_ claim: LimitClaim, _ time: LimitTime) -> [LimitStatus] {
        var narrowest: [LimitStatus] = []
        for scope in claim.scopes {
            for status in scopes[scope.name]?.statuses(scope.rules, at: time) ?? [] {
                if let place = narrowest.firstIndex(where: { $0.kind == status.kind }) {
                    if status.remaining < narrowest[place].remaining { narrowest[place] = status }
                } else {
                    narrowest.append(status)
                }
            }
        }
        return narrowest
    }
}

extension LimitClaim {
    /// Tokens and money together.
    var amount: SpentAmount { SpentAmount(tokens: tokens, cost: cost ?? .zero) }

    /// The same within what every engine counts exactly.
    var clamped: LimitClaim {
        let amount = amount.clamped
        return LimitClaim(scopes, tokens: amount.tokens, cost: cost == nil ? nil : amount.cost)
    }
}
