// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Synchronization

/// What the reading thread of an engine does.
final class SQLiteReader {
    private let engine: SQLiteEngine
    private var connection: SQLiteConnection?
    private var isFailing = false

    init(_ engine: SQLiteEngine) { self.engine = engine }

    /// Reads until the engine is closed and nothing is left.
    func run() {
        while !engine.reads.isOver {
            let jobs = engine.reads.take(upTo: 1, waiting: isFailing ? 1000 : 60_000)
            if engine.isLost.load(ordering: .acquiring) { close() }
            for job in jobs { job.mailbox.post(.done(id: job.id, answer(job.statements))) }
            if jobs.isEmpty, isFailing { _ = answer([SQLStatement(SchemaVersion.get)]) }
        }
        close()
    }

    private func close() {
        connection?.close()
        connection = nil
        engine.isReaderOpen.store(false, ordering: .releasing)
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
        engine.noteReading(health)
    }

    private func open() throws(StorageError) -> SQLiteConnection {
        if let connection { return connection }
        // Before the look at whether the file is lost: the writer looks in the other order.
        engine.isReaderOpen.store(true, ordering: .sequentiallyConsistent)
        guard !engine.isLost.load(ordering: .sequentiallyConsistent) else {
            engine.isReaderOpen.store(false, ordering: .releasing)
            throw .unavailable("the database file was removed or replaced")
        }
        let opened = try engine.file.openToRead()
        connection = opened
        return opened
    }
}
