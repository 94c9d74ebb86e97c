// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

/// What every engine does alike, asked of each.
@Suite("Database", .serialized) struct DatabaseTests {
    private func names(_ bench: StorageBench, _ database: any Database) throws -> [String] {
        try bench.read(database, "SELECT name FROM counters WHERE name <> 'keys' ORDER BY name").rows.compactMap { $0[0].text }
    }

    @Test("every kind of value comes back as it went in", arguments: TestEngine.all)
    func values(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let create = SQLStatement("CREATE TABLE v (n BIGINT, i BIGINT, r DOUBLE PRECISION, t TEXT, b BYTEA)")
        _ = try bench.write(database, create)
        let rows: [[SQLValue]] = [
            [.null, .integer(.max), .real(0.1), .text("a 'b' \"c\" \\ % _ ; -- é 🙂\n"), .blob([0, 1, 254, 255])],
            [.null, .integer(.min), .real(-1e300), .text(""), .blob([])],
            [.integer(1), .null, .null, .null, .null],
            [
                .integer(2), .integer(0), .real(3), .text(String(repeating: "long ", count: 400_000)),
                .blob((0..<1 << 20).map { UInt8(truncatingIfNeeded: $0) }),
            ],
        ]
        for row in rows {
            _ = try bench.write(database, SQLStatement("INSERT INTO v (n, i, r, t, b) VALUES ($1, $2, $3, $4, $5)", row))
        }
        let found = try bench.read(database, "SELECT n, i, r, t, b FROM v").rows
        #expect(found.count == rows.count)
        for row in rows { #expect(found.contains(row)) }
        bench.close(database)
    }

    @Test("sums and counts of whole numbers are whole numbers", arguments: TestEngine.all)
    func sums(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        _ = try bench.write(database, .counter("a", 1 << 40), .counter("b", 1 << 41))
        let rows = try bench.read(database, "SELECT SUM(value), COUNT(*), MAX(value) FROM counters").rows
        #expect(rows == [[.integer(3 << 40), .integer(3), .integer(1 << 41)]])
        bench.close(database)
    }

    @Test("the rows and the number of changes of each statement are told", arguments: TestEngine.all)
    func affected(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let results = try bench.write(
            database, SQLStatement("INSERT INTO counters (name, value) VALUES ('a', 1), ('b', 2)"),
            SQLStatement("SELECT name FROM counters WHERE value > $1 ORDER BY name", [.integer(0)]),
            SQLStatement("UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value", [.text("b")]),
            SQLStatement("DELETE FROM counters WHERE name = 'a'"), SQLStatement("DELETE FROM counters WHERE name = 'a'"))
        #expect(results.map(\.affected) == [2, 0, 1, 1, 0])
        #expect(results.map(\.rows) == [[], [[.text("a")], [.text("b")]], [[.integer(3)]], [], []])
        bench.close(database)
    }

    @Test("a row that is there is updated instead of inserted", arguments: TestEngine.all)
    func upsert(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let text = SQLStatement.counter("").text + " ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value"
        for _ in 0..<3 { _ = try bench.write(database, SQLStatement(text, [.text("a"), .integer(5)])) }
        #expect(try bench.read(database, "SELECT value FROM counters WHERE name = 'a'").rows == [[.integer(15)]])
        bench.close(database)
    }

    @Test("a rule of the schema undoes the whole transaction and no other", arguments: TestEngine.all)
    func conflict(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        var results: [String: Result<[SQLRows], StorageError>] = [:]
        for (name, statements) in [
            ("1", [.counter("a")]), ("2", [.counter("b"), .counter("a"), .counter("c")]), ("3", [.counter("d")]),
            ("4", [SQLStatement("INSERT INTO nowhere (x) VALUES (1)")]), ("5", [.counter("e")]),
        ] as [(String, [SQLStatement])] { database.write(statements) { results[name] = $0 } }
        #expect(results.isEmpty)
        bench.run { results.count == 5 }
        #expect(try names(bench, database) == ["a", "d", "e"])
        #expect { try results["2"]?.get() } throws: { if case StorageError.conflict = $0 { true } else { false } }
        #expect { try results["4"]?.get() } throws: { if case StorageError.statement = $0 { true } else { false } }
        #expect(database.health == .well)
        bench.close(database)
    }

    @Test("no message holds a value", arguments: TestEngine.all)
    func messages(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        _ = try bench.write(database, .counter("very-secret"))
        #expect { try bench.write(database, .counter("very-secret")) } throws: { !"\($0)".contains("very-secret") }
        let cast = SQLStatement("UPDATE counters SET value = CAST($1 AS BIGINT) / 0 WHERE name = 'x'", [.text("very-secret")])
        if engine == .postgres {
            #expect { try bench.write(database, cast) } throws: { !"\($0)".contains("very-secret") }
        }
        bench.close(database)
    }

    @Test("a statement that must affect a row and does not undoes what came before it", arguments: TestEngine.all)
    func mustAffect(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let none = SQLStatement("UPDATE counters SET value = 9 WHERE name = 'nobody'", mustAffect: true)
        let one = SQLStatement("UPDATE counters SET value = 9 WHERE name = 'keys'", mustAffect: true)
        var results: [Result<[SQLRows], StorageError>] = []
        database.write([.counter("a"), one, none, .counter("b")]) { results.append($0) }
        database.write([none]) { results.append($0) }
        database.write([.counter("c"), one]) { results.append($0) }
        database.write([.counter("d"), .counter("c"), one]) { results.append($0) }
        database.write([.counter("e")]) { results.append($0) }
        bench.run { results.count == 5 }
        for index in [0, 1, 3] {
            #expect { try results[index].get() } throws: { if case StorageError.conflict = $0 { true } else { false } }
        }
        #expect(try names(bench, database) == ["c", "e"])
        #expect(try bench.read(database, "SELECT value FROM counters WHERE name = 'keys'").rows == [[.integer(9)]])
        let found = SQLStatement("SELECT value FROM counters WHERE name = 'c'", mustAffect: true)
        #expect(try bench.write(database, found, .counter("f")).count == 2, "rows are as good as changes")
        bench.close(database)
    }

    @Test("writes are done in the order in which they were asked for", arguments: TestEngine.all)
    func order(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        _ = try bench.write(database, .counter("n", 0))
        var done: [Int] = []
        for number in 1...1000 {
            // Each finds what the one before it left, or affects nothing.
            let step = SQLStatement(
                "UPDATE counters SET value = $1 WHERE name = 'n' AND value = $2",
                [.integer(Int64(number)), .integer(Int64(number - 1))], mustAffect: true)
            database.write([step]) { if case .success = $0 { done.append(number) } }
        }
        #expect(database.pending == 1000)
        bench.run { database.pending == 0 }
        #expect(done == Array(1...1000))
        bench.close(database)
    }

    @Test("what is asked for in a completion is done", arguments: TestEngine.all)
    func nested(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        var depth = 0
        func again() {
            database.write([.counter("n\(depth)")]) { _ in
                depth += 1
                if depth < 20 { again() }
            }
        }
        again()
        #expect(bench.run { depth == 20 })
        #expect(try names(bench, database).count == 20)
        bench.close(database)
    }

    @Test("reading changes nothing", arguments: TestEngine.all)
    func readOnly(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        _ = try bench.write(database, .counter("a"))
        #expect(throws: StorageError.self) { try bench.read(database, "DELETE FROM counters") }
        #expect(try names(bench, database) == ["a"])
        bench.close(database)
    }

    @Test("a search for quotes, percent signs and statements is only a search", arguments: TestEngine.all)
    func injection(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let odd = ["100%", "a_b", "it's", "'; DROP TABLE counters; --", "\\"]
        for name in odd { _ = try bench.write(database, .counter(name)) }
        for name in odd {
            let escaped = name.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
            let text = "SELECT name FROM counters WHERE name LIKE $1 ESCAPE '\\'"
            #expect(try bench.read(database, text, [.text("%\(escaped)%")]).rows == [[.text(name)]])
        }
        #expect(try names(bench, database).count == odd.count)
        bench.close(database)
    }

    @Test("a missing parameter is the statement's fault", arguments: TestEngine.all)
    func parameters(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        for parameters in [[], [.text("a")]] as [[SQLValue]] {
            #expect { try bench.write(database, SQLStatement(SQLStatement.counter("").text, parameters)) } throws: {
                if case StorageError.statement = $0 { true } else { false }
            }
        }
        #expect(try bench.write(database).isEmpty, "nothing to do is done")
        _ = try bench.write(database, .counter("a"))
        bench.close(database)
    }

