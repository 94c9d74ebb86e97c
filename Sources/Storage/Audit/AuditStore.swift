// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The account of all requests in a database, with the sums of their use.
///
/// Belongs to the database's loop, on which every `done` is called.
package final class AuditStore {
    let database: any Database

    /// A store in a database that has the tables of `Schema`.
    package init(_ database: any Database) { self.database = database }

    /// Stores rows and adds them to the sums of their day, in one transaction.
    ///
    /// A row that is there already is neither stored nor counted again, so that what failed in doubt can be repeated. `batch` is a
    /// number that no other attempt has: a row is counted by the attempt that stored it.
    package func insert(_ rows: [AuditRow], batch: Int64, _ done: @escaping (StorageError?) -> Void) {
        var statements: [SQLStatement] = []
        statements.reserveCapacity(rows.count * 2)
        // In one order everywhere, so that two instances do not wait for each other.
        for row in rows {
            statements.append(SQLStatement(AuditStore.insertRow, row.values + [.integer(batch)]))
        }
        let sums = rows.map { AuditStore.sums(of: $0) + [.text($0.id), .integer(batch)] }
        for values in sums.sorted(by: AuditStore.isBefore) { statements.append(SQLStatement(AuditStore.addToSums, values)) }
        database.write(statements) { result in
            switch result {
            case .success: done(nil)
            case .failure(let error): done(error)
            }
        }
    }

    /// Deletes up to `limit` of the rows that came before a time; `done` gets how many they were. The sums stay.
    package func delete(
        before time: Int64, limit: Int, _ done: @escaping (Result<Int, StorageError>) -> Void
    ) {
        let statement = SQLStatement(
            """
            DELETE FROM audit WHERE id IN \
            (SELECT id FROM audit WHERE received_at < $1 ORDER BY received_at, id LIMIT $2)
            """, [.integer(time), .integer(Int64(limit))])
        change(statement, done)
    }

    /// Takes what up to `limit` requests of a key said and were answered out of their rows; `done` gets how many they were.
    package func erase(key: String, limit: Int, _ done: @escaping (Result<Int, StorageError>) -> Void) {
        let statement = SQLStatement(
            """
            UPDATE audit SET request_headers = NULL, request_text = NULL, response_text = NULL, reasoning_text = NULL, \
            tool_calls = NULL, response_headers = NULL, attempt_log = NULL, error = NULL, is_truncated = 1, is_request_truncated = 1 \
            WHERE id IN (SELECT id FROM audit WHERE key_id = $1 AND (request_headers IS NOT NULL OR request_text IS NOT NULL \
            OR response_text IS NOT NULL OR response_headers IS NOT NULL OR reasoning_text IS NOT NULL OR tool_calls IS NOT NULL OR attempt_log IS NOT NULL \
            OR error IS NOT NULL) LIMIT $2)
            """, [.text(key), .integer(Int64(limit))])
        change(statement, done)
    }

    private func change(_ statement: SQLStatement, _ done: @escaping (Result<Int, StorageError>) -> Void) {
        database.write([statement]) { result in done(result.map { $0.first?.affected ?? 0 }) }
    }

    // MARK: Statements

    private static let insertRow: String = {
        let count = AuditRow.briefCount + AuditRow.textCount + 1
        let places = (1...count).map { "$\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO audit (\(AuditRow.briefColumns), \(AuditRow.textColumns), batch) VALUES (\(places)) \
            ON CONFLICT (id) DO NOTHING
            """
    }()

    /// What is summed, in the order of `sums(of:)`.
    static let sumColumns = [
        "requests", "input_tokens", "output_tokens", "cached_tokens", "cache_written_tokens", "reasoning_tokens",
        "cost_nanos", "unpriced", "estimated",
    ]
    /// A day's sum ends here, so that sums of sums do not overflow: a hundred million units of money for one model of one key.
    static let sumLimit: Int64 = 100_000_000_000_000_000

    private static let addToSums: String = {
        let keys = (2...6).reduce("CAST($1 AS BIGINT)") { "\($0), CAST($\($1) AS TEXT)" }
        let values = (7...15).map { "CAST($\($0) AS BIGINT)" }.joined(separator: ", ")
        let additions = sumColumns.map { name in
            """
            \(name) = CASE WHEN usage.\(name) + excluded.\(name) > \(sumLimit) THEN \(sumLimit) \
            ELSE usage.\(name) + excluded.\(name) END
            """
        }
        return """
            INSERT INTO usage (day, key_id, organization, user_id, provider, model, \(sumColumns.joined(separator: ", "))) \
            SELECT \(keys), \(values) WHERE EXISTS (SELECT 1 FROM audit WHERE id = $16 AND batch = $17) \
            ON CONFLICT (day, key_id, organization, user_id, provider, model) DO UPDATE SET \
            \(additions.joined(separator: ", "))
            """
    }()

    /// The day and the texts by which is summed, then what is added.
    private static func sums(of row: AuditRow) -> [SQLValue] {
        func count(_ tokens: Int?) -> SQLValue { .integer(min(max(0, Int64(tokens ?? 0)), sumLimit)) }
        let usesTokens = (row.inputTokens ?? 0) > 0 || (row.outputTokens ?? 0) > 0
        let isUnpriced = row.isAnswered && row.cost == nil && usesTokens
        return [
            .integer(row.day), .text(row.keyID ?? ""), .text(row.organization ?? ""), .text(row.user ?? ""),
            .text(row.provider), .text(row.isAnswered ? row.model : ""), .integer(1),
            count(row.inputTokens), count(row.outputTokens), count(row.cachedTokens), count(row.cacheWrittenTokens),
            count(row.reasoningTokens), .integer(min(max(0, row.cost?.nanos ?? 0), sumLimit)),
            .integer(isUnpriced ? 1 : 0), .integer(row.isEstimated ? 1 : 0),
        ]
    }

    /// Whether sums come before others: by their day, then by the texts that make up the key.
    private static func isBefore(_ left: [SQLValue], _ right: [SQLValue]) -> Bool {
        if left[0] != right[0] { return (left[0].integer ?? 0) < (right[0].integer ?? 0) }
        for column in 1...5 where left[column] != right[column] {
            return (left[column].text ?? "") < (right[column].text ?? "")
        }
        return false
    }
}

@available(*, unavailable)
extension AuditStore: Sendable {}
