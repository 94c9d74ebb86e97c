// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite("SpentUsage") struct SpentUsageTests {
    /// Keeps every question, and answers when it is told to.
    private final class LateDatabase: Database {
        let health = StorageHealth.well
        let pending = 0
        var reads: [(Result<SQLRows, StorageError>) -> Void] = []

        func write(_ statements: [SQLStatement], _ done: @escaping (Result<[SQLRows], StorageError>) -> Void) {}
        func read(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) { reads.append(done) }
        func search(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) {}
        func close(_ done: @escaping () -> Void) {}
    }

    @Test("says once that it cannot tell, when the database does not answer in time") func late() throws {
        let bench = try StorageBench()
        let database = LateDatabase()
        let source = SpentUsage(AuditStore(database), on: bench.loop)
        var answers: [SpentAmount?] = []
        source.spent(scope: "key:a", days: 1...2) { answers.append($0) }
        #expect(database.reads.count == 1, "it does not stand behind searches")
        #expect(bench.run { answers.count == 1 })
        for done in database.reads { done(.success(SQLRows())) }
        #expect(answers == [nil])
    }
}
