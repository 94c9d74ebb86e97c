// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Synchronization
internal import Telemetry

/// What the writing thread of an engine does: takes all that waits, and commits it together.
final class SQLiteWriter {
    /// The most jobs of one commit.
    private static let maxBatch = 512
    /// Nanoseconds that one statement may take.
    private static let statementTime: UInt64 = 30_000_000_000
    /// The size of the write-ahead log from which it is complained about: somebody holds on to an old state.
    private static let largeLog = 256 << 20
    private let engine: SQLiteEngine
    private var connection: SQLiteConnection?
    private var identity: SQLiteFile.Identity?
    private var isFailing = false
    private var isLogLarge = false

    /// Writes through `connection`, which has the file of this identity open.
    init(_ engine: SQLiteEngine, _ connection: SQLiteConnection?, _ identity: SQLiteFile.Identity?) {
        self.engine = engine
        self.connection = connection
        self.identity = identity
    }

    /// Writes until the engine is closed and nothing is left.
    func run() {
        while !engine.writes.isOver {
            let jobs = engine.writes.take(upTo: Self.maxBatch, waiting: isFailing ? 1000 : 5000)
            watchFile()
            guard connection != nil, !engine.isLost.load(ordering: .relaxed) else {
                let error = StorageError.unavailable("the database file was removed or replaced")
                for job in jobs { answer(job, .failure(error)) }
                continue
            }
            if jobs.isEmpty { rest() } else { write(jobs) }
        }
        // Leaves one file, when nobody else has it open.
        _ = try? connection?.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection?.close()
    }

    // MARK: Transactions

    /// One transaction for all jobs; each can fail without the others.
    private func write(_ jobs: [SQLiteJob]) {
        guard let connection else { return }
        do {
            try begin(connection)
        } catch {
            note(.failing("\(error)"))
            for job in jobs { answer(job, .failure(error)) }
            return
        }
        guard let failure = perform(jobs, connection) else { return note(.well) }
        if failure.isTransient || failure.isCorrupt { note(.failing("\(failure)")) }
        guard jobs.count > 1 else { return answer(jobs[0], .failure(failure)) }
        // One of them spoils it for all: each by itself, then.
        for job in jobs { write([job]) }
    }

    /// Does the jobs in the transaction that is open and commits it, or undoes all and tells why.
    private func perform(_ jobs: [SQLiteJob], _ connection: SQLiteConnection) -> StorageError? {
        var results: [Result<[SQLRows], StorageError>] = []
        var failure: StorageError?
        for job in jobs {
            let result = perform(job, connection)
            results.append(result)
            // After some errors SQLite has undone all that was done since BEGIN.
            if connection.isIdle, case .failure(let error) = result {
                failure = error
                break
            }
        }
        if failure == nil {
            do { try connection.execute("COMMIT") } catch { failure = error }
        }
        if let failure {
            if !connection.isIdle { _ = try? connection.execute("ROLLBACK") }
            return failure
        }
        for (job, result) in zip(jobs, results) { answer(job, result) }
        return nil
    }

    /// Waits for the lock of whoever else writes, for a bounded time; a short one when it was in vain before.
    private func begin(_ connection: SQLiteConnection) throws(StorageError) {
        let giveUp = monotonicNow() &+ (isFailing ? 0 : engine.bounds.lockTime)
        while true {
            do {
                return try connection.execute("BEGIN IMMEDIATE")
            } catch {
                guard case .unavailable(let text) = error, monotonicNow() < giveUp else { throw error }
                engine.noteWriting(.failing(text))
            }
        }
    }

    private func perform(_ job: SQLiteJob, _ connection: SQLiteConnection) -> Result<[SQLRows], StorageError> {
        do {
            try connection.execute("SAVEPOINT job")
            var rows: [SQLRows] = []
            for statement in job.statements {
                rows.append(try connection.run(statement, limit: Self.statementTime))
            }
            try connection.execute("RELEASE job")
            return .success(rows)
        } catch {
            if !connection.isIdle {
                _ = try? connection.execute("ROLLBACK TO job")
                _ = try? connection.execute("RELEASE job")
            }
            return .failure(error)
        }
    }

    private func answer(_ job: SQLiteJob, _ result: Result<[SQLRows], StorageError>) {
        job.mailbox.post(.done(id: job.id, result))
    }

    private func note(_ health: StorageHealth) {
        isFailing = health != .well
        engine.noteWriting(health)
    }

    // MARK: Between transactions

    /// With nothing to write: tries again what failed, and keeps an eye on the log.
    private func rest() {
        guard let connection else { return }
        if isFailing {
            do {
                try connection.execute(SchemaVersion.touch)
                note(.well)
            } catch {
                note(.failing("\(error)"))
            }
        }
        let isLarge = engine.file.logSize > Self.largeLog
        if isLarge != isLogLarge, isLarge {
            engine.log.warning(
                "the write-ahead log is large: some process keeps a transaction open",
                ["database": .text(engine.file.path), "bytes": .integer(engine.file.logSize)])
        }
        isLogLarge = isLarge
        if isLarge { _ = try? connection.execute("PRAGMA wal_checkpoint(PASSIVE)") }
    }

    /// Notices that the file is no longer the one at its path: what is written to it would be lost with its name.
    ///
    /// The same file coming back ends that; so does another database of ours in its place. No new one is made: keys and
    /// records would seem to be gone.
    private func watchFile() {
        let found = engine.file.identity
        if found == identity, connection != nil {
            if engine.isLost.exchange(false, ordering: .sequentiallyConsistent) { note(.well) }
            return
        }
        if !engine.isLost.exchange(true, ordering: .sequentiallyConsistent) {
            note(.failing("the database file was removed or replaced"))
            // If it was renamed, it is whole now, without the log, which still has the old name.
            _ = try? connection?.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            engine.reads.wake()
            engine.searches.wake()
        }
        guard found != nil, engine.openReaders.load(ordering: .sequentiallyConsistent) == 0 else { return }
        connection?.close()
        connection = nil
        reopen()
    }

    private func reopen() {
        do {
            connection = try engine.file.open()
            identity = engine.file.identity
            engine.isLost.store(false, ordering: .sequentiallyConsistent)
            note(.well)
        } catch {
            note(.failing("\(error)"))
        }
    }
}
