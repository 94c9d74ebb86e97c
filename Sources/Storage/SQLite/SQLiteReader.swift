// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Synchronization

/// What a thread of an engine does that reads.
final class SQLiteReader {
    /// What it takes its jobs from.
    enum Lane: Sendable { case reads, searches }

    private let engine: SQLiteEngine
    private let lane: Lane
    private let queue: WorkQueue<SQLiteJob>
    private var connection: SQLiteConnection?
    private var isFailing = false

    init(_ engine: SQLiteEngine, _ lane: Lane) {
        self.engine = engine
        self.lane = lane
        queue = lane == .reads ? engine.reads : engine.searches
    }

    /// Reads until the engine is closed and nothing is left.
    func run() {
        while !queue.isOver {
            let jobs = queue.take(upTo: 1, waiting: isFailing ? 1000 : 60_000)
            if engine.isLost.load(ordering: .acquiring) { close() }
            for job in jobs { job.mailbox.post(.done(id: job.id, answer(job.statements))) }
            if jobs.isEmpty, isFailing { _ = answer([SQLStatement(SchemaVersion.get)]) }
        }
        close()
    }

    private func close() {
        guard let connection else { return }
        connection.close()
        self.connection = nil
        engine.openReaders.subtract(1, ordering: .releasing)
    }

    private func answer(_ statements: [SQLStatement]) -> Result<[SQLRows], StorageError> {
        do {
            let connection = try open()
            var results: [SQLRows] = []
            for statement in statements {
                results.append(try connection.run(statement, limit: engine.bounds.readTime))
            }
            note(.well)
            return .success(results)
        } catch {
            // A statement that is wrong, or slow, says nothing of the file.
            switch error {
            case .corrupt(let text), .full(let text), .readOnly(let text): note(.failing(text))
            case .unavailable(let text) where connection == nil: note(.failing(text))
            default: break
            }
            return .failure(error)
        }
    }

    private func note(_ health: StorageHealth) {
        isFailing = health != .well
        engine.noteReading(health, of: lane)
    }

    private func open() throws(StorageError) -> SQLiteConnection {
        if let connection { return connection }
        // Before the look at whether the file is lost: the writer looks in the other order.
        engine.openReaders.add(1, ordering: .sequentiallyConsistent)
        do throws(StorageError) {
            guard !engine.isLost.load(ordering: .sequentiallyConsistent) else {
                throw .unavailable("the database file was removed or replaced")
            }
            let opened = try engine.file.openToRead()
            connection = opened
            return opened
        } catch {
            engine.openReaders.subtract(1, ordering: .releasing)
            throw error
        }
    }
}
