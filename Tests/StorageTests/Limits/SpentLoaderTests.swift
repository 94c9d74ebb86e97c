// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

/// What ends while it is being found out what was spent.
@Suite("Budgets that are being looked up", .serialized) struct SpentLoaderTests {
    typealias Engine = CounterBench.Engine

    private let rules = LimitRules { $0.tokensPerDay = 1000 }

    private func claim(_ tokens: Int, _ rules: LimitRules? = nil) -> LimitClaim {
        LimitClaim([LimitScope("key:a", rules ?? self.rules)], tokens: tokens, cost: .zero)
    }

    /// A claim that waits for what was spent.
    private func waitingClaim(_ bench: CounterBench, _ source: HeldSource, _ tokens: Int) throws -> () throws -> LimitVerdict {
        try bench.tellTime()
        var verdict: LimitVerdict?
        bench.counters.claim(claim(tokens)) { verdict = $0 }
        try bench.wait("the question") { source.questions.count == 1 }
        return {
            try bench.wait("a verdict") { verdict != nil }
            return try #require(verdict)
        }
    }

    @Test("what ends meanwhile is asked for again, with a lease and without, and counts once", arguments: Engine.allCases)
    func askedAgain(_ engine: Engine) throws {
        let source = HeldSource()
        let bench = try CounterBench(engine, source: source)
        let running = try #require(try bench.claim(claim(5, LimitRules { $0.concurrent = 9 })).lease)
        let verdict = try waitingClaim(bench, source, 100)
        try bench.charge("key:a", tokens: 300, began: bench.clock.wall)
        // Whether the first answers have it cannot be known.
        source.answer(0)
        try bench.settle(running, tokens: 500)
        source.answer(300)
        #expect(source.questions.count == 1, "both are asked again")
        source.answer(800)
        source.answer(800)
        let lease = try #require(try verdict().lease)
        #expect(source.questions.isEmpty)
        #expect(try bench.claim(claim(101)).kind == .tokenBudget)
        try bench.settle(lease, tokens: 100)
        #expect(try bench.claim(claim(101)).kind == .tokenBudget)
        #expect(try bench.claim(claim(100)).lease != nil)
    }

    @Test("what ends meanwhile each time is added at last", arguments: Engine.allCases)
    func added(_ engine: Engine) throws {
        let source = HeldSource()
        let bench = try CounterBench(engine, source: source)
        let verdict = try waitingClaim(bench, source, 100)
        for spent in [0, 100, 200] {
            try bench.charge("key:a", tokens: 100, began: bench.clock.wall)
            source.answer(spent)
            source.answer(spent)
        }
        #expect(source.questions.isEmpty, "enough")
        #expect(try verdict().lease != nil)
        #expect(try bench.claim(claim(601)).kind == .tokenBudget)
        #expect(try bench.claim(claim(600)).lease != nil)
    }

    @Test(
        "what began in another period, belongs to another scope or used nothing is no reason to ask again",
        arguments: Engine.allCases)
    func unconcerned(_ engine: Engine) throws {
        let source = HeldSource()
        let bench = try CounterBench(engine, source: source)
        let verdict = try waitingClaim(bench, source, 100)
        try bench.charge("key:b", tokens: 100, began: bench.clock.wall)
        try bench.charge("key:a", tokens: 0, began: bench.clock.wall)
        try bench.charge("key:a", tokens: 100, began: bench.clock.wall - 40 * 86_400_000_000)
        source.answer(0)
        source.answer(0)
        #expect(source.questions.isEmpty)
        #expect(try verdict().lease != nil)
    }

    @Test("yesterday's use that ends meanwhile concerns the month", arguments: Engine.allCases)
    func yesterday(_ engine: Engine) throws {
        let source = HeldSource()
        let bench = try CounterBench(engine, source: source)
        let verdict = try waitingClaim(bench, source, 100)
        try bench.charge("key:a", tokens: 100, began: bench.clock.wall - 86_400_000_000)
        source.answer(0)
        source.answer(0)
        #expect(source.questions.count == 1)
        source.answer(0)
        source.answer(100)
        #expect(try verdict().lease != nil)
    }

