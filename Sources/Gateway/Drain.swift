// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import FrontDoors
internal import Glibc
internal import HTTPServer
internal import Reactor
internal import Services
internal import Storage
internal import Telemetry

/// The orderly end: give up the port, let streams finish, store what is recorded of them, close the database, then stop the loop.
final class Drain {
    /// Nanoseconds that the database has to write what waits.
    private static let closeLimit: UInt64 = 10_000_000_000
    /// Nanoseconds in which the records that wait are stored.
    private static let flushLimit: UInt64 = 5_000_000_000
    /// Nanoseconds for either while the database fails.
    private static let failingLimit: UInt64 = 2_000_000_000
    private let loop: EventLoop
    private let server: HTTPServer
    private let services: [any DrainedService]
    private let limits: LimitService
    private let gate: DoorGate
    private let database: (any Database)?
    private let recorder: AuditRecorder?
    private let spool: AnswerSpool?
    private let log: Log
    private let limit: UInt64
    private var watchers: [SignalWatcher] = []
    private var timer: LoopTimer?
    private(set) var isUnderWay = false
    /// Ends the wait for the database.
    private var closeTimer: LoopTimer?
    private var deadline: UInt64 = 0
    private var hasCancelled = false
    /// Until when the last settlements are waited for; 0 until the last stream is gone.
    private var settleBy: UInt64 = 0

    init(
        _ loop: EventLoop, _ server: HTTPServer, _ services: [any DrainedService], _ limits: LimitService, _ gate: DoorGate,
        _ database: (any Database)?, _ recorder: AuditRecorder?, _ spool: AnswerSpool?, _ log: Log, limit: UInt64
    ) {
        self.loop = loop
        self.server = server
        self.services = services
        self.limits = limits
        self.gate = gate
        self.database = database
        self.recorder = recorder
        self.spool = spool
        self.log = log
        self.limit = limit
    }

    private var activeCount: Int { services.reduce(0) { $0 + $1.activeCount } }

    func watchSignals() {
        watchers = [SIGTERM, SIGINT].map { number in
            SignalWatcher(loop, signal: number) { [unowned self] in self.begin() }
        }
    }

    private func begin() {
        guard !isUnderWay else {
            log.warning("second signal: ending now", ["streams": .integer(activeCount)])
            return loop.stop()
        }
        isUnderWay = true
        gate.isDraining = true
        log.info("draining", ["streams": .integer(activeCount)])
        deadline = loop.now &+ limit
        server.drain()
        timer = LoopTimer(loop) { [unowned self] in self.check() }
        check()
    }

    /// Looks every 20 ms whether the last stream and the last connection are gone.
    private func check() {
        let now = loop.now
        // As long as streams go on, who asks on a kept connection is told 503 rather than cut off.
        if activeCount == 0 || now >= deadline { server.closeIdle() }
        let isSettled = limits.unsettled == 0
        if activeCount == 0, server.connectionCount == 0 {
            // What was used is told to whoever counts it; a second for that, should it not be reached.
            if settleBy == 0 { settleBy = now &+ 1_000_000_000 }
            if isSettled || now >= settleBy { return flushAudit() }
        }
        if now >= deadline, !hasCancelled {
            hasCancelled = true
            log.warning("drain deadline reached", ["streams": .integer(activeCount)])
            for service in services { service.cancelAll("The gateway is shutting down.") }
        }
        // Whoever has its answer, or its error, gets a second to take it.
        if now >= deadline &+ 1_000_000_000 { return flushAudit() }
        timer?.schedule(after: 20_000_000)
    }

    /// Has the records and the answers written that wait, within bounds.
    private func flushAudit() {
        recorder?.drain()
        spool?.drain()
        let rowsBy = loop.now &+ patience(Drain.flushLimit)
        // The disk of the spool has nothing to do with the database.
        let spoolBy = loop.now &+ Drain.flushLimit
        let timer = LoopTimer(loop) { [unowned self] in
            let waiting = recorder?.waiting ?? 0
            let isSpooled = spool?.isWritten ?? true
            let now = loop.now
            guard waiting > 0 && now < rowsBy || !isSpooled && now < spoolBy else {
                if waiting > 0 { log.error("audit rows are lost", ["rows": .integer(waiting)]) }
                if !isSpooled {
                    log.error("answers are not spooled whole", ["reason": .text("the disk did not take them in time")])
                }
                return closeDatabase()
            }
            self.timer?.schedule(after: 5_000_000)
        }
        self.timer = timer
        timer.schedule(after: 1)
    }

    /// A database that fails is not given as long as one that works.
    private func patience(_ limit: UInt64) -> UInt64 {
        database.map { $0.health == .well } ?? true ? limit : Drain.failingLimit
    }

    /// Has what waits written, within bounds: a database that cannot be reached must not hold the end up for ever.
    private func closeDatabase() {
        guard let database else { return loop.stop() }
        let timer = LoopTimer(loop) { [unowned self] in
            self.log.error("the database did not close in time", ["lost": .integer(database.pending)])
            self.loop.stop()
        }
        closeTimer = timer
        timer.schedule(after: patience(Drain.closeLimit))
        database.close { [unowned self] in self.loop.stop() }
    }
}

@available(*, unavailable)
extension Drain: Sendable {}
