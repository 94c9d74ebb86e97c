// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The counts of one process, which all its loops share.
package final class SharedLimitLedger: Sendable {
    private let ledger: Mutex<LimitLedger>
    private let clock: @Sendable () -> LimitTime

    /// A ledger of at most `maxScopes` scopes at once, by the given clock.
    package init(maxScopes: Int = 100_000, clock: @escaping @Sendable () -> LimitTime = LimitTime.now) {
        ledger = Mutex(LimitLedger(maxScopes: maxScopes))
        self.clock = clock
    }

    /// Works on the ledger; nobody else does meanwhile. The time is taken inside, so that it does not run backwards.
    package func withLedger<Result: Sendable>(_ work: (inout LimitLedger, LimitTime) -> Result) -> Result {
        ledger.withLock { work(&$0, clock()) }
    }
}

/// Counts in the memory of this process: exact, gone with it but for the budgets, which a `SpentSource` tells again.
package final class MemoryLimitCounters: LimitCounters {
    private let shared: SharedLimitLedger
    private let loader: SpentLoader
    package let unsettled = 0
    package let isShared = false

    /// Counters of one loop over what all loops share; `source` says what was spent before, `nil` that nothing was.
    package init(_ shared: SharedLimitLedger = SharedLimitLedger(), source: (any SpentSource)? = nil) {
        self.shared = shared
        loader = SpentLoader(source)
    }

    package func claim(_ claim: LimitClaim, _ done: @escaping (LimitVerdict) -> Void) {
        decide(claim, tries: 3, done)
    }

    package func settle(_ lease: LimitLease, tokens: Int, cost: Money) {
        let used = SpentAmount(tokens: tokens, cost: cost)
        for scope in lease.claim.scopes { loader.ended(scope.name, used, began: lease.granted) }
        shared.withLedger { ledger, _ in ledger.settle(lease, used) }
    }

    package func charge(_ scope: String, _ used: SpentAmount, began: Int64) {
        loader.ended(scope, used, began: began)
        shared.withLedger { ledger, _ in ledger.charge(scope, used, began: began) }
    }

    /// Forgets what was spent, to be asked for again; at most once in ten seconds.
    package func forgetBudgets() { shared.withLedger { ledger, time in ledger.forgetBudgets(at: time) } }

    /// The period may end between the question what was spent and the answer, so there are a few tries.
    private func decide(_ claim: LimitClaim, tries: Int, _ done: @escaping (LimitVerdict) -> Void) {
        let id = LeaseID.make()
        switch shared.withLedger({ ledger, time in ledger.claim(claim, id: id, at: time) }) {
        case .granted(let lease, let statuses): done(.granted(lease, statuses))
        case .refused(let kind, let scope, let wait, let statuses):
            done(.refused(kind, scope: scope, retryAfter: wait, statuses))
        case .full: done(.unavailable)
        case .unseeded(let scopes, let periods):
            guard tries > 0 else { return done(.unavailable) }
            let shared = shared
            loader.load(
                scopes[...], periods,
                { scope, spent in
                    shared.withLedger { ledger, _ in ledger.seed(scope, periods, day: spent.day, month: spent.month) }
                },
                { [self] isKnown in
                    isKnown ? decide(claim, tries: tries - 1, done) : done(.unavailable)
                })
        }
    }
}

@available(*, unavailable)
extension MemoryLimitCounters: Sendable {}

/// Identifiers of leases: 128 random bits.
enum LeaseID {
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
    }
}
