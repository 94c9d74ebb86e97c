// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import FrontDoors
internal import Reactor
internal import Services
internal import Settings
internal import Storage
internal import Telemetry

extension AuditPolicy {
    init(_ settings: AuditSettings) {
        self.init()
        keepsContent = settings.content == .full
        onFailure = settings.onFailure == .closed ? .closed : .open
        patience = settings.patience.nanoseconds
        flushInterval = settings.flushInterval.nanoseconds
        queueRows = settings.queueRows
        queueBytes = settings.queueBytes
    }
}

extension SpoolPolicy {
    /// `nil` where no answers are kept.
    init?(_ settings: AuditSettings) {
        guard let path = settings.spool else { return nil }
        self.init(path: path)
        folderLimit = settings.spoolMaxBytes
        answerLimit = settings.spoolMaxAnswer
        retention = settings.retention.nanoseconds
    }
}

/// What keeps records of requests in a database, and answers as they came in a folder.
struct AuditAssembly {
    /// `nil` without a database, as retention is.
    let recorder: AuditRecorder?
    let retention: AuditRetention?
    /// `nil` where no answers are kept as they came.
    let spool: AnswerSpool?
    /// What was spent, by all that is recorded until it is asked for.
    var spending: (any SpentSource)? {
        store.map { store in
            SpentUsage(store, on: loop) { [recorder] done in recorder.map { $0.whenStored(done) } ?? done(true) }
        }
    }
    private let store: AuditStore?
    private let loop: EventLoop

    init(
        _ settings: Settings, _ database: (any Database)?, on loop: EventLoop, log: Log, metrics: GatewayMetrics
    ) throws(StartError) {
        self.loop = loop
        do {
            spool = try SpoolPolicy(settings.audit).map { policy in
                try AnswerSpool(loop, policy, log: log, metrics: metrics)
            }
        } catch {
            throw .settings("audit.spool: \(error)")
        }
        guard let database else {
            guard settings.audit.onFailure == .open else {
                throw .settings("audit.on_failure is closed, but there is no database to store records in")
            }
            (store, recorder, retention) = (nil, nil, nil)
            return
        }
        let store = AuditStore(database)
        self.store = store
        recorder = AuditRecorder(loop, store, AuditPolicy(settings.audit), log: log, metrics: metrics)
        retention = AuditRetention(loop, store, age: settings.audit.retention, log: log)
    }

    /// The doors to what is stored.
    func doors(_ gate: DoorGate) -> [(path: String, door: any Door)] {
        guard let store else { return [] }
        let audit = AuditDoor(gate, store)
        return [(AuditDoor.path, audit), (AuditDoor.path + "/", audit), (UsageDoor.path, UsageDoor(gate, store))]
    }
}

/// Deletes rows that have reached their age, in portions, so that nothing else waits for long.
final class AuditRetention {
    /// Rows deleted at once.
    private static let portion = 500
    /// Nanoseconds between two portions, and between two looks when there is nothing to delete.
    private static let pause: UInt64 = 250_000_000
    private static let rest: UInt64 = 600_000_000_000
    private let store: AuditStore
    private let age: Int64
    private let log: Log
    private var timer: LoopTimer?
    private var deleted = 0

    /// Deletes rows older than `age`; those of 0 never.
    init(_ loop: EventLoop, _ store: AuditStore, age: Duration, log: Log) {
        self.store = store
        self.age = Int64(clamping: age.nanoseconds / 1000)
        self.log = log
        guard self.age > 0 else { return }
        let timer = LoopTimer(loop) { [unowned self] in self.delete() }
        timer.schedule(after: AuditRetention.pause)
        self.timer = timer
    }

    private func delete() {
        store.delete(before: wallClockMicroseconds() &- age, limit: AuditRetention.portion) { [weak self] result in
            guard let self else { return }
            // A database that fails says so elsewhere.
            let count = (try? result.get()) ?? 0
            deleted += count
            guard count < AuditRetention.portion else { return timer?.schedule(after: AuditRetention.pause) ?? () }
            if deleted > 0 { log.info("audit rows deleted for their age", ["rows": .integer(deleted)]) }
            deleted = 0
            timer?.schedule(after: AuditRetention.rest)
        }
    }
}

@available(*, unavailable)
extension AuditRetention: Sendable {}
