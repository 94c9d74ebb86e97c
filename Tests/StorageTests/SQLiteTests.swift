// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Reactor
import Testing

@testable import Storage

@Suite("SQLiteDatabase") struct SQLiteTests {
    private static let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    @Test("the file and its log can be read by their owner alone")
    func mode() throws {
        let bench = try StorageBench()
        let database = try bench.sqlite()
        _ = try bench.write(database, .counter("a", 1))
        for suffix in ["", "-wal", "-shm"] {
            let mode = try FileManager.default.attributesOfItem(atPath: bench.path + suffix)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(suffix)")
        }
        #expect(bench.close(database))
        #expect(!FileManager.default.fileExists(atPath: bench.path + "-wal"))
    }

    @Test("what was written is there when the file is opened again")
    func reopened() throws {
        let bench = try StorageBench()
        let first = try bench.sqlite()
        _ = try bench.write(first, .counter("a", 7))
        bench.close(first)
        let second = try bench.sqlite()
        #expect(try bench.read(second, "SELECT value FROM counters WHERE name = 'a'").rows == [[.integer(7)]])
        bench.close(second)
    }

    @Test("what waits beyond the bound of jobs is refused, and the rest is done")
    func bounded() throws {
        let bench = try StorageBench()
        var bounds = SQLiteEngine.Bounds()
        bounds.jobs = 3
        let database = try bench.sqlite(bounds)
        // Somebody else holds the lock, so that the writer takes one batch and stays there.
        let other = try SQLiteConnection(path: bench.path, isReadOnly: false, patience: 1000)
        try other.execute("BEGIN IMMEDIATE")
        var results: [Result<[SQLRows], StorageError>] = []
        database.write([.counter("first", 0)]) { results.append($0) }
        usleep(200_000)
        for number in 0..<10 {
            database.write([.counter("n\(number)", 0)]) { results.append($0) }
        }
        #expect(results.isEmpty, "nothing is told before the call has returned")
        bench.run { results.count == 7 }
        #expect(results == Array(repeating: .failure(.overloaded), count: 7))
        try other.execute("COMMIT")
        bench.run { results.count == 11 }
        #expect(results.filter { (try? $0.get()) != nil }.count == 4)
        #expect(database.pending == 0)
        other.close()
        bench.close(database)
    }

