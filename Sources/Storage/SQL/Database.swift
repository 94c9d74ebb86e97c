// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Why storage did not do what was asked.
package enum StorageError: Error, Equatable, Sendable {
    /// It cannot be reached, or is locked by somebody else; trying again later may help.
    case unavailable(String)
    /// There is no room left where it keeps its data; trying again later may help.
    case full(String)
    /// It may be read but not written.
    case readOnly(String)
    /// The data is damaged, or is no database at all.
    case corrupt(String)
    /// It was made by a newer version of the program.
    case tooNew(found: Int, known: Int)
    /// A rule of the schema, or a statement's `mustAffect`, was not met; the transaction was undone.
    case conflict(String)
    /// So much waits already that this was not taken in.
    case overloaded
    /// A value does not fit: too large, or of another kind than its column. The transaction was undone.
    case value(String)
    /// The statement cannot be done: a mistake of the program, or of who made the tables.
    case statement(String)
    /// The rows that the statement gives are more than 64 MiB; fewer at once may be had.
    case tooLarge
    /// It was closed.
    case closed

    /// Whether the same may succeed later.
    package var isTransient: Bool {
        switch self {
        case .unavailable, .full, .readOnly, .overloaded: true
        case .corrupt, .tooNew, .conflict, .value, .statement, .tooLarge, .closed: false
        }
    }
}

extension StorageError {
    /// Whether the data is damaged.
    var isCorrupt: Bool { if case .corrupt = self { true } else { false } }

    /// A word for the kind of error, for metrics.
    package var label: String {
        switch self {
        case .unavailable: "unavailable"
        case .full: "full"
        case .readOnly: "read_only"
        case .corrupt: "corrupt"
        case .tooNew: "too_new"
        case .conflict: "conflict"
        case .overloaded: "overloaded"
        case .value: "value"
        case .statement: "statement"
        case .tooLarge: "too_large"
        case .closed: "closed"
        }
    }
}

extension StorageError {
    /// Counts it under its kind. A conflict is an answer like another, not something that went wrong.
    func count(in family: MetricFamily<Counter>?) {
        if case .conflict = self { return }
        family?.with(["kind": label]).add()
    }
}

extension StorageError: CustomStringConvertible {
    /// One line for the operator; without any value that a statement held.
    package var description: String {
        switch self {
        case .unavailable(let text), .full(let text), .readOnly(let text), .corrupt(let text), .conflict(let text),
            .value(let text), .statement(let text):
            text
        case .tooNew(let found, let known):
            "the database has schema version \(found), which is newer than this program's \(known)"
        case .overloaded: "too much waits to be stored"
        case .tooLarge: "what is asked for is more than 64 MiB"
        case .closed: "storage is closed"
        }
    }
}

/// How well a database does.
package enum StorageHealth: Equatable, Sendable {
    case well
    /// What was tried last failed, for the reason given.
    case failing(String)
}

/// A database as one event loop uses it. Nothing here blocks: what is asked is done elsewhere, and told on the loop.
///
/// Two engines: `SQLiteDatabase` and `PostgresDatabase`. `done` is called exactly once, on the loop, never before the call
/// has returned.
package protocol Database: AnyObject {
    /// How well it does, by what was tried last.
    var health: StorageHealth { get }
    /// How many transactions wait or are under way.
    var pending: Int { get }
    /// Runs statements as one transaction: all of them or none. `done` gets the rows of each.
    ///
    /// Writes of one loop are begun in the order in which they were asked for. One that meets another's transaction (40001 and 40P01
    /// of Postgres) is done again, behind some that were asked for later: who needs an order waits for `done`. `done` with a success
    /// means that the transaction is durable: it survives kill -9 of this process.
    func write(_ statements: [SQLStatement], _ done: @escaping (Result<[SQLRows], StorageError>) -> Void)
    /// Runs one statement that changes nothing. Not ordered after writes that are still under way.
    func read(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void)
    /// Like `read`, for what may take seconds: it stands in a line of its own, so that no `read` waits behind it. Few fit in.
    func search(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void)
    /// Does what was asked, then closes; `done` is called when nothing is open any more. Later calls fail with `closed`.
    func close(_ done: @escaping () -> Void)
}
