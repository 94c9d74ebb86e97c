// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Reactor
import Synchronization
import Telemetry
import Testing

@testable import Storage

/// A clock that stands until it is told.
final class HandClock: Sendable {
    private let micros: Atomic<Int64>
    init(_ micros: Int64) { self.micros = Atomic(micros) }
    var wall: Int64 {
        get { micros.load(ordering: .relaxed) }
        set { micros.store(newValue, ordering: .relaxed) }
    }
    var time: LimitTime { LimitTime(ticks: wall / 1000, wall: wall) }
}

/// Answers at once from a table, and counts the questions.
final class FixedSource: SpentSource {
    var day: SpentAmount?
    var month: SpentAmount?
    var questions = 0
    init(day: SpentAmount?, month: SpentAmount?) {
        self.day = day
        self.month = month
    }
    func spent(scope: String, days: ClosedRange<Int>, _ done: @escaping (SpentAmount?) -> Void) {
        questions += 1
        done(days.count == 1 ? day : month)
    }
}

/// Keeps every question, to be answered by the test.
final class HeldSource: SpentSource {
    var questions: [(days: ClosedRange<Int>, done: (SpentAmount?) -> Void)] = []
    func spent(scope: String, days: ClosedRange<Int>, _ done: @escaping (SpentAmount?) -> Void) {
        questions.append((days, done))
    }
    /// Answers the oldest question.
    func answer(_ tokens: Int) {
        guard !questions.isEmpty else {
            Issue.record("nothing was asked")
            return
        }
        questions.removeFirst().done(SpentAmount(tokens: tokens))
    }
}

/// One engine of limits with a clock under the test's hand, driven to the end of each call.
final class CounterBench {
    enum Engine: String, CaseIterable, CustomTestStringConvertible {
        case memory, redis
        var testDescription: String { rawValue }
    }

    let loop: EventLoop
    let clock: HandClock
    private(set) var counters: any LimitCounters
    var server: RedisServer?
    private var raw: RedisConnection?
    private var told: Int64 = 0
    private var isConnected = false
    private var identifiers = 0

    /// Noon of 10 July 2026.
    static let noon: Int64 = 1_783_684_800_000_000

    init(
        _ engine: Engine, at start: Int64 = CounterBench.noon, source: (any SpentSource)? = nil,
        change: (inout RedisLimitCounters.Configuration) -> Void = { _ in }
    ) throws {
        loop = try EventLoop()
        let clock = HandClock(start)
        self.clock = clock
        guard engine == .redis else {
            counters = MemoryLimitCounters(SharedLimitLedger { clock.time }, source: source)
            return
        }
        let server = try RedisServer()
        self.server = server
        let address = try RedisAddress(Secret("redis://127.0.0.1:\(server.port)"))
        var configuration = RedisLimitCounters.Configuration(address)
        configuration.timeout = 5_000_000_000
        configuration.leaseLifetime = 1_000_000_000
        configuration.clock = """
            (function()
              local micros = tonumber(redis.call('GET', 'clock') or 0)
              return {math.floor(micros / 1000000), micros % 1000000}
            end)()
            """
        change(&configuration)
        let redis = RedisLimitCounters(loop, configuration, source: source, log: Log(level: .error))
        counters = redis
        raw = RedisConnection(
            loop, address, greeting: [RedisCommand(["PING"])], onReady: { [unowned self] _ in isConnected = true },
            onLost: { [unowned self] _ in isConnected = false })
        raw?.start()
        try wait("Redis is reached") { self.isConnected && redis.isReady }
    }

    deinit { raw?.closeForGood() }

    /// Runs the loop until the condition holds.
    func wait(_ what: String, seconds: Double = 10, _ condition: @escaping () -> Bool) throws {
        let end = monotonicNow() + UInt64(seconds * 1e9)
        guard !condition() else { return }
        let timer = Recurring(loop) { [loop] in if condition() || monotonicNow() > end { loop.stop() } }
        withExtendedLifetime(timer) { loop.run() }
        try #require(condition(), "\(what) within \(seconds) s")
    }

    /// Any command, straight to Redis.
    func redis(_ words: String...) throws -> RedisReply {
        var reply: RedisReply?
        var isOver = false
        raw?.send(RedisCommand(words)) { outcome in
            if case .reply(let found) = outcome { reply = found }
            isOver = true
        }
        try wait("an answer to \(words[0])") { isOver }
        return try #require(reply)
    }

    func claim(_ claim: LimitClaim) throws -> LimitVerdict {
        try tellTime()
        var verdict: LimitVerdict?
        counters.claim(claim) { verdict = $0 }
        try wait("a verdict") { verdict != nil }
        return try #require(verdict)
    }

    /// Tells Redis what the clock shows.
    func tellTime() throws {
        if server != nil, told != clock.wall {
            told = clock.wall
            raw?.send(RedisCommand(["SET", "clock", String(told)])) { _ in }
            _ = try redis("PING")
        }
    }

    func settle(_ lease: LimitLease, tokens: Int = 0, cost: Money = .zero) throws {
        counters.settle(lease, tokens: tokens, cost: cost)
        try wait("the settlement") { [counters] in counters.unsettled == 0 }
    }

    func charge(_ scope: String, tokens: Int, began: Int64) throws {
        counters.charge(scope, SpentAmount(tokens: tokens), began: began)
        try wait("the charge") { [counters] in counters.unsettled == 0 }
    }
}

/// Runs something every millisecond.
final class Recurring {
    private var timer: LoopTimer?
    init(_ loop: EventLoop, _ work: @escaping () -> Void) {
        let timer = LoopTimer(loop) { [unowned self] in
            work()
            self.timer?.schedule(after: 1_000_000)
        }
        self.timer = timer
        timer.schedule(after: 0)
    }
}

extension LimitVerdict {
    var lease: LimitLease? { if case .granted(let lease, _) = self { lease } else { nil } }
    var statuses: [LimitStatus] {
        switch self {
        case .granted(_, let statuses), .refused(_, _, _, let statuses): statuses
        case .unavailable: []
        }
    }
    var kind: LimitKind? { if case .refused(let kind, _, _, _) = self { kind } else { nil } }
    var retryAfter: Int? { if case .refused(_, _, let wait, _) = self { wait } else { nil } }
}

extension LimitRules {
    init(_ set: (inout LimitRules) -> Void) {
        self.init()
        set(&self)
    }
}