    @Test("a text with U+0000 is stored", arguments: TestEngine.all)
    func zero(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        _ = try bench.write(database, .counter("a\0b"))
        #expect(try names(bench, database) == [engine == .sqlite ? "a\0b" : "a\u{2400}b"])
        bench.close(database)
    }

    @Test("closing does what was asked for, and takes nothing more", arguments: TestEngine.all)
    func closing(engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        var done = 0
        var isClosed = false
        var late: Result<[SQLRows], StorageError>?
        for number in 0..<500 { database.write([.counter("n\(number)")]) { if case .success = $0 { done += 1 } } }
        database.close { isClosed = true }
        database.write([.counter("late")]) { late = $0 }
        bench.run { isClosed && late != nil }
        #expect(done == 500)
        #expect(late == .failure(.closed))
        #expect(database.pending == 0)
        bench.close(database)
    }

    @Test("two on the same data lose no change", arguments: TestEngine.all)
    func shared(engine: TestEngine) throws {
        let bench = try StorageBench()
        let uri = engine == .postgres ? try TestPostgres.freshDatabase() : ""
        let databases: [any Database] = try (0..<2).map { _ in
            if engine == .postgres { return try bench.postgres(uri) }
            return try bench.sqlite()
        }
        var done = 0
        for number in 0..<300 {
            for database in databases {
                let add = SQLStatement("UPDATE counters SET value = value + 1 WHERE name = 'keys'", mustAffect: true)
                database.write([add, .counter("\(ObjectIdentifier(database).hashValue)-\(number)")]) {
                    if case .success = $0 { done += 1 }
                }
            }
        }
        bench.run { done == 600 }
        #expect(try bench.read(databases[0], "SELECT value FROM counters WHERE name = 'keys'").rows == [[.integer(600)]])
        for database in databases { bench.close(database) }
    }
}
