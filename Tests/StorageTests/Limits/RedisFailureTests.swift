// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Reactor
import Telemetry
import Testing

@testable import Storage

/// What Redis does to those who rely on it.
@Suite("Limits over a Redis that fails", .serialized) struct RedisFailureTests {
    private let wanted = LimitClaim(
        [LimitScope("key:a", LimitRules { $0.tokensPerDay = 1000 })], tokens: 100, cost: nil)

    private func redis(_ bench: CounterBench) throws -> RedisLimitCounters { try #require(bench.counters as? RedisLimitCounters) }

    @Test("a Redis that comes back empty is told what was spent, and what was settled meanwhile")
    func restartedEmpty() throws {
        let source = FixedSource(day: SpentAmount(), month: SpentAmount())
        let bench = try CounterBench(.redis, source: source) { $0.clock = RedisScript.clock }
        let counters = try redis(bench)
        let lease = try #require(try bench.claim(wanted).lease)
        bench.server?.kill()
        try bench.wait("the loss is noticed") { !counters.isReady }
        #expect(try bench.claim(wanted) == .unavailable)
        counters.settle(lease, tokens: 100, cost: .zero)
        #expect(counters.unsettled == 1)
        source.day = SpentAmount(tokens: 850)
        source.month = SpentAmount(tokens: 850)
        try bench.server?.start()
        try bench.wait("Redis is reached again") { counters.isReady && counters.unsettled == 0 }
        #expect(try bench.claim(wanted).lease != nil)
        #expect(try bench.claim(wanted).kind == .tokenBudget, "850 by the durable account, and 100 reserved")
    }

    @Test("every address of a name is tried: Redis at 127.0.0.1 is reached as localhost, which may be ::1 first")
    func byName() throws {
        let bench = try CounterBench(.redis) { configuration in
            configuration.clock = RedisScript.clock
            let port = configuration.address.port
            if let address = try? RedisAddress(Secret("redis://localhost:\(port)")) { configuration.address = address }
        }
        #expect(try redis(bench).isReady)
        #expect(try bench.claim(wanted).lease != nil)
    }

    @Test("leases that nobody renews are over, those of a living instance are not")
    func leases() throws {
        let bench = try CounterBench(.redis) {
            $0.clock = RedisScript.clock
            $0.leaseLifetime = 900
        }
        let rules = LimitRules {
            $0.concurrent = 1
            $0.tokensPerDay = 100
        }
        let single = LimitClaim([LimitScope("key:a", rules)], tokens: 80, cost: nil)
        let lease = try #require(try bench.claim(single).lease)
        let end = monotonicNow() + 2_500_000_000
        try bench.wait("a few lifetimes") { monotonicNow() > end }
        #expect(try bench.claim(single).kind == .concurrent, "the living keeps its place")
        // The same lease as an instance would leave it that was killed; again where the living one has just renewed it in between.
        let isBack = try (0..<5).contains { _ in
            _ = try bench.redis("DEL", "sluice:l:key:a")
            _ = try bench.redis("ZADD", "sluice:l:key:a", "1", lease.id)
            return try bench.claim(single).lease != nil
        }
        #expect(isBack, "place and tokens have come back")
    }

    @Test("what an instance had reserved that is no more returns, though nobody asked meanwhile")
    func abandoned() throws {
        let bench = try CounterBench(.redis) {
            $0.clock = RedisScript.clock
            $0.leaseLifetime = 300
        }
        let server = try #require(bench.server)
        var configuration = RedisLimitCounters.Configuration(try RedisAddress("redis://127.0.0.1:\(server.port)"))
        configuration.leaseLifetime = 300
        var other: RedisLimitCounters? = RedisLimitCounters(bench.loop, configuration, log: Log(level: LogLevel.error))
        try bench.wait("the other is ready") { other?.isReady == true }
        var granted = 0
        for _ in 0..<10 { other?.claim(wanted) { if $0.lease != nil { granted += 1 } } }
        try bench.wait("its claims") { granted == 10 }
        #expect(try bench.claim(wanted).kind == .tokenBudget)
        other = nil
        let end = monotonicNow() + 2_000_000_000
        try bench.wait("some lifetimes") { monotonicNow() > end }
        #expect(try bench.claim(wanted).lease != nil)
        #expect(try bench.redis("HGET", "sluice:b:key:a", "Dt") == .text("100"))
    }

    @Test("scripts that Redis forgot are sent again; a server that takes no writes counts as none")
    func errors() throws {
        let bench = try CounterBench(.redis)
        _ = try bench.redis("SCRIPT", "FLUSH")
        let lease = try #require(try bench.claim(wanted).lease)
        _ = try bench.redis("SCRIPT", "FLUSH")
        try bench.settle(lease, tokens: 1)
        _ = try bench.redis("CONFIG", "SET", "maxmemory", "1")
        #expect(try bench.claim(wanted) == .unavailable)
        _ = try bench.redis("CONFIG", "SET", "maxmemory", "0")
        #expect(try bench.claim(wanted).lease != nil)
    }

    @Test("a slow Redis costs one claim its deadline and the next nothing; what it grants too late is given back")
    func slow() throws {
        let bench = try CounterBench(.redis) { $0.timeout = 200_000_000 }
        #expect(try bench.claim(wanted).lease != nil)
        bench.server?.freeze(true)
        let start = monotonicNow()
        var first: LimitVerdict?
        bench.counters.claim(wanted) { first = $0 }
        try bench.wait("the deadline") { first != nil }
        #expect(first == .unavailable)
        #expect((150_000_000...3_000_000_000).contains(monotonicNow() - start))
        var second: LimitVerdict?
        bench.counters.claim(wanted) { second = $0 }
        #expect(second == .unavailable, "at once")
        bench.server?.freeze(false)
        try bench.wait("the late lease is given back") { [counters = bench.counters] in counters.unsettled == 0 }
        #expect(try bench.redis("HGET", "sluice:b:key:a", "Dt") == .text("100"), "the first one's alone")
    }

    @Test("more settlements than are kept are lost, and no more room is taken")
    func bounded() throws {
        let bench = try CounterBench(.redis) { $0.maxUnsettled = 10 }
        let counters = try redis(bench)
        bench.server?.kill()
        try bench.wait("the loss is noticed") { !counters.isReady }
        for number in 0..<100 {
            counters.settle(LimitLease(id: "\(number)", claim: wanted, granted: CounterBench.noon), tokens: 1, cost: .zero)
        }
        #expect(counters.unsettled == 10)
    }

    @Test("a password and a database are used; a wrong password is no connection")
    func authentication() throws {
        let server = try RedisServer(["--requirepass", "open sesame"])
        let loop = try EventLoop()
        for (url, isGood) in [
            ("redis://:open%20sesame@localhost:\(server.port)/5", true), ("redis://127.0.0.1:\(server.port)", false),
        ] {
            let counters = RedisLimitCounters(
                loop, RedisLimitCounters.Configuration(try RedisAddress(url)), log: Log(level: LogLevel.error))
            let end = monotonicNow() + (isGood ? 5_000_000_000 : 500_000_000)
            let timer = Recurring(loop) { if counters.isReady || monotonicNow() > end { loop.stop() } }
            withExtendedLifetime(timer) { loop.run() }
            #expect(counters.isReady == isGood)
        }
    }

    @Test("a host without an address, and one that refuses, keep nobody waiting")
    func unreachable() throws {
        let loop = try EventLoop()
        for url in ["redis://no-such-host.invalid", "redis://127.0.0.1:\(try RedisServer.freePort())"] {
            let counters = RedisLimitCounters(
                loop, RedisLimitCounters.Configuration(try RedisAddress(url)), log: Log(level: LogLevel.error))
            var verdicts: [LimitVerdict] = []
            counters.claim(wanted) { verdicts.append($0) }
            let end = monotonicNow() + 700_000_000
            let timer = Recurring(loop) { if monotonicNow() > end { loop.stop() } }
            withExtendedLifetime(timer) { loop.run() }
            counters.claim(wanted) { verdicts.append($0) }
            #expect(verdicts == [.unavailable, .unavailable])
        }
    }

    @Test(
        "a settlement whose answer was lost counts once, also when Redis has forgotten that it was told",
        arguments: [1, 600_000])
    func inDoubt(_ lifetime: Int) throws {
        let bench = try CounterBench(.redis) {
            $0.clock = RedisScript.clock
            $0.settlementLifetime = lifetime
        }
        let counters = try redis(bench)
        let lease = try #require(try bench.claim(wanted).lease)
        bench.server?.freeze(true)
        counters.settle(lease, tokens: 70, cost: .zero)
        try bench.wait("the silence is noticed") { !counters.isReady }
        #expect(counters.unsettled == 1, "Redis has it, and nobody waits for its answer")
        bench.server?.freeze(false)
        try bench.wait("Redis is reached again") { counters.isReady && counters.unsettled == 0 }
        var spent: RedisReply?
        for _ in 0..<1000 where spent == nil || spent == .text("0") { spent = try bench.redis("HGET", "sluice:b:key:a", "dt") }
        #expect(spent == .text("70"))
        #expect(try bench.redis("HGET", "sluice:b:key:a", "Dt") == .text("0"))
    }

    @Test("what is charged where nothing is known leaves nothing in Redis") func noMarks() throws {
        let bench = try CounterBench(.redis)
        try bench.charge("key:a", tokens: 5, began: bench.clock.wall)
        #expect(try bench.redis("KEYS", "sluice:*").list == [])
        #expect(try bench.claim(wanted).lease != nil)
        try bench.charge("key:a", tokens: 5, began: bench.clock.wall)
        #expect(try bench.redis("KEYS", "sluice:x:*").list?.count == 1)
        #expect(try bench.redis("HGET", "sluice:b:key:a", "dt") == .text("5"))
    }
}
