// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

@Suite("Limits by a clock in hand") struct LimitLedgerTests {
    private func time(_ milliseconds: Int64, wall: Int64? = nil) -> LimitTime {
        LimitTime(ticks: milliseconds, wall: wall ?? CounterBench.noon + milliseconds * 1000)
    }

    private func claim(_ rules: LimitRules, tokens: Int = 0, cost: Int64 = 0, scope: String = "key:a") -> LimitClaim {
        LimitClaim([LimitScope(scope, rules)], tokens: tokens, cost: Money(nanos: cost))
    }

    private func isGranted(_ decision: LimitLedger.Decision) -> Bool { if case .granted = decision { true } else { false } }

    @Test("over minutes at half as much again a limit lets through the limit within 1 %", arguments: [60, 1000, 6000])
    func rate(_ limit: Int) {
        var ledger = LimitLedger()
        let rules = LimitRules { $0.requestsPerMinute = limit }
        var passed = 0
        let total = limit * 3 / 2 * 5
        for number in 0..<total {
            let moment = time(1_000_000 + Int64(number) * 300_000 / Int64(total))
            if isGranted(ledger.claim(claim(rules), id: "\(number)", at: moment)) { passed += 1 }
        }
        // Five minutes.
        #expect(Double(passed) <= Double(limit * 5) && Double(passed) >= Double(limit * 5) * 0.99, "\(passed)")
    }

    @Test("no 60 seconds, wherever they begin, hold more than the limit")
    func anyWindow() {
        var ledger = LimitLedger()
        var random = SplitMix(7)
        let rules = LimitRules { $0.requestsPerMinute = 50 }
        var granted: [Int64] = []
        var now: Int64 = 5_000_000
        for number in 0..<5000 {
            now += Int64(random.next() % 1500)
            if isGranted(ledger.claim(claim(rules), id: "\(number)", at: time(now))) { granted.append(now) }
        }
        for (first, start) in granted.enumerated() {
            let count = granted[first...].prefix { $0 < start + 60_000 }.count
            #expect(count <= 50)
        }
        #expect(granted.count > 1000)
    }

    @Test("a million charges of 100 billionths are exactly a tenth of the unit")
    func exactSums() {
        var ledger = LimitLedger()
        let rules = LimitRules { $0.moneyPerMonth = Money(nanos: 100_000_000) }
        let moment = time(1_000_000)
        let periods = BudgetPeriods(microseconds: moment.wall)
        _ = ledger.claim(claim(rules, cost: 100), id: "first", at: moment)
        ledger.seed("key:a", periods, day: SpentAmount(), month: SpentAmount())
        for number in 0..<1_000_000 {
            guard case .granted(let lease, _) = ledger.claim(claim(rules, cost: 100), id: "\(number)", at: moment) else {
                Issue.record("refused at \(number)")
                return
            }
            ledger.settle(lease, SpentAmount(cost: Money(nanos: 100)))
        }
        #expect(ledger.spent("key:a", periods)?.month.cost == Money(nanos: 100_000_000))
        #expect(!isGranted(ledger.claim(claim(rules, cost: 1), id: "last", at: moment)))
    }

