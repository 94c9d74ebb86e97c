// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Providers
package import Storage
package import Telemetry

/// What became of a request at its caller's limits.
package enum LimitAdmission {
    /// It may go on; the lease must be settled. The states are those of limits that hold.
    case granted(LimitLease, [LimitStatus])
    /// It is refused; `ChatFailure.retryAfter` says when it may be tried again, if waiting helps.
    case refused(ChatFailure, [LimitStatus])
}

/// Holds requests to the limits of their callers. A caller without limits is none of its business, and costs nothing.
package final class LimitService {
    /// What is done when the counts cannot be reached.
    package enum OnFailure: String, Sendable, CaseIterable {
        /// This instance counts by itself meanwhile: every limit holds, but for each instance.
        case open
        /// Callers with limits are refused with 503.
        case closed
    }

    private let counters: any LimitCounters
    private let fallback: MemoryLimitCounters?
    private let pricing: any Pricing
    private let reservation: Int
    private let keys: KeyRing?
    private let metrics: GatewayMetrics
    private let log: Log
    private var isFailing = false

    /// Limits counted by `counters`, and by `fallback` while those cannot be reached; without one, requests are refused then.
    /// `reservation` tokens of output are set aside for a request that names no bound; `keys` says whose budgets changed while a
    /// request ran.
    package init(
        _ counters: any LimitCounters, fallback: MemoryLimitCounters?, pricing: any Pricing, reservation: Int,
        keys: KeyRing? = nil, metrics: GatewayMetrics, log: Log
    ) {
        self.counters = counters
        self.fallback = fallback
        self.pricing = pricing
        self.reservation = reservation
        self.keys = keys
        self.metrics = metrics
        self.log = log
    }

    /// How many settlements are still on their way to where the counts are kept.
    package var unsettled: Int { counters.unsettled }

    /// Asks whether a request may begin; `done` is called once, on the loop, possibly before this returns. Only for callers with
    /// scopes.
    package func admit(_ caller: Caller, _ request: UpstreamRequest, _ done: @escaping (LimitAdmission) -> Void) {
        let need = LimitNeed(request.chat, request.operation, reservation: reservation, pricing: pricing)
        admit(caller, need, model: request.chat.model, done)
    }

    /// The same for a request whose need is known, as `LimitNeed.request` is for what is handed on unread.
    package func admit(
        _ caller: Caller, _ need: LimitNeed, model: String = "", _ done: @escaping (LimitAdmission) -> Void
    ) {
        if need.cost == nil, !need.isFree, caller.scopes.contains(where: \.rules.limitsMoney) {
            return done(.refused(LimitRefusal.unpriced(model), []))
        }
        let claim = LimitClaim(caller.scopes, tokens: need.tokens, cost: need.cost)
        counters.claim(claim) { [self] verdict in
            guard verdict == .unavailable else {
                noteFailing(false)
                return done(admission(verdict, claim))
            }
            noteFailing(true)
            guard let fallback else {
                metrics.limitsUnavailable.with(["policy": OnFailure.closed.rawValue]).add()
                return done(.refused(LimitRefusal.unavailable, []))
            }
            metrics.limitsUnavailable.with(["policy": OnFailure.open.rawValue]).add()
            fallback.claim(claim) { [self] verdict in
                // What one instance counts alone is not what the caller's limits are: nothing is claimed of them.
                switch admission(verdict, claim) {
                case .granted(let lease, _): done(.granted(lease, []))
                case .refused(let failure, _): done(.refused(failure, []))
                }
            }
        }
    }

    /// Ends a lease by what was used; 0 for a request that was never answered. Settling again changes nothing.
    package func settle(_ lease: LimitLease, tokens: Int, cost: Money?) {
        // Each knows its own leases. What was granted here meanwhile is charged to the shared budgets later.
        fallback?.settle(lease, tokens: tokens, cost: cost ?? .zero)
        counters.settle(lease, tokens: tokens, cost: cost ?? .zero)
    }

    /// Settles a request that has ended, and its lease if it has one, by what its record says; one that `isFree` used nothing.
    func settle(_ lease: LimitLease?, _ record: AuditRecord, isFree: Bool = false) {
        var used = SpentAmount()
        if record.hasAnswer, !isFree, let usage = record.usage {
            used = SpentAmount(tokens: usage.chargeable.total, cost: record.cost ?? .zero)
        }
        if let lease { settle(lease, tokens: used.tokens, cost: used.cost) }
        // A key may have got a budget while the answer ran; what it uses in a time without one counts when it gets one again.
        guard used != SpentAmount(), let keys, let key = record.caller.keyID,
            counters.isShared ? keys.isStored(key) : keys.hadBudget(key)
        else { return }
        let scope = "key:\(key)"
        guard lease?.claim.scopes.contains(where: { $0.name == scope }) != true else { return }
        fallback?.charge(scope, used, began: record.receivedAt)
        counters.charge(scope, used, began: record.receivedAt)
    }

    private func admission(_ verdict: LimitVerdict, _ claim: LimitClaim) -> LimitAdmission {
        switch verdict {
        case .granted(let lease, let statuses): return .granted(lease, statuses)
        case .refused(let kind, let scope, let wait, let statuses):
            metrics.limitRefusals.with(["kind": kind.rawValue]).add()
            return .refused(LimitRefusal.failure(kind, scope: scope, retryAfter: wait, claim), statuses)
        case .unavailable: return .refused(LimitRefusal.unavailable, [])
        }
    }

    private func noteFailing(_ now: Bool) {
        guard now != isFailing else { return }
        isFailing = now
        if now {
            // What was spent has moved on since the last failure.
            fallback?.forgetBudgets()
            log.warning(
                "limits: the counts cannot be reached",
                ["meanwhile": .text(fallback == nil ? "callers with limits are refused" : "this instance counts alone")])
        } else {
            log.info("limits: the counts are reached again")
        }
    }
}

@available(*, unavailable)
extension LimitService: Sendable {}

extension TokenUsage {
    /// The counts as they are charged: a count below 0 is none.
    package var chargeable: TokenUsage {
        TokenUsage(
            input: max(0, input ?? 0), output: max(0, output ?? 0), cached: cached.map { max(0, $0) },
            cacheWritten: cacheWritten.map { max(0, $0) }, reasoning: reasoning.map { max(0, $0) })
    }
}
