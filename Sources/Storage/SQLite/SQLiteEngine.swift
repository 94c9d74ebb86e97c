// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Reactor
internal import Synchronization
package import Telemetry

/// A job for one of an engine's threads. What it is for stays on the loop that asked, under `id`.
struct SQLiteJob: Sendable {
    let id: UInt64
    let statements: [SQLStatement]
    let mailbox: LoopMailbox<SQLiteReply>
}

/// What a thread tells a loop.
enum SQLiteReply: Sendable {
    case done(id: UInt64, Result<[SQLRows], StorageError>)
    /// The file is closed.
    case closed
}

/// A database file with its three threads: one that writes, one that reads, one that searches. Shared by all loops; each has a
/// `SQLiteDatabase`.
package final class SQLiteEngine: Sendable {
    /// The bounds of what waits, for each of the threads.
    package struct Bounds: Sendable {
        /// How many jobs.
        package var jobs = 10_000
        /// How many searches.
        package var searches = 64
        /// How many bytes their parameters and texts have.
        package var bytes = 64 << 20
        /// Nanoseconds that one statement that reads may take, so that none holds the write-ahead log for ever.
        package var readTime: UInt64 = 5_000_000_000
        /// Nanoseconds that a write waits for somebody else's lock.
        package var lockTime: UInt64 = 15_000_000_000
        package init() {}
    }

    private struct State {
        var writing = StorageHealth.well
        var reading = StorageHealth.well
        var searching = StorageHealth.well
        /// How many loops use it.
        var users = 0
        /// Who wants to know when the file is closed.
        var closers: [LoopMailbox<SQLiteReply>] = []
        var isClosed = false
    }

    let file: SQLiteFile
    let bounds: Bounds
    let log: Log
    let writes: WorkQueue<SQLiteJob>
    let reads: WorkQueue<SQLiteJob>
    let searches: WorkQueue<SQLiteJob>
    /// The file at the path is another one, or none: nothing may be read or written.
    let isLost = Atomic(false)
    /// How many threads have the file open to read.
    let openReaders = Atomic(0)
    /// How many threads that read have not ended.
    private let readers = Atomic(2)
    private let state = Mutex(State())

    /// Opens the file at `path` and starts the threads. Blocks, up to some seconds: to be called before a loop runs.
    ///
    /// Throws what `SQLiteFile.open` does, and `unavailable` when the system refuses threads or descriptors.
    package convenience init(path: String, log: Log, bounds: Bounds = Bounds()) throws(StorageError) {
        try self.init(SQLiteFile(path: path), log: log, bounds: bounds)
    }

    init(_ file: SQLiteFile, log: Log, bounds: Bounds) throws(StorageError) {
        self.file = file
        self.bounds = bounds
        self.log = log
        writes = try WorkQueue(maxJobs: bounds.jobs, maxBytes: bounds.bytes)
        reads = try WorkQueue(maxJobs: bounds.jobs, maxBytes: bounds.bytes)
        searches = try WorkQueue(maxJobs: bounds.searches, maxBytes: bounds.bytes)
        let opened = Mutex<SQLiteConnection?>(try file.open())
        let identity = file.identity
        try WorkerThread.start { [self] in
            let connection = opened.withLock { opened in
                let taken = opened
                opened = nil
                return taken
            }
            SQLiteWriter(self, connection, identity).run()
            ended()
        }
        do {
            for lane in [SQLiteReader.Lane.reads, .searches] {
                try WorkerThread.start { [self] in
                    SQLiteReader(self, lane).run()
                    // Last, so that the connection that writes is the last one to close, and puts the file in order.
                    if readers.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { writes.closeForGood() }
                }
            }
        } catch {
            reads.closeForGood()
            searches.closeForGood()
            writes.closeForGood()
            throw error
        }
    }

    /// How well it does: whether the last write, the last read and the last search could be done.
    package var health: StorageHealth {
        state.withLock { state in [state.writing, state.reading, state.searching].first { $0 != .well } ?? .well }
    }

    // MARK: Called by SQLiteDatabase

    func join() { state.withLock { $0.users += 1 } }

    /// Lets go of the engine; the last one closes it. `mailbox` is told when the file is closed, or is somebody else's to close.
    func leave(_ mailbox: LoopMailbox<SQLiteReply>) {
        let (isLast, isOver) = state.withLock { state in
            state.users -= 1
            if state.users == 0, !state.isClosed { state.closers.append(mailbox) }
            return (state.users == 0, state.isClosed || state.users > 0)
        }
        if isOver { mailbox.post(.closed) }
        guard isLast else { return }
        reads.closeForGood()
        searches.closeForGood()
    }

    // MARK: Called by the threads

    private func ended() {
        let closers = state.withLock { state in
            state.isClosed = true
            return state.closers
        }
        for mailbox in closers { mailbox.post(.closed) }
    }

    func noteWriting(_ health: StorageHealth) { note(health, \.writing) }

    func noteReading(_ health: StorageHealth, of lane: SQLiteReader.Lane) {
        note(health, lane == .reads ? \.reading : \.searching)
    }

    private func note(_ health: StorageHealth, _ part: WritableKeyPath<State, StorageHealth>) {
        let before = state.withLock { state in
            let before = state[keyPath: part]
            state[keyPath: part] = health
            return before
        }
        switch (before, health) {
        case (.well, .failing(let reason)):
            log.error("storage fails", ["database": .text(file.path), "reason": .text(reason)])
        case (.failing, .well): log.info("storage works again", ["database": .text(file.path)])
        default: break
        }
    }
}