    @Test("a statement that reads for too long is stopped, and the next is answered")
    func slowRead() throws {
        let bench = try StorageBench()
        var bounds = SQLiteEngine.Bounds()
        bounds.readTime = 100_000_000
        let database = try bench.sqlite(bounds)
        #expect(throws: StorageError.unavailable("the statement took too long and was stopped")) {
            try bench.read(database, Self.endless)
        }
        #expect(database.health == .well)
        #expect(try bench.read(database, "SELECT 1").rows == [[.integer(1)]])
        bench.close(database)
    }

    @Test("a search that takes long holds up no read, and few searches may wait")
    func searches() throws {
        let bench = try StorageBench()
        var bounds = SQLiteEngine.Bounds()
        bounds.readTime = 3_000_000_000
        bounds.searches = 1
        let database = try bench.sqlite(bounds)
        var results: [Result<SQLRows, StorageError>] = []
        for _ in 0..<4 { database.search(SQLStatement(Self.endless)) { results.append($0) } }
        #expect(try bench.read(database, "SELECT 1").rows == [[.integer(1)]])
        #expect(!results.isEmpty && results.allSatisfy { $0 == .failure(.overloaded) })
        #expect(bench.run { results.count == 4 })
        #expect(results.contains(.failure(.unavailable("the statement took too long and was stopped"))))
        #expect(database.health == .well)
        #expect(bench.close(database))
    }

    @Test("a file that is renamed is noticed, is whole, and is used again when it is back")
    func renamed() throws {
        let bench = try StorageBench()
        let database = try bench.sqlite()
        _ = try bench.write(database, .counter("a", 1))
        _ = try bench.read(database, "SELECT 1")
        let elsewhere = bench.directory.appending(path: "elsewhere.db").path
        try FileManager.default.moveItem(atPath: bench.path, toPath: elsewhere)
        #expect(throws: StorageError.unavailable("the database file was removed or replaced")) {
            try bench.write(database, .counter("b", 1))
        }
        #expect(database.health == .failing("the database file was removed or replaced"))
        let copy = try SQLiteConnection(path: elsewhere, isReadOnly: false, patience: 1000)
        #expect(try copy.integer("SELECT count(*) FROM counters WHERE name = 'a'") == 1)
        copy.close()
        try FileManager.default.moveItem(atPath: elsewhere, toPath: bench.path)
        #expect(bench.run { database.health == .well })
        _ = try bench.write(database, .counter("c", 1))
        #expect(try bench.read(database, "SELECT name FROM counters WHERE name <> 'keys' ORDER BY name").rows.count == 2)
        bench.close(database)
    }

    @Test("another database put in place of the file is opened")
    func replaced() throws {
        let bench = try StorageBench()
        let database = try bench.sqlite()
        _ = try bench.write(database, .counter("old", 1))
        let fresh = SQLiteFile(path: bench.directory.appending(path: "fresh.db").path)
        let connection = try fresh.open()
        try connection.execute("INSERT INTO counters (name, value) VALUES ('fresh', 1)")
        connection.close()
        try FileManager.default.removeItem(atPath: bench.path)
        try FileManager.default.moveItem(atPath: fresh.path, toPath: bench.path)
        #expect(bench.run { (try? bench.read(database, "SELECT 1 FROM counters WHERE name = 'fresh'"))?.rows.count == 1 })
        #expect(bench.run { database.health == .well })
        bench.close(database)
    }

    @Test("two gateways on one file lose nothing")
    func shared() throws {
        let bench = try StorageBench()
        let databases = [try bench.sqlite(), try bench.sqlite()]
        var done = 0
        for _ in 0..<300 {
            for database in databases {
                database.write([SQLStatement("UPDATE counters SET value = value + 1 WHERE name = 'keys'", mustAffect: true)]) {
                    if case .success = $0 { done += 1 }
                }
            }
        }
        bench.run { done == 600 }
        #expect(try bench.read(databases[0], "SELECT value FROM counters").rows == [[.integer(600)]])
        for database in databases { bench.close(database) }
    }

    @Test("no room is an error and not the end: what needs none goes on, and the rest when there is some")
    func full() throws {
        let bench = try StorageBench()
        let database = try bench.sqlite()
        // A bound on the pages of the file, which SQLite treats as it does a full disk.
        _ = try bench.write(database, SQLStatement("PRAGMA max_page_count = 40"))
        let large = SQLStatement.counter(String(repeating: "x", count: 1 << 20), 1)
        var results: [Result<[SQLRows], StorageError>] = []
        for name in ["a", "b"] { database.write([.counter(name, 1)]) { results.append($0) } }
        database.write([large]) { results.append($0) }
        database.write([.counter("c", 1)]) { results.append($0) }
        bench.run { results.count == 4 }
        #expect(results.filter { (try? $0.get()) != nil }.count == 3, "those of the same batch do not suffer")
        #expect { try results[2].get() } throws: { if case StorageError.full = $0 { true } else { false } }
        #expect { try bench.write(database, large) } throws: { if case StorageError.full = $0 { true } else { false } }
        if case .well = database.health { Issue.record("it does not say that it fails") }
        #expect(bench.run { database.health == .well }, "it finds out by itself")
        _ = try bench.write(database, SQLStatement("PRAGMA max_page_count = 1000000"))
        _ = try bench.write(database, large)
        #expect(try bench.read(database, "SELECT 1 FROM counters").rows.count == 5)
        bench.close(database)
    }

    @Test("a write that no room is left for is told apart from one that fails otherwise, by the errno")
    func errors() {
        let full = StorageError(sqlite: SQLiteCode.ioerrWrite, "disk I/O error", systemError: EFBIG)
        #expect(full == .full("SQLite: disk I/O error (778)"))
        let other = StorageError(sqlite: SQLiteCode.ioerrWrite, "disk I/O error", systemError: EIO)
        #expect(other == .unavailable("SQLite: disk I/O error (778)"))
        let large = StorageError(sqlite: SQLiteCode.tooBig, "string or blob too big", systemError: 0)
        #expect(large == .value("SQLite: string or blob too big (18)"))
        let missing = StorageError(sqlite: SQLiteCode.error, "no such table: audit", systemError: 0)
        #expect(missing == .statement("SQLite: no such table: audit (1)"))
    }

    private enum SQLiteCode {
        static let error: Int32 = 1
        static let tooBig: Int32 = 18
        static let ioerrWrite: Int32 = 778
    }
}