    @Test("the wall clock set back by an hour, across midnight, locks nobody out and gives no second budget")
    func wallSetBack() {
        var ledger = LimitLedger()
        let rules = LimitRules {
            $0.requestsPerMinute = 3
            $0.tokensPerDay = 100
        }
        let midnight = CounterBench.noon + 43_200_000_000
        func decide(_ ticks: Int64, _ wall: Int64, _ tokens: Int) -> LimitLedger.Decision {
            let moment = LimitTime(ticks: ticks, wall: wall)
            let decision = ledger.claim(claim(rules, tokens: tokens), id: "\(ticks)", at: moment)
            guard case .unseeded = decision else { return decision }
            ledger.seed("key:a", BudgetPeriods(microseconds: wall), day: SpentAmount(), month: SpentAmount())
            return ledger.claim(claim(rules, tokens: tokens), id: "\(ticks)", at: moment)
        }
        #expect(isGranted(decide(1_000_000, midnight - 1_000_000, 100)))
        #expect(isGranted(decide(1_002_000, midnight + 1_000_000, 100)), "a new day")
        let back = decide(1_003_000, midnight + 2_000_000 - 3_600_000_000, 1)
        guard case .refused(let kind, _, let wait, _) = back else { return #expect(Bool(false), "\(back)") }
        #expect(kind == .tokenBudget && wait == 1000, "all is reserved on that day too")
        #expect(isGranted(decide(1_004_000, midnight + 3_000_000 - 3_600_000_000, 0)))
        let full = decide(1_005_000, midnight + 4_000_000 - 3_600_000_000, 0)
        guard case .refused(.requests, _, 55_100, _) = full else { return #expect(Bool(false), "\(full)") }
        #expect(
            isGranted(decide(1_060_100, midnight + 59_100_000 - 3_600_000_000, 0)),
            "a minute after the first by the clock that counts")
    }

    @Test("what was spent is asked for again at most once in ten seconds, and what is reserved stays")
    func refreshed() {
        var ledger = LimitLedger()
        let wanted = claim(LimitRules { $0.tokensPerDay = 100 }, tokens: 40)
        let start = time(1_000_000)
        let periods = BudgetPeriods(microseconds: start.wall)
        _ = ledger.claim(wanted, id: "early", at: start)
        ledger.seed("key:a", periods, day: SpentAmount(), month: SpentAmount())
        #expect(isGranted(ledger.claim(wanted, id: "first", at: start)))
        ledger.forgetBudgets(at: start)
        #expect(ledger.claim(wanted, id: "again", at: start) == .unseeded(["key:a"], periods))
        ledger.seed("key:a", periods, day: SpentAmount(tokens: 30), month: SpentAmount(tokens: 30))
        #expect(ledger.spent("key:a", periods)?.reserved.tokens == 40)
        guard case .refused(.tokenBudget, _, _, _) = ledger.claim(wanted, id: "second", at: start) else {
            return #expect(Bool(false), "30 spent and 40 reserved leave no room for 40")
        }
        ledger.forgetBudgets(at: time(1_009_999))
        #expect(ledger.spent("key:a", periods)?.day.tokens == 30)
        ledger.forgetBudgets(at: time(1_010_000))
        #expect(ledger.claim(wanted, id: "third", at: time(1_010_000)) == .unseeded(["key:a"], periods))
    }

    @Test("scopes that are idle are forgotten, those with spent budgets and streams are not")
    func forgets() {
        var ledger = LimitLedger(maxScopes: 2000)
        let rate = LimitRules { $0.requestsPerMinute = 5 }
        let budget = LimitRules { $0.tokensPerDay = 5 }
        let start = time(1_000_000)
        let periods = BudgetPeriods(microseconds: start.wall)
        for number in 0..<1000 {
            for (scope, rules) in [("key:r\(number)", rate), ("key:b\(number)", budget)] {
                let wanted = claim(rules, tokens: 1, scope: scope)
                var decision = ledger.claim(wanted, id: scope, at: start)
                if case .unseeded = decision {
                    ledger.seed(scope, periods, day: SpentAmount(), month: SpentAmount())
                    decision = ledger.claim(wanted, id: scope, at: start)
                }
                guard case .granted(let lease, _) = decision else { return #expect(Bool(false), "\(decision)") }
                if number != 7 { ledger.settle(lease, SpentAmount(tokens: 5)) }
            }
        }
        #expect(ledger.claim(claim(rate, scope: "key:more"), id: "more", at: start) == .full)
        #expect(isGranted(ledger.claim(claim(rate, scope: "key:new"), id: "new", at: time(1_070_000))))
        #expect(ledger.scopeCount == 1002, "the budgets, the stream under way, the new one")
        guard
            case .refused(.tokenBudget, _, _, _) = ledger.claim(
                claim(budget, tokens: 1, scope: "key:b3"), id: "again", at: time(1_070_000))
        else { return #expect(Bool(false)) }
    }

    @Test("days and months of UTC are the calendar's", arguments: [1970, 1999, 2000, 2023, 2024, 2028, 2100])
    func calendar(_ year: Int) throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for month in 1...12 {
            for (day, hour) in [(1, 0), (15, 12), (28, 23)] {
                let date = try #require(calendar.date(from: DateComponents(year: year, month: month, day: day, hour: hour)))
                let periods = BudgetPeriods(microseconds: Int64(date.timeIntervalSince1970) * 1_000_000)
                let first = try #require(calendar.date(from: DateComponents(year: year, month: month, day: 1)))
                let next = try #require(calendar.date(byAdding: .month, value: 1, to: first))
                #expect(periods.day == Int(date.timeIntervalSince1970) / 86_400)
                #expect(periods.month == Int(first.timeIntervalSince1970) / 86_400)
                #expect(periods.nextMonth == Int(next.timeIntervalSince1970) / 86_400)
            }
        }
        #expect(BudgetPeriods(microseconds: -1).day == -1)
    }

    @Test("several threads share one ledger and pass as often as it allows")
    func threads() async {
        let shared = SharedLimitLedger()
        let rules = LimitRules { $0.requestsPerMinute = 500 }
        let wanted = claim(rules)
        let passed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let counters = MemoryLimitCounters(shared)
                    var passed = 0
                    for _ in 0..<200 { counters.claim(wanted) { if $0.lease != nil { passed += 1 } } }
                    return passed
                }
            }
            return await group.reduce(0, +)
        }
        #expect(passed == 500)
    }

    @Test("addresses of Redis are read, and what is wrong in one is told without its password")
    func addresses() throws {
        let full = try RedisAddress("redis://me:p%40ss@example.org:6380/3")
        #expect(full.host == "example.org" && full.port == 6380 && full.database == 3 && full.user == "me")
        #expect(full.password?.reveal() == "p@ss")
        let word = try RedisAddress("redis://:secret@[::1]/")
        #expect(word.host == "::1" && word.port == 6379 && word.user.isEmpty && word.password?.reveal() == "secret")
        #expect(try RedisAddress("redis://cache").host == "cache")
        for wrong in ["redis://", "redis://:hunter2@host:0", "redis://:hunter2@host/x", "rediss://:hunter2@host", "http://host"] {
            let mistake = #expect(throws: RedisAddress.Mistake.self) { try RedisAddress(wrong) }
            #expect(mistake?.message.contains("hunter2") == false)
        }
    }
}

extension RedisAddress {
    init(_ text: String) throws(Mistake) { try self.init(.init(text)) }
}
