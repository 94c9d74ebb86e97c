// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Storage
package import Telemetry

/// How rows are stored, and what happens when they cannot be; times in nanoseconds.
package struct AuditPolicy: Equatable, Sendable {
    /// What becomes of new requests while rows cannot be stored.
    package enum OnFailure: Equatable, Sendable {
        /// They go on; rows that find no room are lost, and counted.
        case open
        /// They are refused, so that no row is lost while the process lives, but those beyond twice `queueRows`.
        case closed
    }

    /// Whether what was asked and answered is stored too.
    package var keepsContent = true
    package var onFailure = OnFailure.open
    /// How long the oldest row may wait before new requests are refused.
    package var patience: UInt64 = 5_000_000_000
    /// How long a row waits for others to be stored with.
    package var flushInterval: UInt64 = 100_000_000
    package var queueRows = 10_000
    package var queueBytes = 64 << 20
    /// Rows of requests that were refused before anybody was admitted that are stored in a second; the log and the metrics tell of the others.
    package var strangersPerSecond = 10

    package init() {}
}

/// Stores the records of one loop: bounded, in batches, again and again until it succeeds.
package final class AuditRecorder {
    private let loop: EventLoop
    private let store: AuditStore
    private let policy: AuditPolicy
    private let log: Log
    private let metrics: GatewayMetrics
    private var queue: AuditQueue
    private var timer: LoopTimer?
    /// Since when the oldest row waits, on the loop's clock.
    private var waitingSince: UInt64 = 0
    /// How often in a row storing has failed.
    private var failures = 0
    /// Rows lost, or kept without texts, since that was last logged.
    private var lost = 0
    private var stripped = 0
    /// The second in which rows of strangers are counted, and their number.
    private var strangerSecond: Int64 = 0
    private var strangers = 0
    /// How many rows of this loop the gauge of all loops counts.
    private var shown = 0
    private var isDraining = false
    /// How many rows were ever taken.
    private var taken = 0
    /// Those who wait until as many of the rows taken are stored or lost as there were when they came, in their order.
    private var barriers: [(taken: Int, done: (Bool) -> Void)] = []
    /// How many may wait so.
    private static let barrierLimit = 10_000

    private static let firstWait: UInt64 = 100_000_000
    private static let longestWait: UInt64 = 5_000_000_000

    package init(_ loop: EventLoop, _ store: AuditStore, _ policy: AuditPolicy, log: Log, metrics: GatewayMetrics) {
        self.loop = loop
        self.store = store
        self.policy = policy
        self.log = log
        self.metrics = metrics
        queue = AuditQueue(
            rowLimit: policy.queueRows, byteLimit: policy.queueBytes, keepsAll: policy.onFailure == .closed)
        timer = LoopTimer(loop) { [unowned self] in self.flush() }
    }

    /// How many rows wait to be stored.
    package var waiting: Int { queue.count }

    /// Whether new requests may begin.
    package var isOpen: Bool {
        guard policy.onFailure == .closed, queue.count > 0 else { return true }
        return queue.count < policy.queueRows && loop.recentNow &- waitingSince < policy.patience
    }

    /// Takes a record to store.
    package func record(_ record: AuditRecord) {
        if record.isStranger, !mayKeepStranger(at: record.receivedAt) { return }
        let row = AuditRow(record, keepsContent: policy.keepsContent)
        if queue.count == 0 { waitingSince = loop.recentNow }
        switch queue.append(row, isRefusal: record.attempts == 0) {
        case .taken: break
        case .withoutTexts: strip()
        case .dropped: return lose(row.requestID, "the queue is full")
        }
        taken += 1
        show()
        guard failures == 0, !queue.isUnderWay else { return }
        if queue.hasBatch || isDraining {
            flush()
        } else if timer?.isScheduled == false {
            timer?.schedule(after: policy.flushInterval)
        }
    }

    /// Stores at once what waits, and says `true` when all of it is stored or lost, however long that takes; `false` at once when too
    /// many ask, or while nothing can be stored. `done` is called once, on the loop, possibly before this returns.
    package func whenStored(_ done: @escaping (Bool) -> Void) {
        guard queue.count > 0 else { return done(true) }
        guard failures == 0, barriers.count < AuditRecorder.barrierLimit else { return done(false) }
        barriers.append((taken, done))
        flush()
    }

    /// Stores what waits without waiting for more of it.
    package func drain() {
        isDraining = true
        flush()
    }

    private func flush() {
        let rows = queue.next()
        guard !rows.isEmpty else { return }
        timer?.cancel()
        store.insert(rows, batch: Int64.random(in: 1...Int64.max)) { [weak self] error in
            self?.finished(rows.count, error)
        }
    }

    private func finished(_ count: Int, _ error: StorageError?) {
        guard let error else {
            queue.stored()
            recovered(count)
            return goOn()
        }
        switch error {
        case .conflict(let reason), .value(let reason):
            // A row that the database never takes must not keep the others waiting. All else, a missing table too, may be put right.
            if let row = queue.rejected() { lose(row.requestID, reason) }
            // It has answered, whatever was before.
            failures = 0
            goOn()
        default:
            queue.failed()
            failed("\(error)")
        }
    }

    private func goOn() {
        show()
        waitingSince = loop.recentNow
        // Rows leave the queue in the order in which they came.
        let reached = barriers.prefix { $0.taken <= taken - queue.count }
        barriers.removeFirst(reached.count)
        defer { for barrier in reached { barrier.done(true) } }
        guard queue.count > 0 else { return }
        if queue.hasBatch || isDraining || !barriers.isEmpty {
            flush()
        } else {
            timer?.schedule(after: policy.flushInterval)
        }
    }

    /// Tries again after a wait that doubles up to a bound, with jitter over its upper half.
    private func failed(_ reason: String) {
        if failures == 0 {
            log.error(
                "audit rows cannot be stored, trying again",
                [
                    "error": .text(reason), "waiting": .integer(queue.count),
                    "on_failure": .text(policy.onFailure == .closed ? "closed" : "open"),
                ])
        }
        let longest = min(AuditRecorder.longestWait, AuditRecorder.firstWait << UInt64(min(failures, 10)))
        failures += 1
        timer?.schedule(after: longest / 2 + UInt64.random(in: 0...longest / 2))
    }

    private func recovered(_ count: Int) {
        if failures > 0 || lost > 0 || stripped > 0 {
            log.warning(
                "audit rows are stored again",
                [
                    "stored": .integer(count), "waiting": .integer(queue.count), "lost": .integer(lost),
                    "without_texts": .integer(stripped),
                ])
        }
        (failures, lost, stripped) = (0, 0, 0)
    }

    private func lose(_ requestID: String, _ reason: String) {
        metrics.auditDropped.add()
        lost += 1
        guard lost == 1 else { return }
        log.error("audit rows are lost", ["first": .text(requestID), "reason": .text(reason)])
    }

    private func strip() {
        stripped += 1
        guard stripped == 1 else { return }
        log.error("audit rows are kept without their texts: audit.queue_bytes is used up")
    }

    private func show() {
        metrics.auditQueueDepth.add(queue.count - shown)
        shown = queue.count
    }

    private func mayKeepStranger(at time: Int64) -> Bool {
        let second = time / 1_000_000
        if second != strangerSecond { (strangerSecond, strangers) = (second, 0) }
        strangers += 1
        return strangers <= policy.strangersPerSecond
    }
}

@available(*, unavailable)
extension AuditRecorder: Sendable {}
