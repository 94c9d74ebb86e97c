// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What is said on a connection before its first job, as a machine: the session's settings, and on the connection that writes
/// the steps of the schema, in one transaction and one instance at a time.
struct PostgresStart {
    enum Action: Equatable {
        case send(String)
        /// All is as it should be.
        case done
        /// The database is none that may be used; what was begun is undone with the connection.
        case refuse(StorageError)
    }

    private enum State {
        case settings, readingVersion, migrating, over
    }

    /// The lock that only one instance has: the ASCII codes of "Slce".
    private static let lock = 0x536C_6365
    private let writes: Bool
    private let migrations: [Migration]
    private let statementTime: UInt64
    private var state = State.settings

    /// `statementTime` is what a statement may take, in nanoseconds.
    init(writes: Bool, migrations: [Migration], statementTime: UInt64) {
        self.writes = writes
        self.migrations = migrations
        self.statementTime = statementTime
    }

    /// What to say first.
    var opening: String {
        var text = "SET statement_timeout = \(statementTime / 1_000_000); SET bytea_output = 'hex'"
        guard writes else { return text + "; SET default_transaction_read_only = on" }
        // Nobody's work is waited for except that of another instance which runs the same steps.
        text += "; BEGIN; SET LOCAL statement_timeout = 60000; SELECT pg_advisory_xact_lock(\(Self.lock))"
        return text + "; SELECT to_regclass('schema_version') IS NOT NULL"
    }

    /// The answer came; `rows` are the last statement's.
    mutating func receive(_ rows: SQLRows) -> Action {
        let value = rows.rows.first?.first?.integer ?? 0
        switch state {
        case .settings where !writes:
            state = .over
            return .done
        case .settings:
            state = .readingVersion
            let make = value == 1 ? [] : SchemaVersion.create
            return .send((make + [SchemaVersion.get]).joined(separator: "; "))
        case .readingVersion:
            guard value <= migrations.count else { return .refuse(.tooNew(found: value, known: migrations.count)) }
            state = .migrating
            let missing = migrations.dropFirst(max(0, value)).flatMap(\.statements)
            return .send(
                (missing + (missing.isEmpty ? [] : [SchemaVersion.set(migrations.count)]) + ["COMMIT"]).joined(separator: "; "))
        case .migrating, .over:
            state = .over
            return .done
        }
    }
}
