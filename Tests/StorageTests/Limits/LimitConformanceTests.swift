// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

/// What both engines must do alike.
@Suite("Limits, in memory and in Redis", .serialized) struct LimitConformanceTests {
    typealias Engine = CounterBench.Engine

    private func claim(_ rules: LimitRules, tokens: Int = 0, cost: Int64? = 0, scope: String = "key:a") -> LimitClaim {
        LimitClaim([LimitScope(scope, rules)], tokens: tokens, cost: cost.map { Money(nanos: $0) })
    }

    @Test(
        "of a burst of 30 a limit of 10 a minute lets exactly 10 pass, and whoever obeys retryAfter passes",
        arguments: Engine.allCases)
    func burst(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let wanted = claim(LimitRules { $0.requestsPerMinute = 10 })
        let verdicts = try (0..<30).map { _ in try bench.claim(wanted) }
        #expect(verdicts.filter { $0.lease != nil }.count == 10)
        #expect(verdicts.dropFirst(10).allSatisfy { $0.kind == .requests })
        let wait = try #require(verdicts[29].retryAfter)
        #expect((60_000...60_100).contains(wait))
        bench.clock.wall += Int64(wait - 1) * 1000
        #expect(try bench.claim(wanted).lease == nil)
        bench.clock.wall += 1000
        #expect(try bench.claim(wanted).lease != nil)
    }

