// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Storage
package import Telemetry

/// Keeps a ring up to date with the keys in the database, whoever changes them: this instance, another one, the command line.
///
/// Twice a second it asks for one number, and when that has changed for the keys that have.
package final class KeyWatch {
    private static let interval: UInt64 = 500_000_000
    private let store: KeyStore
    private let ring: KeyRing
    private let log: Log
    private let metrics: GatewayMetrics
    private var timer: LoopTimer?
    /// All changes up to this one are in the ring.
    private var known: Int64 = 0
    private var isFailing = false
    private var whenLoaded: (() -> Void)?

    package init(_ loop: EventLoop, _ store: KeyStore, _ ring: KeyRing, log: Log, metrics: GatewayMetrics) {
        self.store = store
        self.ring = ring
        self.log = log
        self.metrics = metrics
        timer = LoopTimer(loop) { [unowned self] in self.poll() }
    }

    /// Begins; `loaded` is called once, when all keys are in the ring.
    package func start(_ loaded: @escaping () -> Void = {}) {
        whenLoaded = loaded
        poll()
    }

    private func poll() {
        store.revision { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let current) where current == known && ring.isLoaded: rest()
            // The database was put back to an earlier state, or is another one.
            case .success(let current) where current < known: reload([], since: 0, upTo: current)
            case .success(let current): load(upTo: current)
            case .failure(let error): failed(error)
            }
        }
    }

    /// Reads what has changed, page by page.
    private func load(upTo current: Int64) {
        store.changes(since: known) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let rows):
                let isLast = rows.count < KeyStore.pageLimit
                known = max(isLast ? current : known, rows.last?.revision ?? known)
                ring.read(rows, upTo: known)
                if isLast { done() } else { load(upTo: current) }
            case .failure(let error): failed(error)
            }
        }
    }

    /// Reads everything anew, and only then puts it in the place of what was known.
    private func reload(_ before: [KeyRow], since: Int64, upTo current: Int64) {
        store.changes(since: since) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let rows):
                let all = before + rows
                let latest = rows.last?.revision ?? since
                guard rows.count < KeyStore.pageLimit else { return reload(all, since: latest, upTo: current) }
                known = max(current, latest)
                ring.replace(with: all, upTo: known)
                done()
            case .failure(let error): failed(error)
            }
        }
    }

    private func done() {
        ring.loaded()
        metrics.storedKeys.set(ring.count)
        whenLoaded?()
        whenLoaded = nil
        rest()
    }

    private func rest() {
        if isFailing { log.info("the keys can be read again") }
        isFailing = false
        timer?.schedule(after: KeyWatch.interval)
    }

    /// What is known goes on being good: a database that is away locks nobody out, and lets nobody in.
    private func failed(_ error: StorageError) {
        metrics.keyRefreshFailures.add()
        if !isFailing { log.warning("the keys cannot be read; those known go on", ["error": .text("\(error)")]) }
        isFailing = true
        timer?.schedule(after: KeyWatch.interval)
    }
}

@available(*, unavailable)
extension KeyWatch: Sendable {}
