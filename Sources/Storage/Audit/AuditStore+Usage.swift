// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// By what use is summed.
package enum UsageGroup: String, Sendable, CaseIterable {
    case day, key, organization, user, model, provider

    /// The column of the table.
    var column: String {
        switch self {
        case .day: "day"
        case .key: "key_id"
        case .organization: "organization"
        case .user: "user_id"
        case .model: "model"
        case .provider: "provider"
        }
    }
}

/// Which days' use, and whose.
package struct UsageFilter: Sendable, Equatable {
    package var scope: AuditScope
    /// From this day on, counted from 1970.
    package var from: Int64?
    /// Before this day, counted from 1970.
    package var to: Int64?
    package var keyID: String?
    package var organization: String?
    package var user: String?
    package var model: String?
    package var provider: String?

    package init(_ scope: AuditScope) { self.scope = scope }

    func add(to conditions: inout SQLConditions) {
        var rows = AuditFilter(scope)
        (rows.keyID, rows.organization, rows.user, rows.provider) = (keyID, organization, user, provider)
        rows.add(to: &conditions)
        if let model { conditions.add("model = ", .text(model)) }
        if let from { conditions.add("day >= ", .integer(from)) }
        if let to { conditions.add("day < ", .integer(to)) }
    }
}

/// The use of one group.
package struct UsageSum: Sendable, Equatable {
    /// What the group has in common, in the order of the groups asked for; a day is a number, all else a text.
    package var group: [SQLValue] = []
    package var requests = 0
    package var inputTokens = 0
    package var outputTokens = 0
    package var cachedTokens = 0
    package var cacheWrittenTokens = 0
    package var reasoningTokens = 0
    package var cost = Money.zero
    /// Requests that were answered by a model without a price.
    package var unpriced = 0
    /// Requests of which counts were estimated.
    package var estimated = 0

    package init() {}
}

/// What a key of an organisation used on a day.
package struct DaySpending: Sendable, Equatable {
    /// Counted from 1970.
    package var day: Int64
    /// Empty for none.
    package var keyID: String
    /// Empty for none.
    package var organization: String
    /// Input and output together.
    package var tokens: Int
    package var cost: Money
}

extension AuditStore {
    /// Sums the use by groups, in their order; at most `limit` of them. What `isUrgent` does not stand behind searches.
    package func usage(
        _ filter: UsageFilter, by groups: [UsageGroup], limit: Int, isUrgent: Bool = false,
        _ done: @escaping (Result<[UsageSum], StorageError>) -> Void
    ) {
        var conditions = SQLConditions()
        filter.add(to: &conditions)
        let columns = groups.map(\.column).joined(separator: ", ")
        let sums = AuditStore.sumColumns.map { "CAST(COALESCE(SUM(\($0)), 0) AS BIGINT)" }.joined(separator: ", ")
        let grouping = groups.isEmpty ? "" : " GROUP BY \(columns) ORDER BY \(columns)"
        let count = conditions.parameter(.integer(Int64(limit)))
        let statement = SQLStatement(
            "SELECT \(groups.isEmpty ? "" : columns + ", ")\(sums) FROM usage\(conditions.clause)\(grouping) LIMIT \(count)",
            conditions.parameters)
        let take = { (result: Result<SQLRows, StorageError>) in
            done(result.map { found in found.rows.compactMap { AuditStore.sum($0, groups.count) } })
        }
        if isUrgent { database.read(statement, take) } else { database.search(statement, take) }
    }

    /// What each key and organisation used on each day from `day`, counted from 1970, on: what counters begin with.
    package func spentByScope(
        sinceDay day: Int64, _ done: @escaping (Result<[DaySpending], StorageError>) -> Void
    ) {
        let statement = SQLStatement(
            """
            SELECT day, key_id, organization, CAST(SUM(input_tokens + output_tokens) AS BIGINT), CAST(SUM(cost_nanos) AS BIGINT) \
            FROM usage WHERE day >= $1 GROUP BY day, key_id, organization
            """, [.integer(day)])
        database.read(statement) { result in
            done(
                result.map { found in
                    found.rows.compactMap { row in
                        guard row.count == 5, let day = row[0].integer else { return nil }
                        return DaySpending(
                            day: Int64(day), keyID: row[1].text ?? "", organization: row[2].text ?? "",
                            tokens: row[3].integer ?? 0, cost: Money(nanos: Int64(row[4].integer ?? 0)))
                    }
                })
        }
    }

    private static func sum(_ row: [SQLValue], _ groups: Int) -> UsageSum? {
        guard row.count == groups + sumColumns.count else { return nil }
        let numbers = row[groups...].map { $0.integer ?? 0 }
        var sum = UsageSum()
        sum.group = Array(row[..<groups])
        (sum.requests, sum.inputTokens, sum.outputTokens) = (numbers[0], numbers[1], numbers[2])
        (sum.cachedTokens, sum.cacheWrittenTokens, sum.reasoningTokens) = (numbers[3], numbers[4], numbers[5])
        sum.cost = Money(nanos: Int64(numbers[6]))
        (sum.unpriced, sum.estimated) = (numbers[7], numbers[8])
        return sum
    }
}
