// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What one scope has used and reserved.
struct ScopeCounts: Sendable {
    var window = SlidingWindow()
    /// Requests under way.
    var concurrent = 0
    var days = BudgetWindows()
    var months = BudgetWindows()

    /// What is in the way of a claim.
    struct Obstacle {
        var kind: LimitKind
        /// Milliseconds until it may be out of the way; `nil` for never.
        var wait: Int?

        /// Whether to tell of this one rather than of another: who waits long enough for this one has waited for both.
        func outweighs(_ other: Obstacle?) -> Bool {
            guard let other else { return true }
            guard let wait, let otherWait = other.wait else { return wait == nil && other.wait != nil }
            return wait > otherWait
        }
    }

    /// Whether what was spent in these periods is known.
    func knows(_ periods: BudgetPeriods) -> Bool {
        days[periods.day]?.isKnown == true && months[periods.month]?.isKnown == true
    }

    /// Whether it would make no difference to forget it.
    func isIdle(in periods: BudgetPeriods) -> Bool {
        window.isEmpty && concurrent == 0 && !(days[periods.day]?.isUsed ?? false) && !(months[periods.month]?.isUsed ?? false)
    }

    /// The worst of what is in the way of a claim; the window must have been advanced.
    func obstacle(to claim: LimitClaim, _ rules: LimitRules, at time: LimitTime, _ periods: BudgetPeriods) -> Obstacle? {
        var worst: Obstacle?
        func consider(_ obstacle: Obstacle?) {
            if let obstacle, obstacle.outweighs(worst) { worst = obstacle }
        }
        if let limit = rules.concurrent, concurrent >= limit {
            // When another one ends cannot be known.
            consider(Obstacle(kind: .concurrent, wait: limit > 0 ? 1000 : nil))
        }
        if let limit = rules.requestsPerMinute, window.requests >= limit {
            consider(Obstacle(kind: .requests, wait: window.wait(at: time.ticks) { requests, _ in requests < limit }))
        }
        if let limit = rules.tokensPerMinute, claim.tokens > 0, !ScopeCounts.fits(window.tokens, claim.tokens, limit) {
            consider(
                Obstacle(
                    kind: .tokens,
                    wait: window.wait(at: time.ticks) { _, tokens in ScopeCounts.fits(tokens, claim.tokens, limit) }))
        }
        if let window = days[periods.day] {
            let wait = time.wait(untilDay: periods.day + 1)
            consider(window.obstacle(to: claim, tokens: rules.tokensPerDay, wait))
            consider(window.obstacle(to: claim, money: rules.moneyPerDay, wait))
        }
        if let window = months[periods.month] {
            let wait = time.wait(untilDay: periods.nextMonth)
            consider(window.obstacle(to: claim, tokens: rules.tokensPerMonth, wait))
            consider(window.obstacle(to: claim, money: rules.moneyPerMonth, wait))
        }
        return worst
    }

    static func fits(_ used: Int, _ more: Int, _ limit: Int) -> Bool {
        let (sum, isTooLarge) = used.addingReportingOverflow(more)
        return !isTooLarge && sum <= limit
    }

    /// The state of the limits of a minute.
    func statuses(_ rules: LimitRules, at time: LimitTime) -> [LimitStatus] {
        let reset = window.resetAfter(time.ticks)
        var statuses: [LimitStatus] = []
        if let limit = rules.requestsPerMinute {
            statuses.append(
                LimitStatus(kind: .requests, limit: limit, remaining: max(0, limit &- window.requests), resetAfter: reset))
        }
        if let limit = rules.tokensPerMinute {
            statuses.append(
                LimitStatus(kind: .tokens, limit: limit, remaining: max(0, limit &- window.tokens), resetAfter: reset))
        }
        return statuses
    }
}

/// What was spent and is reserved in one day or month.
struct BudgetWindow: Sendable {
    /// The day, or the first day of the month.
    let index: Int
    var spent: SpentAmount
    var reserved = SpentAmount()
    /// Whether `spent` is what was told; if not, it must be asked for again.
    var isKnown = true

    /// Whether it holds anything that would be lost with it.
    var isUsed: Bool { spent != SpentAmount() || reserved != SpentAmount() }

    /// Whether its tokens are in the way of a claim; `wait` in milliseconds is when the period ends.
    func obstacle(to claim: LimitClaim, tokens limit: Int?, _ wait: Int) -> ScopeCounts.Obstacle? {
        guard let limit, claim.tokens > 0, !ScopeCounts.fits((spent + reserved).tokens, claim.tokens, limit) else { return nil }
        let fitsSoon = ScopeCounts.fits(spent.tokens, claim.tokens, limit)
        return .init(kind: .tokenBudget, wait: claim.tokens > limit ? nil : fitsSoon ? BudgetWindow.soon : wait)
    }

    /// Whether its money is in the way of a claim; `wait` in milliseconds is when the period ends.
    func obstacle(to claim: LimitClaim, money limit: Money?, _ wait: Int) -> ScopeCounts.Obstacle? {
        guard let limit, let cost = claim.cost, cost > .zero, (spent + reserved).cost + cost > limit else { return nil }
        return .init(kind: .moneyBudget, wait: cost > limit ? nil : spent.cost + cost <= limit ? BudgetWindow.soon : wait)
    }

    /// Milliseconds to wait for what others have reserved, which may come back at any moment.
    private static let soon = 1000
}

/// The windows of the two periods that were looked at last: a clock that is set back and forth finds what it left.
struct BudgetWindows: Sendable {
    private var latest: BudgetWindow?
    private var other: BudgetWindow?

    subscript(index: Int) -> BudgetWindow? {
        if let latest, latest.index == index { return latest }
        if let other, other.index == index { return other }
        return nil
    }

    /// Makes a period known; one that is known already stays as it is.
    mutating func open(_ index: Int, spent: SpentAmount) {
        if let window = self[index] {
            guard !window.isKnown else { return }
            return change(index) { ($0.spent, $0.isKnown) = (spent.clamped, true) }
        }
        other = latest
        latest = BudgetWindow(index: index, spent: spent.clamped)
    }

    /// Makes what was spent unknown; what is reserved stays.
    mutating func forgetSpent() {
        for index in [latest?.index, other?.index] {
            if let index { change(index) { ($0.spent, $0.isKnown) = (SpentAmount(), false) } }
        }
    }

    /// Changes a period that is known.
    mutating func change(_ index: Int, _ change: (inout BudgetWindow) -> Void) {
        if latest?.index == index, var window = latest {
            change(&window)
            latest = window
        } else if other?.index == index, var window = other {
            change(&window)
            other = window
        }
    }
}