    /// An account that takes a while to store what is recorded, and to answer.
    private final class SlowAccount: SpentSource {
        typealias Entry = (began: Int64, tokens: Int)
        private struct Read {
            let days: ClosedRange<Int>
            /// How much must be stored before it begins.
            let needed: Int
            let done: (SpentAmount?) -> Void
            var sum: Int?
        }

        var recorded: [Entry] = []
        private var stored = 0
        private var reads: [Read] = []
        /// How often a day was asked for since all was quiet.
        private(set) var tries = 0

        func spent(scope: String, days: ClosedRange<Int>, _ done: @escaping (SpentAmount?) -> Void) {
            if days.count == 1 { tries += 1 }
            reads.append(Read(days: days, needed: recorded.count, done: done))
        }

        func used(on days: ClosedRange<Int>, among count: Int? = nil) -> Int {
            recorded[..<(count ?? recorded.count)].filter { days.contains(BudgetPeriods(microseconds: $0.began).day) }
                .reduce(0) { $0 + $1.tokens }
        }

        /// Stores something, or looks something up, or answers.
        func goOn(_ random: inout SplitMix) {
            switch random.next() % 3 {
            case 0: stored += recorded.isEmpty ? 0 : Int(random.next() % UInt64(recorded.count - stored + 1))
            case 1:
                for index in reads.indices where reads[index].sum == nil && reads[index].needed <= stored {
                    reads[index].sum = used(on: reads[index].days, among: stored)
                }
            default:
                guard let place = reads.firstIndex(where: { $0.sum != nil }) else { return }
                let read = reads.remove(at: place)
                read.done(SpentAmount(tokens: read.sum ?? 0))
                if reads.isEmpty { tries = 0 }
            }
        }
    }

    @Test(
        "whatever comes in between, all that was used is counted, and once but where something ends at each try",
        arguments: 1...200 as ClosedRange<UInt64>, [true, false])
    func interleavings(_ seed: UInt64, isExact: Bool) throws {
        var random = SplitMix(seed)
        let clock = HandClock(CounterBench.noon + 43_000_000_000)
        let shared = SharedLimitLedger { clock.time }
        let account = SlowAccount()
        let counters = MemoryLimitCounters(shared, source: account)
        let free = LimitRules { $0.concurrent = 1_000_000 }
        let limited = LimitRules { $0.tokensPerMonth = 1 << 40 }
        var open: [(lease: LimitLease?, began: Int64)] = []
        var asked = 0
        var decided = 0
        func begin(_ rules: LimitRules) {
            asked += 1
            counters.claim(claim(Int(random.next() % 50), rules)) { verdict in
                decided += 1
                if let lease = verdict.lease { open.append((lease, lease.granted)) }
            }
        }
        func end() {
            guard !open.isEmpty else { return }
            let (lease, began) = open.remove(at: Int(random.next() % UInt64(open.count)))
            let tokens = Int(random.next() % 100)
            if let lease {
                counters.settle(lease, tokens: tokens, cost: .zero)
            } else {
                counters.charge("key:a", SpentAmount(tokens: tokens), began: began)
            }
            account.recorded.append((began, tokens))
        }
        for _ in 0..<1000 {
            switch random.next() % 12 {
            case 0: begin(limited)
            case 1: begin(free)
            case 2: open.append((nil, clock.wall))
            case 3 where !isExact || account.tries < 3: end()
            case 4 where random.next() % 4 == 0: counters.forgetBudgets()
            case 5: clock.wall += Int64(random.next() % 10_000_000)
            default: account.goOn(&random)
            }
        }
        begin(limited)
        for _ in 0..<100_000 where decided < asked { account.goOn(&random) }
        try #require(decided == asked)
        let periods = BudgetPeriods(microseconds: clock.wall)
        let spent = try #require(shared.withLedger { ledger, _ in ledger.spent("key:a", periods).map { [$0.day, $0.month] } })
        for (spent, days) in [(spent[0], periods.day...periods.day), (spent[1], periods.month...periods.day)] {
            let used = account.used(on: days)
            #expect(isExact ? spent.tokens == used : spent.tokens >= used, "\(spent.tokens) and \(used)")
        }
    }
}
