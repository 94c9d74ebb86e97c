// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The jobs under way on one connection, and which reply belongs to which.
final class PostgresPipeline {
    /// The jobs that may be under way at once.
    private static let depth = 64
    /// The statements kept prepared; others are sent by their text each time.
    private static let maxPrepared = 200

    /// What makes one prepared statement differ from another.
    private struct StatementKey: Hashable {
        let text: String
        let types: [UInt32]
    }

    private struct Expected {
        enum Kind {
            /// A statement was given a name.
            case preparation(StatementKey)
            case statement(PostgresJob, SQLStatement)
            /// BEGIN, COMMIT or ROLLBACK of a job.
            case control(PostgresJob)
            /// The end of a job, or of a preparation.
            case end(PostgresJob?)
        }
        let kind: Kind
        var hasReply = false
    }

    private let connection: PostgresConnection
    private var expected: [Expected] = []
    /// How many at the front of `expected` are over.
    private var overCount = 0
    private var names: [StatementKey: String] = [:]
    private var lastName = 0
    /// The job that waits for its statements' replies before it can be committed; nothing is sent behind it.
    private var undecided: PostgresJob?
    /// The replies that it still waits for.
    private var undecidedReplies = 0
    /// The jobs under way, oldest first.
    private(set) var jobs: [PostgresJob] = []
    /// Whether something could not be sent that had to be.
    private(set) var isBroken = false

    init(_ connection: PostgresConnection) { self.connection = connection }

    /// Whether a job can be sent now.
    func takes(_ job: PostgresJob) -> Bool {
        undecided == nil && jobs.count < Self.depth && (!job.needsDecision || jobs.isEmpty)
    }

    /// Sends a job; `false` when the connection is broken.
    func send(_ job: PostgresJob) -> Bool {
        jobs.append(job)
        let parameters = job.statements.map { PostgresParameters($0.parameters) }
        var names: [String?] = []
        for (statement, values) in zip(job.statements, parameters) {
            guard let name = prepared(statement, values) else { return false }
            names.append(name.isEmpty ? nil : name)
        }
        if job.needsDecision {
            guard control("BEGIN", job) else { return false }
        }
        for (index, statement) in job.statements.enumerated() {
            guard connection.send(name: names[index], text: statement.text, parameters[index]) else { return false }
            expected.append(Expected(kind: .statement(job, statement)))
        }
        guard job.needsDecision else { return end(job) }
        undecided = job
        undecidedReplies = job.statements.count
        return connection.requestReplies()
    }

    /// The name of a statement, after having it prepared if need be; empty when it has none, `nil` when the connection is broken.
    private func prepared(_ statement: SQLStatement, _ values: PostgresParameters) -> String? {
        let key = StatementKey(text: statement.text, types: values.types)
        if let known = names[key] { return known }
        guard names.count < Self.maxPrepared else { return "" }
        lastName += 1
        let name = "s\(lastName)"
        names[key] = name
        // Between points of its own: a job that fails before it would take it along.
        guard connection.prepare(name, statement.text, values.types) else { return nil }
        expected.append(Expected(kind: .preparation(key)))
        return end(nil) ? name : nil
    }

    private func control(_ text: String, _ job: PostgresJob) -> Bool {
        expected.append(Expected(kind: .control(job)))
        return connection.send(name: nil, text: text, PostgresParameters([]))
    }

    private func end(_ job: PostgresJob?) -> Bool {
        expected.append(Expected(kind: .end(job)))
        return connection.sync()
    }

    /// Takes in what has been received.
    /// - Returns: the jobs that are over, with their rows or their failure in them.
    func takeReplies() -> [PostgresJob] {
        var over: [PostgresJob] = []
        var emptyEnds = 0
        while overCount < expected.count, !isBroken {
            switch connection.next() {
            case .waiting: emptyEnds = 3
            case .end:
                // Between two things that were sent libpq may say so without meaning the second.
                if expected[overCount].hasReply { advance() } else { emptyEnds += 1 }
            case .reply(.synced):
                if case .end(let job?) = expected[overCount].kind {
                    jobs.removeAll { $0 === job }
                    over.append(job)
                }
                advance()
            case .reply(let reply):
                emptyEnds = 0
                take(reply)
            }
            if emptyEnds >= 3 { break }
        }
        return over
    }

    private func advance() {
        let kind = expected[overCount].kind
        overCount += 1
        if overCount >= 64 || overCount == expected.count {
            expected.removeFirst(overCount)
            overCount = 0
        }
        if case .statement(let job, _) = kind, job === undecided {
            undecidedReplies -= 1
            if undecidedReplies == 0 { decide(job) }
        }
    }

    private func take(_ reply: PostgresReply) {
        expected[overCount].hasReply = true
        switch (expected[overCount].kind, reply) {
        case (.preparation(let key), .failure): names[key] = nil
        case (.statement(let job, let statement), .rows(let rows)):
            job.rows.append(rows)
            if statement.mustAffect, rows.affected == 0, rows.rows.isEmpty { job.isUnmet = true }
        case (.statement(let job, _), .failure(let failure)), (.control(let job), .failure(let failure)),
            (.end(let job?), .failure(let failure)):
            if job.failure == nil { job.failure = failure }
        default: break
        }
    }

    /// All statements of a job have been answered: it is committed, or undone.
    private func decide(_ job: PostgresJob) {
        undecided = nil
        var isGood = true
        if job.failure != nil {
            // The server skips everything up to the next point; only then does it hear that the transaction is over.
            isGood = end(nil) && control("ROLLBACK", job)
        } else {
            isGood = control(job.isUnmet ? "ROLLBACK" : "COMMIT", job)
        }
        isBroken = !(isGood && end(job))
    }
}

@available(*, unavailable)
extension PostgresPipeline: Sendable {}
