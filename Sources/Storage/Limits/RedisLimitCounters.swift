// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Telemetry

/// Counts in Redis, which several instances share; one object and one connection for each loop.
///
/// What an instance has reserved returns after a minute when the instance is no more. What it has settled while Redis could not be
/// reached is told later, up to a bound.
package final class RedisLimitCounters: LimitCounters {
    /// How Redis is used.
    package struct Configuration: Sendable {
        package var address: RedisAddress
        /// Nanoseconds after which a claim is given up.
        package var timeout: UInt64 = 500_000_000
        /// Milliseconds after which a lease that nobody renews is over.
        package var leaseLifetime = 60_000
        /// What all keys begin with.
        package var prefix = "sluice:"
        /// Commands under way at once; further claims are `unavailable`.
        package var maxUnderWay = 4096
        /// Settlements kept for a Redis that cannot be reached; further ones are lost to it.
        package var maxUnsettled = 10_000
        /// Milliseconds for which a settlement whose answer was lost is sent again; then it is given up, as it was probably counted. Redis
        /// remembers it a tenth longer, so that it counts once.
        package var settlementLifetime = 600_000
        /// Where the scripts have the time from; tests have a clock of their own.
        var clock = RedisScript.clock

        package init(_ address: RedisAddress) { self.address = address }
    }

    private let loop: EventLoop
    private let configuration: Configuration
    private let log: Log
    private let loader: SpentLoader
    private var connection: RedisConnection?
    private var digests: [RedisScript: String] = [:]
    /// The leases under way, with the slot that each was counted in.
    private var leases: [String: OpenLease] = [:]
    private var waiting: [Settlement] = []
    private var settling = 0
    private var hasLostSettlements = false
    private var timer: LoopTimer?

    private struct OpenLease {
        let slot: Int
        let scopes: [String]
        var renewedAt: UInt64
    }

    private struct Settlement {
        let lease: LimitLease
        let used: SpentAmount
        let slot: Int?
        /// When it was first sent, on the loop's clock.
        var sentAt: UInt64?
    }

    /// Counters that connect at once; `source` says what was spent when Redis does not know, `nil` that nothing was.
    package init(_ loop: EventLoop, _ configuration: Configuration, source: (any SpentSource)? = nil, log: Log) {
        self.loop = loop
        self.configuration = configuration
        self.log = log
        loader = SpentLoader(source)
        let address = configuration.address
        var greeting: [RedisCommand] = []
        if let password = address.password {
            greeting.append(RedisCommand(["AUTH"] + (address.user.isEmpty ? [] : [address.user]) + [password.reveal()]))
        }
        if address.database != 0 { greeting.append(RedisCommand(["SELECT", String(address.database)])) }
        for script in RedisScript.allCases {
            greeting.append(RedisCommand(["SCRIPT", "LOAD", script.text(clock: configuration.clock)]))
        }
        connection = RedisConnection(
            loop, address, greeting: greeting, onReady: { [unowned self] in self.ready($0) },
            onLost: { [unowned self] in self.lost($0) })
        let timer = LoopTimer(loop) { [unowned self] in self.tick() }
        self.timer = timer
        timer.schedule(after: 1_000_000_000)
        connection?.start()
    }

    deinit { connection?.closeForGood() }

    /// Whether Redis can be asked now.
    package var isReady: Bool { connection?.phase == .ready }

    package var unsettled: Int { waiting.count + settling }
    package let isShared = true

    package func claim(_ claim: LimitClaim, _ done: @escaping (LimitVerdict) -> Void) {
        ask(claim.clamped, tries: 3, done)
    }

    package func settle(_ lease: LimitLease, tokens: Int, cost: Money) {
        let open = leases.removeValue(forKey: lease.id)
        let used = SpentAmount(tokens: tokens, cost: cost).clamped
        for scope in lease.claim.scopes { loader.ended(scope.name, used, began: lease.granted) }
        submit(Settlement(lease: lease, used: used, slot: open?.slot))
    }

    package func charge(_ scope: String, _ used: SpentAmount, began: Int64) {
        loader.ended(scope, used, began: began)
        // Most of these find nothing to be counted in: half of the room is left for the others.
        guard unsettled < configuration.maxUnsettled / 2 else { return noteLoss("too much to tell Redis") }
        // A lease that reserved nothing: once over, it leaves what was used, and its mark lets that count once.
        let claim = LimitClaim([LimitScope(scope, LimitRules())], tokens: 0, cost: .zero)
        submit(Settlement(lease: LimitLease(id: LeaseID.make(), claim: claim, granted: began), used: used.clamped, slot: nil))
    }

    // MARK: Claims

    private func ask(_ claim: LimitClaim, tries: Int, _ done: @escaping (LimitVerdict) -> Void) {
        guard let connection, isReady, !connection.isOverdue, connection.underWay < configuration.maxUnderWay, tries > 0 else {
            return done(.unavailable)
        }
        let id = LeaseID.make()
        let amount = claim.amount
        var arguments = [id, String(amount.tokens), String(amount.cost.nanos), String(configuration.leaseLifetime)]
        for scope in claim.scopes { arguments += scope.rules.words }
        run(.claim, claim.scopes.flatMap { keys($0.name) }, arguments, timeout: configuration.timeout) { [weak self] outcome in
            guard let self else { return done(.unavailable) }
            guard case .reply(let reply) = outcome else {
                // It may have been granted, or be granted yet.
                submit(
                    Settlement(lease: LimitLease(id: id, claim: claim, granted: LimitTime.now().wall), used: .init(), slot: nil))
                return done(.unavailable)
            }
            take(reply, id, claim, tries, done)
        }
    }

    private func take(
        _ reply: RedisReply, _ id: String, _ claim: LimitClaim, _ tries: Int, _ done: @escaping (LimitVerdict) -> Void
    ) {
        guard let list = reply.list, let word = list.first?.text, list.count > 2 else {
            note(reply)
            return done(.unavailable)
        }
        let numbers = list.dropFirst().map { $0.integer ?? 0 }
        switch word {
        case "granted" where numbers.count == 8:
            leases[id] = OpenLease(slot: numbers[1], scopes: claim.scopes.map(\.name), renewedAt: loop.recentNow)
            done(
                .granted(
                    LimitLease(id: id, claim: claim, granted: Int64(numbers[0])), RedisLimitCounters.statuses(numbers[2...])))
        case "refused" where numbers.count == 9 && LimitKind.allCases.indices.contains(numbers[0]):
            let scope = claim.scopes.indices.contains(numbers[1]) ? claim.scopes[numbers[1]].name : ""
            done(
                .refused(
                    LimitKind.allCases[numbers[0]], scope: scope, retryAfter: numbers[2] < 0 ? nil : numbers[2],
                    RedisLimitCounters.statuses(numbers[3...])))
        case "unseeded":
            let places = numbers.dropFirst().filter { claim.scopes.indices.contains($0) }
            seed(places.map { claim.scopes[$0].name }, BudgetPeriods(microseconds: Int64(numbers[0]))) { [weak self] isKnown in
                guard let self, isKnown else { return done(.unavailable) }
                ask(claim, tries: tries - 1, done)
            }
        default: done(.unavailable)
        }
    }

    /// Tells Redis what the scopes have spent by the durable account.
    private func seed(_ scopes: [String], _ periods: BudgetPeriods, _ done: @escaping (Bool) -> Void) {
        loader.load(
            scopes[...], periods,
            { [weak self] scope, spent in
                guard let self else { return }
                let words = [spent.day, spent.month].flatMap { amount in
                    [String(amount.clamped.tokens), String(amount.clamped.cost.nanos)]
                }
                run(.seed, [keys(scope)[3]], [String(periods.day), String(periods.month)] + words) { _ in }
            }, done)
    }

    /// The six numbers of state that the script ends its answers with.
    private static func statuses(_ numbers: ArraySlice<Int>) -> [LimitStatus] {
        let numbers = Array(numbers)
        guard numbers.count == 6 else { return [] }
        return [(LimitKind.requests, 0), (LimitKind.tokens, 3)].compactMap { kind, first in
            guard numbers[first] >= 0 else { return nil }
            return LimitStatus(
                kind: kind, limit: numbers[first], remaining: numbers[first + 1], resetAfter: max(0, numbers[first + 2]))
        }
    }

    // MARK: Settlements

    private func submit(_ settlement: Settlement) {
        guard unsettled < configuration.maxUnsettled else { return noteLoss("too much to tell Redis") }
        guard isReady, (connection?.underWay ?? .max) < configuration.maxUnderWay else { return waiting.append(settlement) }
        let lease = settlement.lease
        let periods = BudgetPeriods(microseconds: lease.granted)
        var arguments = [
            lease.id, String(settlement.used.tokens), String(settlement.used.cost.nanos), String(lease.claim.tokens),
            settlement.slot.map { String($0) } ?? "", String(periods.day), String(periods.month),
            String(configuration.settlementLifetime + configuration.settlementLifetime / 10),
        ]
        for scope in lease.claim.scopes {
            arguments.append(scope.rules.hasRate ? "1" : "0")
        }
        let mark = "\(configuration.prefix)x:\(lease.id)"
        var sent = settlement
        sent.sentAt = settlement.sentAt ?? loop.now
        settling += 1
        run(.settle, [mark] + lease.claim.scopes.flatMap { keys($0.name) }, arguments) { [weak self] outcome in
            guard let self else { return }
            settling -= 1
            if case .reply(.integer) = outcome { return }
            guard case .reply(let reply) = outcome else { return waiting.append(sent) }
            // Redis has not done it this time.
            note(reply)
            waiting.append(settlement)
        }
    }

    private func noteLoss(_ reason: String) {
        if !hasLostSettlements { log.error("limits: settlements are lost to Redis", ["reason": .text(reason)]) }
        hasLostSettlements = true
    }

    private func resubmit() {
        guard isReady, !waiting.isEmpty else { return }
        var batch: [Settlement] = []
        swap(&batch, &waiting)
        let now = loop.now
        for settlement in batch {
            // Redis may have done it, and does not remember any more.
            if let sentAt = settlement.sentAt, now &- sentAt > UInt64(configuration.settlementLifetime) * 1_000_000 {
                noteLoss("no answer for too long")
            } else {
                submit(settlement)
            }
        }
    }

    // MARK: The connection

    private func ready(_ replies: [RedisReply]) {
        for (script, reply) in zip(RedisScript.allCases, replies.suffix(RedisScript.allCases.count)) {
            digests[script] = reply.text
        }
        log.info("limits: Redis is reached", ["host": .text(configuration.address.host)])
        hasLostSettlements = false
        renew(olderThan: 0)
        resubmit()
    }

    private func lost(_ reason: String) {
        log.warning(
            "limits: Redis is not reached", ["host": .text(configuration.address.host), "reason": .text(reason)])
    }

    private func tick() {
        renew(olderThan: UInt64(configuration.leaseLifetime) * 1_000_000 / 3)
        resubmit()
        timer?.schedule(after: min(1_000_000_000, UInt64(configuration.leaseLifetime) * 1_000_000 / 6))
    }

    /// Keeps the leases of requests that last.
    private func renew(olderThan age: UInt64) {
        guard isReady else { return }
        let now = loop.now
        var byScope: [String: [String]] = [:]
        for (id, lease) in leases where now >= lease.renewedAt &+ age {
            leases[id]?.renewedAt = now
            for scope in lease.scopes { byScope[scope, default: []].append(id) }
        }
        for (scope, ids) in byScope {
            for first in stride(from: 0, to: ids.count, by: 500) {
                let batch = ids[first..<min(first + 500, ids.count)]
                run(.renew, [keys(scope)[2]], [String(configuration.leaseLifetime)] + batch) { _ in }
            }
        }
    }

    private func keys(_ scope: String) -> [String] {
        ["w", "s", "l", "b"].map { "\(configuration.prefix)\($0):\(scope)" }
    }

    /// Runs a script by its digest, and by its text when Redis has forgotten it.
    private func run(
        _ script: RedisScript, _ keys: [String], _ arguments: [String], timeout: UInt64? = nil,
        _ done: @escaping (RedisConnection.Outcome) -> Void
    ) {
        guard let connection else { return done(.lost) }
        let clock = configuration.clock
        let rest = [String(keys.count)] + keys + arguments
        connection.send(RedisCommand(["EVALSHA", digests[script] ?? ""] + rest), timeout: timeout) { [weak self] outcome in
            guard case .reply(let reply) = outcome, reply.errorWord == "NOSCRIPT", let connection = self?.connection else {
                return done(outcome)
            }
            connection.send(RedisCommand(["EVAL", script.text(clock: clock)] + rest), timeout: timeout, done)
        }
    }

    /// A replica that was a primary until now takes no writes: the name may lead to another server by now.
    private func note(_ reply: RedisReply) {
        guard case .error(let text) = reply else { return }
        if reply.errorWord == "READONLY" { connection?.reconnect(text) }
    }
}

@available(*, unavailable)
extension RedisLimitCounters: Sendable {}

extension LimitRules {
    /// The limits as the scripts take them.
    fileprivate var words: [String] {
        let counts = [requestsPerMinute, tokensPerMinute, concurrent, tokensPerDay, tokensPerMonth]
        let money = [moneyPerDay, moneyPerMonth].map { $0.map { String($0.nanos) } ?? "" }
        return counts.map { $0.map { String($0) } ?? "" } + money
    }
}
