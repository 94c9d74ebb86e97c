// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Some of the rows that a filter lets through, newest first.
package struct AuditPage: Sendable {
    package var rows: [AuditRow]
    /// Where the list goes on; `nil` when this was its end. A search may give a page without a row that is not the last.
    package var next: PageCursor?
}

extension AuditStore {
    /// How many rows one search for text looks through.
    static let searchWindow = 5000

    /// Reads up to `limit` rows from behind `place` on, with their long texts if `withTexts`.
    package func page(
        _ filter: AuditFilter, after place: PageCursor?, limit: Int, withTexts: Bool,
        _ done: @escaping (Result<AuditPage, StorageError>) -> Void
    ) {
        guard filter.text != nil else { return read(filter, after: place, until: nil, limit, withTexts, done) }
        // Through which rows may be looked at once: text has no index, and a database of years must not be read for one answer.
        var conditions = SQLConditions()
        filter.add(to: &conditions)
        if let place { conditions.add("<", place) }
        let offset = conditions.parameter(.integer(Int64(AuditStore.searchWindow - 1)))
        let statement = SQLStatement(
            """
            SELECT received_at, id FROM audit\(conditions.clause) ORDER BY received_at DESC, id DESC LIMIT 1 OFFSET \(offset)
            """, conditions.parameters)
        database.search(statement) { [self] result in
            switch result {
            case .failure(let error): done(.failure(error))
            case .success(let found):
                var end: PageCursor?
                if let row = found.rows.first, row.count == 2, let time = row[0].integer, let id = row[1].text {
                    end = PageCursor(time: Int64(time), id: id)
                }
                read(filter, after: place, until: end, limit, withTexts, done)
            }
        }
    }

    /// Reads one row whole; `nil` when there is none that the scope lets through.
    package func row(
        _ id: String, in scope: AuditScope, _ done: @escaping (Result<AuditRow?, StorageError>) -> Void
    ) {
        var conditions = SQLConditions()
        conditions.add("id = ", .text(id))
        AuditFilter(scope).add(to: &conditions)
        let statement = SQLStatement(
            "SELECT \(AuditRow.briefColumns), \(AuditRow.textColumns) FROM audit\(conditions.clause)", conditions.parameters)
        database.read(statement) { result in done(result.map { $0.rows.first.flatMap { AuditRow($0) } }) }
    }

    private func read(
        _ filter: AuditFilter, after place: PageCursor?, until end: PageCursor?, _ limit: Int, _ withTexts: Bool,
        _ done: @escaping (Result<AuditPage, StorageError>) -> Void
    ) {
        var conditions = SQLConditions()
        filter.add(to: &conditions)
        if let place { conditions.add("<", place) }
        if let end { conditions.add(">=", end) }
        filter.addText(to: &conditions)
        let columns = withTexts ? "\(AuditRow.briefColumns), \(AuditRow.textColumns)" : AuditRow.briefColumns
        let count = conditions.parameter(.integer(Int64(limit)))
        let statement = SQLStatement(
            "SELECT \(columns) FROM audit\(conditions.clause) ORDER BY received_at DESC, id DESC LIMIT \(count)",
            conditions.parameters)
        database.search(statement) { [self] result in
            // Long texts: fewer of them. One row alone always fits.
            if case .failure(.tooLarge) = result, limit > 1 {
                return read(filter, after: place, until: end, limit / 4 + 1, withTexts, done)
            }
            done(
                result.map { found in
                    let rows = found.rows.compactMap { AuditRow($0) }
                    let last = rows.count < limit ? nil : rows.last
                    return AuditPage(
                        rows: rows, next: last.map { PageCursor(time: $0.receivedAt, id: $0.id) } ?? end)
                })
        }
    }
}
