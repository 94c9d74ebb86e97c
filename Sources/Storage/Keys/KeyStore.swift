// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The virtual keys in a database.
///
/// Every change takes the next number of one counter, in the same transaction: who remembers a number can ask for what was changed
/// since. The counter is changed first, so that its row's lock puts changes in the order of their numbers.
package final class KeyStore {
    /// Which keys to list; `nil` for whichever.
    package struct Filter: Sendable, Equatable {
        package var organization: String?
        package var user: String?

        package init(organization: String? = nil, user: String? = nil) {
            self.organization = organization
            self.user = user
        }
    }

    /// The most rows that one read brings.
    package static let pageLimit = 1000
    private let database: any Database

    /// The keys of a database whose schema is up to date.
    package init(_ database: any Database) { self.database = database }

    /// Adds a key. The row comes back with its revision; `conflict` when its identifier or key is there already.
    package func insert(_ row: KeyRow, _ done: @escaping (Result<KeyRow, StorageError>) -> Void) {
        let places = (1...12).map { "$\($0)" }.joined(separator: ", ")
        let text = "INSERT INTO keys (\(KeyRow.columns)) VALUES (\(places), \(KeyStore.current)) RETURNING \(KeyRow.columns)"
        change(SQLStatement(text, row.values, mustAffect: true)) { result in
            done(result.flatMap { $0.map { .success($0) } ?? .failure(.conflict("the key was not added")) })
        }
    }

    /// Changes a key; `nil` comes back when there is none of that identifier.
    package func update(_ id: String, _ change: KeyChange, _ done: @escaping (Result<KeyRow?, StorageError>) -> Void) {
        var sets: [String] = []
        var values: [SQLValue] = []
        func set(_ column: String, _ value: SQLValue) {
            values.append(value)
            sets.append("\(column) = $\(values.count)")
        }
        if let name = change.name { set("name", .text(name)) }
        if let models = change.models { set("models", KeyRow.value(models: models)) }
        if let limits = change.limits { set("limits", KeyRow.value(limits: limits)) }
        if let expiresAt = change.expiresAt { set("expires_at", KeyRow.value(time: expiresAt)) }
        sets.append("revision = \(KeyStore.current)")
        values.append(.text(id))
        let text = "UPDATE keys SET \(sets.joined(separator: ", ")) WHERE id = $\(values.count) RETURNING \(KeyRow.columns)"
        self.change(SQLStatement(text, values, mustAffect: true), done)
    }

    /// Revokes a key for good, as of `time` unless it was before; `nil` comes back when there is none of that identifier.
    package func revoke(_ id: String, at time: Int64, _ done: @escaping (Result<KeyRow?, StorageError>) -> Void) {
        let text = """
            UPDATE keys SET revoked_at = COALESCE(revoked_at, $1), revision = \(KeyStore.current) WHERE id = $2
            RETURNING \(KeyRow.columns)
            """
        change(SQLStatement(text, [.integer(time), .text(id)], mustAffect: true), done)
    }

    /// A key by its identifier.
    package func find(_ id: String, _ done: @escaping (Result<KeyRow?, StorageError>) -> Void) {
        let text = "SELECT \(KeyRow.columns) FROM keys WHERE id = $1"
        read(SQLStatement(text, [.text(id)])) { done($0.map(\.first)) }
    }

    /// Keys, the newest first, revoked ones too: up to `limit` of those behind a place.
    package func list(
        _ filter: Filter, after cursor: PageCursor?, limit: Int, _ done: @escaping (Result<[KeyRow], StorageError>) -> Void
    ) {
        var conditions: [String] = []
        var values: [SQLValue] = []
        func place(_ value: SQLValue) -> String {
            values.append(value)
            return "$\(values.count)"
        }
        if let organization = filter.organization { conditions.append("organization = \(place(.text(organization)))") }
        if let user = filter.user { conditions.append("user_id = \(place(.text(user)))") }
        if let cursor {
            let time = place(.integer(cursor.time))
            conditions.append("(created_at < \(time) OR (created_at = \(time) AND id < \(place(.text(cursor.id)))))")
        }
        let condition = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND ")) "
        let count = place(.integer(Int64(min(max(limit, 1), KeyStore.pageLimit + 1))))
        let text = "SELECT \(KeyRow.columns) FROM keys \(condition)ORDER BY created_at DESC, id DESC LIMIT \(count)"
        read(SQLStatement(text, values), done)
    }

    /// The number of the latest change.
    package func revision(_ done: @escaping (Result<Int64, StorageError>) -> Void) {
        database.read(SQLStatement("SELECT value FROM counters WHERE name = 'keys'")) { result in
            done(
                result.flatMap { rows in
                    guard let value = rows.rows.first?.first?.integer else {
                        return .failure(.corrupt("there is no count of keys"))
                    }
                    return .success(Int64(value))
                })
        }
    }

    /// Keys changed after a revision, in the order of their changes: up to `pageLimit`; as many as that means that there may be more.
    package func changes(since revision: Int64, _ done: @escaping (Result<[KeyRow], StorageError>) -> Void) {
        let text = "SELECT \(KeyRow.columns) FROM keys WHERE revision > $1 ORDER BY revision LIMIT \(KeyStore.pageLimit)"
        read(SQLStatement(text, [.integer(revision)]), done)
    }

    // MARK: Statements

    private static let current = "(SELECT value FROM counters WHERE name = 'keys')"
    private static let count = SQLStatement("UPDATE counters SET value = value + 1 WHERE name = 'keys'", mustAffect: true)

    /// Makes a change together with its count; a change that met no row is undone and comes back as `nil`.
    private func change(_ statement: SQLStatement, _ done: @escaping (Result<KeyRow?, StorageError>) -> Void) {
        database.write([KeyStore.count, statement]) { result in
            switch result {
            case .success(let rows): done(KeyStore.rows(rows.last).map(\.first))
            case .failure(.conflict): done(.success(nil))
            case .failure(let error): done(.failure(error))
            }
        }
    }

    private func read(_ statement: SQLStatement, _ done: @escaping (Result<[KeyRow], StorageError>) -> Void) {
        database.read(statement) { result in done(result.flatMap(KeyStore.rows)) }
    }

    private static func rows(_ rows: SQLRows?) -> Result<[KeyRow], StorageError> {
        Result { () throws(StorageError) in
            var keys: [KeyRow] = []
            for row in rows?.rows ?? [] { keys.append(try KeyRow(columns: row)) }
            return keys
        }
    }
}

@available(*, unavailable)
extension KeyStore: Sendable {}
