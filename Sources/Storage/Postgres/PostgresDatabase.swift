// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Telemetry

/// A Postgres server as one loop uses it: three connections, on the loop and never waited for.
///
/// One writes, one reads, one searches.
///
/// While the server is away, what is asked waits, within bounds. A write that was under way when the connection broke is
/// `unavailable`: whether it was done nobody knows, so that who asks again must have made it so that twice is as good as once.
package final class PostgresDatabase: Database {
    /// The bounds, of each of the connections; times in nanoseconds.
    package struct Bounds: Sendable {
        /// How many jobs may wait or be under way.
        package var jobs = 10_000
        /// How many searches.
        package var searches = 64
        /// How many bytes those that wait may have.
        package var bytes = 64 << 20
        /// How long connecting may take, or a transaction, before the connection is given up.
        package var answerTime: UInt64 = 10_000_000_000
        /// How long the steps of the schema may take.
        package var migrationTime: UInt64 = 60_000_000_000
        /// What a statement may take, on the server.
        package var statementTime: UInt64 = 8_000_000_000
        /// How long something waits for a server that is away.
        package var waitTime: UInt64 = 15_000_000_000
        /// After how long a rest the server is asked whether it is there.
        package var probeTime: UInt64 = 5_000_000_000
        /// How often a transaction is done again that met another one.
        package var repeats = 5
        package init() {}
    }

    private let loop: EventLoop
    private let writing: PostgresLane
    private let reading: PostgresLane
    private let searching: PostgresLane
    private let errors: MetricFamily<Counter>?
    private var closers: [() -> Void] = []
    private var isClosed = false
    private var isReading = false

    /// The server at `uri`; it need not be there yet. Errors are counted in `errors`.
    ///
    /// Throws `statement` when the URI cannot be understood, `unavailable` when the system has no descriptor left.
    package convenience init(
        _ uri: Secret, on loop: EventLoop, log: Log, errors: MetricFamily<Counter>? = nil
    ) throws(StorageError) {
        try self.init(uri, on: loop, log: log, errors: errors, migrations: Schema.migrations, bounds: Bounds())
    }

    init(
        _ uri: Secret, on loop: EventLoop, log: Log, errors: MetricFamily<Counter>?, migrations: [Migration], bounds: Bounds
    ) throws(StorageError) {
        let address = try PostgresAddress(uri)
        self.loop = loop
        self.errors = errors
        writing = try PostgresLane(
            loop, .init(writes: true, address: address, migrations: migrations, bounds: bounds), log: log)
        reading = try PostgresLane(loop, .init(writes: false, address: address, bounds: bounds), log: log)
        var ofSearches = bounds
        ofSearches.jobs = bounds.searches
        searching = try PostgresLane(loop, .init(writes: false, address: address, bounds: ofSearches), log: log)
        writing.onReady = { [unowned self] in
            // Not before, as the tables may not be there.
            guard !isReading else { return }
            isReading = true
            reading.start()
            searching.start()
        }
        writing.start()
    }

    /// Searches count for nothing in it: requests are served without.
    package var health: StorageHealth { writing.health == .well ? reading.health : writing.health }

    package var pending: Int { writing.pending + reading.pending + searching.pending }

    package func write(_ statements: [SQLStatement], _ done: @escaping (Result<[SQLRows], StorageError>) -> Void) {
        submit(statements, to: writing, done)
    }

    package func read(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) {
        submit([statement], to: reading) { result in done(result.map { $0.first ?? SQLRows() }) }
    }

    package func search(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) {
        submit([statement], to: searching) { result in done(result.map { $0.first ?? SQLRows() }) }
    }

    package func close(_ done: @escaping () -> Void) {
        guard !isClosed else { return loop.deferred(done) }
        closers.append(done)
        loop.deferred { [weak self] in self?.closeIfDone() }
    }

    private func submit(
        _ statements: [SQLStatement], to lane: PostgresLane, _ done: @escaping (Result<[SQLRows], StorageError>) -> Void
    ) {
        guard closers.isEmpty, !isClosed else { return refuse(.closed, done) }
        let job = PostgresJob(statements, now: loop.now) { [weak self] result in
            if case .failure(let error) = result { error.count(in: self?.errors) }
            done(result)
            self?.closeIfDone()
        }
        if !lane.put(job) { refuse(.overloaded, done) }
    }

    private func refuse(_ error: StorageError, _ done: @escaping (Result<[SQLRows], StorageError>) -> Void) {
        error.count(in: errors)
        loop.deferred { done(.failure(error)) }
    }

    private func closeIfDone() {
        guard !closers.isEmpty, !isClosed, pending == 0 else { return }
        isClosed = true
        writing.close()
        reading.close()
        searching.close()
        for done in closers { done() }
        closers = []
    }
}

@available(*, unavailable)
extension PostgresDatabase: Sendable {}
