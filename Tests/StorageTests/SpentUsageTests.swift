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
        let source = SpentUsage(AuditStore(database), on: bench.loop) { $0(true) }
        var answers: [SpentAmount?] = []
        source.spent(scope: "key:a", days: 1...2) { answers.append($0) }
        #expect(database.reads.count == 1, "it does not stand behind searches")
        #expect(bench.run { answers.count == 1 })
        for done in database.reads { done(.success(SQLRows())) }
        #expect(answers == [nil])
    }

    @Test("asks when what waits is stored, and neither where that cannot be told nor when nobody waits any more")
    func barrier() throws {
        let bench = try StorageBench()
        let database = LateDatabase()
        var barriers: [(Bool) -> Void] = []
        let source = SpentUsage(AuditStore(database), on: bench.loop) { barriers.append($0) }
        var answers: [SpentAmount?] = []
        for _ in 0..<3 { source.spent(scope: "key:a", days: 1...2) { answers.append($0) } }
        #expect(database.reads.isEmpty)
        barriers[0](false)
        #expect(database.reads.isEmpty && answers == [nil])
        barriers[1](true)
        #expect(database.reads.count == 1)
        database.reads[0](.success(SQLRows()))
        #expect(answers == [nil, SpentAmount()])
        #expect(bench.run { answers.count == 3 })
        barriers[2](true)
        #expect(database.reads.count == 1 && answers[2] == nil)
    }
}
