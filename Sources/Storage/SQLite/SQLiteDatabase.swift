// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Telemetry

/// An embedded database as one loop uses it: jobs go to the engine's threads as data, completions stay here.
package final class SQLiteDatabase: Database {
    private let loop: EventLoop
    private let engine: SQLiteEngine
    private let mailbox: LoopMailbox<SQLiteReply>
    private let errors: MetricFamily<Counter>?
    private var watcher: SocketWatcher?
    private var completions: [UInt64: (Result<[SQLRows], StorageError>) -> Void] = [:]
    private var lastID: UInt64 = 0
    private var closers: [() -> Void] = []
    private var hasLeft = false
    private var isClosed = false

    /// The use of `engine` on `loop`; errors are counted in `errors`.
    ///
    /// Throws `unavailable` when the system has no descriptor left.
    package init(
        _ engine: SQLiteEngine, on loop: EventLoop, errors: MetricFamily<Counter>? = nil
    ) throws(StorageError) {
        self.loop = loop
        self.engine = engine
        self.errors = errors
        do { mailbox = try LoopMailbox() } catch { throw .unavailable("\(error)") }
        engine.join()
        watcher = mailbox.watch(on: loop) { [unowned self] reply in self.receive(reply) }
    }

    deinit { if !hasLeft { engine.leave(mailbox) } }

    package var health: StorageHealth { engine.health }

    package var pending: Int { completions.count }

    package func write(_ statements: [SQLStatement], _ done: @escaping (Result<[SQLRows], StorageError>) -> Void) {
        submit(statements, to: engine.writes, done)
    }

    package func read(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) {
        submit([statement], to: engine.reads) { result in done(result.map { $0.first ?? SQLRows() }) }
    }

    package func search(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) {
        submit([statement], to: engine.searches) { result in done(result.map { $0.first ?? SQLRows() }) }
    }

    package func close(_ done: @escaping () -> Void) {
        guard !isClosed else { return loop.deferred(done) }
        closers.append(done)
        leaveIfDone()
    }

    private func submit(
        _ statements: [SQLStatement], to queue: WorkQueue<SQLiteJob>,
        _ done: @escaping (Result<[SQLRows], StorageError>) -> Void
    ) {
        lastID &+= 1
        do throws(StorageError) {
            guard closers.isEmpty, !isClosed else { throw .closed }
            let bytes = statements.reduce(0) { $0 &+ $1.byteCount }
            try queue.put(SQLiteJob(id: lastID, statements: statements, mailbox: mailbox), bytes: bytes)
            completions[lastID] = done
        } catch {
            error.count(in: errors)
            loop.deferred { done(.failure(error)) }
        }
    }

    private func receive(_ reply: SQLiteReply) {
        switch reply {
        case .done(let id, let result):
            if case .failure(let error) = result { error.count(in: errors) }
            completions.removeValue(forKey: id)?(result)
            leaveIfDone()
        case .closed:
            isClosed = true
            let told = closers
            closers = []
            for done in told { done() }
        }
    }

    private func leaveIfDone() {
        guard !closers.isEmpty, completions.isEmpty, !hasLeft else { return }
        hasLeft = true
        engine.leave(mailbox)
    }
}

@available(*, unavailable)
extension SQLiteDatabase: Sendable {}