    @Test("the edge between two minutes lets nobody pass twice", arguments: Engine.allCases)
    func edge(_ engine: Engine) throws {
        let bench = try CounterBench(engine, at: CounterBench.noon + 59_950_000)
        let wanted = claim(LimitRules { $0.requestsPerMinute = 10 })
        for _ in 0..<10 { #expect(try bench.claim(wanted).lease != nil) }
        bench.clock.wall += 100_000
        for _ in 0..<10 { #expect(try bench.claim(wanted).lease == nil) }
    }

    @Test("tokens are counted by estimate at first and by use at the end", arguments: Engine.allCases)
    func tokens(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let rules = LimitRules { $0.tokensPerMinute = 1000 }
        let first = try bench.claim(claim(rules, tokens: 600))
        #expect(first.statuses == [LimitStatus(kind: .tokens, limit: 1000, remaining: 400, resetAfter: 60_100)])
        #expect(try bench.claim(claim(rules, tokens: 600)).kind == .tokens)
        try bench.settle(try #require(first.lease), tokens: 100)
        let second = try bench.claim(claim(rules, tokens: 600))
        #expect(second.statuses.first?.remaining == 300)
        // What was used beyond the estimate counts too.
        try bench.settle(try #require(second.lease), tokens: 900)
        #expect(try bench.claim(claim(rules, tokens: 1)).kind == .tokens)
        #expect(try bench.claim(claim(rules, tokens: 1001)).retryAfter == nil, "more than the limit itself never fits")
    }

    @Test("a budget that a scope gets while its requests run is charged by them too", arguments: Engine.allCases)
    func laterBudget(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let running = try #require(try bench.claim(claim(LimitRules { $0.concurrent = 9 }, tokens: 5)).lease)
        let rules = LimitRules { $0.tokensPerDay = 100 }
        try bench.settle(try #require(try bench.claim(claim(rules, tokens: 10)).lease), tokens: 10)
        try bench.settle(running, tokens: 85)
        #expect(try bench.claim(claim(rules, tokens: 6)).kind == .tokenBudget)
        #expect(try bench.claim(claim(rules, tokens: 5)).lease != nil)
    }

    @Test("what has no lease of a scope is charged to its budgets, in the day in which it began", arguments: Engine.allCases)
    func chargeWithoutLease(_ engine: Engine) throws {
        let source = FixedSource(day: SpentAmount(tokens: 50), month: SpentAmount(tokens: 50))
        let bench = try CounterBench(engine, source: source)
        let rules = LimitRules { $0.tokensPerDay = 100 }
        // What was spent is not known yet: the durable account has this, or will have it.
        try bench.charge("key:a", tokens: 40, began: bench.clock.wall)
        let first = try #require(try bench.claim(claim(rules, tokens: 10)).lease)
        try bench.charge("key:a", tokens: 30, began: bench.clock.wall)
        try bench.charge("key:a", tokens: 1000, began: bench.clock.wall - 86_400_000_000)
        try bench.charge("key:b", tokens: 1000, began: bench.clock.wall)
        #expect(try bench.claim(claim(rules, tokens: 11)).kind == .tokenBudget)
        try bench.settle(first, tokens: 10)
        #expect(try bench.claim(claim(rules, tokens: 11)).kind == .tokenBudget)
        #expect(try bench.claim(claim(rules, tokens: 10)).lease != nil)
    }

    @Test("a slot is free again as soon as its request ends, however often that is told", arguments: Engine.allCases)
    func concurrency(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let wanted = claim(LimitRules { $0.concurrent = 2 })
        let leases = try (0..<2).map { _ in try #require(try bench.claim(wanted).lease) }
        #expect(try bench.claim(wanted).kind == .concurrent)
        for _ in 0..<3 { try bench.settle(leases[0]) }
        #expect(try bench.claim(wanted).lease != nil)
        #expect(try bench.claim(wanted).kind == .concurrent)
    }

    @Test("a budget holds what is reserved, gives back what was not used, and ends with its day", arguments: Engine.allCases)
    func budget(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let rules = LimitRules { $0.moneyPerDay = Money(nanos: 1000) }
        let first = try bench.claim(claim(rules, tokens: 5, cost: 700))
        #expect(try bench.claim(claim(rules, tokens: 5, cost: 700)).retryAfter == 1000, "what is reserved may come back soon")
        try bench.settle(try #require(first.lease), tokens: 5, cost: Money(nanos: 400))
        let second = try bench.claim(claim(rules, tokens: 5, cost: 600))
        #expect(second.lease != nil)
        try bench.settle(try #require(second.lease), tokens: 5, cost: Money(nanos: 600))
        let refused = try bench.claim(claim(rules, tokens: 5, cost: 1))
        #expect(refused.kind == .moneyBudget)
        #expect(refused.retryAfter == 12 * 3_600_000 + 1, "until midnight")
        bench.clock.wall += Int64(try #require(refused.retryAfter)) * 1000
        #expect(try bench.claim(claim(rules, tokens: 5, cost: 1000)).lease != nil)
    }

    @Test("a stream over midnight is charged to the day in which it began", arguments: Engine.allCases)
    func midnight(_ engine: Engine) throws {
        // 28 February of a leap year, a second before midnight: the 29th is of the same month, the day after it is not.
        let start: Int64 = 1_835_395_199_000_000
        let bench = try CounterBench(engine, at: start)
        let rules = LimitRules {
            $0.tokensPerDay = 100
            $0.tokensPerMonth = 150
        }
        let lease = try #require(try bench.claim(claim(rules, tokens: 90)).lease)
        bench.clock.wall += 2_000_000
        let next = try bench.claim(claim(rules, tokens: 60))
        #expect(next.lease != nil, "the new day has its own budget, the month goes on")
        #expect(try bench.claim(claim(rules, tokens: 1)).kind == .tokenBudget)
        try bench.settle(lease, tokens: 90)
        try bench.settle(try #require(next.lease), tokens: 60)
        #expect(try bench.claim(claim(rules, tokens: 40)).kind == .tokenBudget, "all of the month is spent")
        bench.clock.wall += 86_400_000_000
        #expect(try bench.claim(claim(rules, tokens: 100)).lease != nil, "1 March")
    }

    @Test("all scopes have room or none is touched", arguments: Engine.allCases)
    func atomicity(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let key = LimitScope("key:a", LimitRules { $0.requestsPerMinute = 10 })
        let full = LimitScope("org:x", LimitRules { $0.concurrent = 0 })
        for _ in 0..<20 {
            let verdict = try bench.claim(LimitClaim([key, full], tokens: 1, cost: nil))
            #expect(verdict == .refused(.concurrent, scope: "org:x", retryAfter: nil, verdict.statuses))
        }
        #expect(try bench.claim(LimitClaim([key], tokens: 1, cost: nil)).statuses.first?.remaining == 9)
    }

    @Test("no count gives credit: negative, huge", arguments: Engine.allCases)
    func nonsense(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let rules = LimitRules { $0.tokensPerDay = 1000 }
        for used in [Int.min, -1, -1_000_000] {
            let lease = try #require(try bench.claim(claim(rules, tokens: used)).lease)
            try bench.settle(lease, tokens: used, cost: Money(nanos: .min))
        }
        let lease = try #require(try bench.claim(claim(rules, tokens: 1000)).lease)
        #expect(try bench.claim(claim(rules, tokens: 1)).kind == .tokenBudget)
        try bench.settle(lease, tokens: .max, cost: Money(nanos: .max))
        #expect(try bench.claim(claim(rules, tokens: 1)).kind == .tokenBudget)
        #expect(try bench.claim(claim(rules, tokens: .max)).kind == .tokenBudget)
    }

    @Test("what was spent before is asked for once, and counts", arguments: Engine.allCases)
    func seeds(_ engine: Engine) throws {
        let source = FixedSource(day: SpentAmount(tokens: 90), month: SpentAmount(tokens: 900))
        let bench = try CounterBench(engine, source: source)
        let rules = LimitRules { $0.tokensPerDay = 100 }
        #expect(try bench.claim(claim(rules, tokens: 11)).kind == .tokenBudget)
        #expect(try bench.claim(claim(rules, tokens: 10)).lease != nil)
        #expect(source.questions == 2, "the day and the month")
        source.day = nil
        #expect(try bench.claim(claim(rules, tokens: 1, scope: "key:other")) == .unavailable)
        _ = try bench.claim(claim(LimitRules { $0.requestsPerMinute = 5 }, scope: "key:third"))
        #expect(source.questions == 3, "a caller without a budget has nothing to ask")
    }

    @Test("a clock set back by an hour locks nobody out and lets nobody pass", arguments: [Engine.redis])
    func setBack(_ engine: Engine) throws {
        let bench = try CounterBench(engine)
        let wanted = claim(LimitRules { $0.requestsPerMinute = 3 })
        for _ in 0..<3 { #expect(try bench.claim(wanted).lease != nil) }
        bench.clock.wall -= 3_600_000_000
        let refused = try bench.claim(wanted)
        #expect(refused.kind == .requests)
        #expect(try #require(refused.retryAfter) <= 60_100)
        bench.clock.wall += 60_100_000
        #expect(try bench.claim(wanted).lease != nil)
    }

    @Test("random use agrees with a count by hand", arguments: Engine.allCases, 1...4 as ClosedRange<UInt64>)
    func agreement(_ engine: Engine, seed: UInt64) throws {
        var random = SplitMix(seed)
        let bench = try CounterBench(engine, at: CounterBench.noon + Int64(seed) * 7_777_777)
        var naive = NaiveLimits()
        var open: [LimitLease] = []
        let key = LimitRules {
            $0.requestsPerMinute = 12
            $0.tokensPerMinute = 5000
            $0.concurrent = 6
            $0.tokensPerDay = 40_000
            $0.moneyPerMonth = Money(nanos: 90_000)
        }
        let other = LimitRules { $0.tokensPerMinute = 9000 }
        for step in 0..<600 {
            switch random.next() % 10 {
            case 0..<6:
                let scopes = [LimitScope("key:\(random.next() % 2)", key), LimitScope("org:o", other)]
                let wanted = LimitClaim(
                    scopes, tokens: Int(random.next() % 1500), cost: Money(nanos: Int64(random.next() % 2000)))
                let verdict = try bench.claim(wanted)
                let expected = naive.fits(wanted, at: bench.clock.wall)
                try #require((verdict.lease != nil) == expected, "step \(step): \(verdict)")
                if let lease = verdict.lease {
                    naive.grant(lease.id, wanted, at: bench.clock.wall)
                    open.append(lease)
                }
            case 6, 7:
                guard !open.isEmpty else { continue }
                let lease = open.remove(at: Int(random.next() % UInt64(open.count)))
                let tokens = Int(random.next() % 1800)
                let cost = Money(nanos: Int64(random.next() % 2500))
                try bench.settle(lease, tokens: tokens, cost: cost)
                naive.settle(lease.id, tokens, cost)
            case 8: bench.clock.wall += Int64(random.next() % 20_000_000)
            default: bench.clock.wall += random.next() % 8 == 0 ? Int64(random.next() % 172_800_000_000) : 130_000
            }
        }
    }
}

/// Keeps every request, and adds up from the beginning each time.
struct NaiveLimits {
    struct Entry {
        let id: String
        let at: Int64
        let claim: LimitClaim
        var tokens: Int
        var cost: Money
        var isOpen = true
    }

    private var entries: [Entry] = []

    func fits(_ claim: LimitClaim, at now: Int64) -> Bool {
        let today = BudgetPeriods(microseconds: now)
        return claim.scopes.allSatisfy { scope in
            let own = entries.filter { entry in entry.claim.scopes.contains { $0.name == scope.name } }
            let live = own.filter { now / 100_000 - $0.at / 100_000 <= 600 }
            let day = own.filter { BudgetPeriods(microseconds: $0.at).day == today.day }
            let month = own.filter { BudgetPeriods(microseconds: $0.at).month == today.month }
            func room(_ used: Int, _ more: Int, _ limit: Int?) -> Bool { limit.map { more == 0 || used + more <= $0 } ?? true }
            let rules = scope.rules
            let cost = claim.cost ?? .zero
            return room(live.count, 1, rules.requestsPerMinute)
                && room(live.reduce(0) { $0 + $1.tokens }, claim.tokens, rules.tokensPerMinute)
                && room(own.filter(\.isOpen).count, 1, rules.concurrent)
                && room(day.reduce(0) { $0 + $1.tokens }, claim.tokens, rules.tokensPerDay)
                && room(month.reduce(0) { $0 + Int($1.cost.nanos) }, Int(cost.nanos), rules.moneyPerMonth.map { Int($0.nanos) })
        }
    }

    mutating func grant(_ id: String, _ claim: LimitClaim, at now: Int64) {
        entries.append(Entry(id: id, at: now, claim: claim, tokens: claim.tokens, cost: claim.cost ?? .zero))
    }

    mutating func settle(_ id: String, _ tokens: Int, _ cost: Money) {
        guard let place = entries.firstIndex(where: { $0.id == id }) else { return }
        entries[place].tokens = tokens
        entries[place].cost = cost
        entries[place].isOpen = false
    }
}

/// A generator that gives the same numbers for the same seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
