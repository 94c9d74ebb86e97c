// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Reactor
import Testing

@testable import Storage

@Suite("PostgresDatabase", .serialized, .enabled(if: TestPostgres.isThere)) struct PostgresTests {
    private func isUnavailable(_ error: any Error) -> Bool {
        if case StorageError.unavailable = error { true } else { false }
    }

    @Test("many that start at once on an empty database all succeed, and each step runs once")
    func race() throws {
        let bench = try StorageBench()
        let uri = try TestPostgres.freshDatabase()
        let databases = try (0..<8).map { _ in try bench.postgres(uri) }
        #expect(bench.run { databases.allSatisfy { $0.health == .well } })
        #expect(try bench.read(databases[0], "SELECT value FROM counters").rows == [[.integer(0)]])
        for database in databases { bench.close(database) }
    }

    @Test("later steps run, a step that fails leaves the old version, and a newer version is refused")
    func steps() throws {
        let bench = try StorageBench()
        let uri = try TestPostgres.freshDatabase()
        let first = try bench.postgres(uri)
        bench.run { first.health == .well }
        bench.close(first)
        let known = Schema.migrations.count
        let broken = Schema.migrations + [Migration(["CREATE TABLE later (x BIGINT)", "INSERT INTO nowhere VALUES (1)"])]
        let failing = try bench.postgres(uri, migrations: broken)
        bench.run { if case .failing(let text) = failing.health { text.contains("nowhere") } else { false } }
        #expect(try TestPostgres.run("SELECT version FROM schema_version", at: uri).rows == [[.integer(Int64(known))]])
        #expect(try TestPostgres.run("SELECT to_regclass('later') IS NULL", at: uri).rows == [[.integer(1)]])
        bench.close(failing)
        let later = try bench.postgres(uri, migrations: Schema.migrations + [Migration(["CREATE TABLE later (x BIGINT)"])])
        #expect(try bench.read(later, "SELECT count(*) FROM later").rows == [[.integer(0)]])
        bench.close(later)
        let older = try bench.postgres(uri)
        let refusal = StorageHealth.failing("\(StorageError.tooNew(found: known + 1, known: known))")
        #expect(bench.run { older.health == refusal })
        bench.close(older)
    }

    @Test("a server that is not there yet is waited for within bounds")
    func down() throws {
        let bench = try StorageBench()
        var bounds = PostgresDatabase.Bounds()
        bounds.waitTime = 500_000_000
        bounds.jobs = 3
        let database = try bench.postgres("postgresql://sluice:hunter2-secret@127.0.0.1:1/x", bounds)
        var results: [Result<[SQLRows], StorageError>] = []
        for _ in 0..<5 { database.write([SQLStatement("SELECT 1")]) { results.append($0) } }
        bench.run { results.count == 2 }
        #expect(results == [.failure(.overloaded), .failure(.overloaded)])
        #expect(bench.run { results.count == 5 })
        #expect { try results.last?.get() } throws: { isUnavailable($0) && !"\($0)".contains("hunter2") }
        bench.close(database)
    }

    @Test("a wrong password is told without it")
    func password() throws {
        let bench = try StorageBench()
        let uri = TestPostgres.address.replacing("secret-of-the-test", with: "hunter2-secret")
        let database = try bench.postgres(uri)
        #expect(
            bench.run {
                if case .failing(let text) = database.health {
                    text.contains("authentication failed") && !text.contains("hunter2")
                } else {
                    false
                }
            })
        bench.close(database)
    }

    @Test("an address that refuses is followed by the next, though its socket may have the same number")
    func nextAddress() throws {
        let bench = try StorageBench()
        let uri = try TestPostgres.freshDatabase()
        let place = try #require(uri.firstMatch(of: /127\.0\.0\.1:([0-9]+)/))
        // Nobody listens at the first two.
        let places = "[::1]:\(place.1),127.0.0.2:1,\(place.0)"
        let database = try bench.postgres(uri.replacing(place.0, with: places))
        #expect(try bench.read(database, "SELECT 1").rows == [[.integer(1)]])
        bench.close(database)
    }

    @Test("a name is looked up without holding the loop, and one that nobody knows is an error")
    func names() throws {
        let bench = try StorageBench()
        let known = try bench.postgres(try TestPostgres.freshDatabase().replacing("127.0.0.1", with: "localhost"))
        let unknown = try bench.postgres("postgresql://u:hunter2-secret@no-such-host.invalid/x")
        #expect(try bench.read(known, "SELECT 1").rows == [[.integer(1)]])
        #expect(bench.run { if case .failing(let text) = unknown.health { text.contains("no-such-host") } else { false } })
        bench.close(known)
        bench.close(unknown)
    }

    @Test("a server that takes the connection and says nothing is given up")
    func silent() throws {
        let bench = try StorageBench()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                try #require(bind(listener, raw, length) == 0 && listen(listener, 8) == 0)
                try #require(getsockname(listener, raw, &length) == 0)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        var bounds = PostgresDatabase.Bounds()
        bounds.answerTime = 300_000_000
        let database = try bench.postgres("postgresql://u@127.0.0.1:\(port)/x?sslmode=disable", bounds)
        #expect(bench.run { database.health == .failing("connecting takes too long") })
        bench.close(database)
    }

    @Test("a write under way when the connection breaks is reported, and the next one is done on a new connection")
    func broken() throws {
        let bench = try StorageBench()
        let uri = try TestPostgres.freshDatabase()
        let database = try bench.postgres(uri)
        _ = try bench.write(database, SQLStatement("SELECT 1"))
        var result: Result<[SQLRows], StorageError>?
        database.write([SQLStatement("SELECT pg_sleep(5)"), .counter("lost", 1)]) { result = $0 }
        var ticks = 0
        bench.run {
            ticks += 1
            return ticks > 200
        }
        let kill =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        #expect(try TestPostgres.run(kill, at: uri).rows.count == 1)
        bench.run { result != nil }
        #expect { try result?.get() } throws: { isUnavailable($0) }
        _ = try bench.write(database, .counter("next", 1))
        #expect(database.health == .well)
        let names = try bench.read(database, "SELECT name FROM counters WHERE name <> 'keys'").rows
        #expect(names == [[.text("next")]])
        bench.close(database)
    }

    @Test("transactions that block each other are done again until both are done")
    func deadlock() throws {
        let bench = try StorageBench()
        let uri = try TestPostgres.freshDatabase()
        let databases = [try bench.postgres(uri), try bench.postgres(uri)]
        _ = try bench.write(databases[0], SQLStatement("INSERT INTO counters (name, value) VALUES ('a', 0), ('b', 0)"))
        func add(_ name: String) -> SQLStatement {
            SQLStatement("UPDATE counters SET value = value + 1 WHERE name = $1", [.text(name)])
        }
        var results: [Result<[SQLRows], StorageError>] = []
        let pause = SQLStatement("SELECT pg_sleep(0.3)")
        databases[0].write([add("a"), pause, add("b")]) { results.append($0) }
        databases[1].write([add("b"), pause, add("a")]) { results.append($0) }
        bench.run { results.count == 2 }
        #expect(results.allSatisfy { (try? $0.get()) != nil }, "\(results)")
        #expect(try bench.read(databases[0], "SELECT SUM(value) FROM counters").rows == [[.integer(4)]])
        for database in databases { bench.close(database) }
    }

    @Test("a statement that takes too long is stopped by the server, and the connection stays")
    func slow() throws {
        let bench = try StorageBench()
        var bounds = PostgresDatabase.Bounds()
        bounds.statementTime = 200_000_000
        let database = try bench.postgres(try TestPostgres.freshDatabase(), bounds)
        #expect(throws: StorageError.unavailable("the statement took too long and was stopped")) {
            try bench.read(database, "SELECT pg_sleep(10)")
        }
        #expect(try bench.read(database, "SELECT 1").rows == [[.integer(1)]])
        #expect(database.health == .well)
        bench.close(database)
    }

    @Test("statements that are slow one behind the other do not look like a server that is silent")
    func slowOnes() throws {
        let bench = try StorageBench()
        var bounds = PostgresDatabase.Bounds()
        bounds.answerTime = 2_000_000_000
        let database = try bench.postgres(try TestPostgres.freshDatabase(), bounds)
        _ = try bench.read(database, "SELECT 1")
        var processes: [SQLValue?] = []
        // The last is answered after twice the time.
        for _ in 0..<4 {
            database.read(SQLStatement("SELECT pg_backend_pid() FROM pg_sleep(1)")) { result in
                processes.append(try? result.get().rows.first?.first)
            }
        }
        #expect(bench.run { processes.count == 4 })
        #expect(processes[0] != nil && Set(processes.map { $0?.integer }).count == 1, "one connection answered all")
        #expect(database.health == .well)
        bench.close(database)
    }

    @Test("a search that takes long holds up no read")
    func searches() throws {
        let bench = try StorageBench()
        let database = try bench.postgres(try TestPostgres.freshDatabase())
        var isFound = false
        database.search(SQLStatement("SELECT pg_sleep(4)")) { if case .success = $0 { isFound = true } }
        #expect(try bench.read(database, "SELECT 1").rows == [[.integer(1)]])
        #expect(!isFound)
        #expect(bench.run { isFound })
        bench.close(database)
    }

    @Test("more rows than fit are an error, and the connection stays")
    func large() throws {
        let bench = try StorageBench()
        let database = try bench.postgres(try TestPostgres.freshDatabase())
        #expect { try bench.read(database, "SELECT repeat('x', 30000000) FROM generate_series(1, 5)") } throws: {
            "\($0)".contains("64 MiB")
        }
        #expect(try bench.read(database, "SELECT 1").rows == [[.integer(1)]])
        bench.close(database)
    }

    @Test("only what is wrong with a row's own values is said to be so")
    func kinds() {
        func kind(_ code: String) -> String { PostgresFailure(code: code, message: "x").error.label }
        #expect(["22001", "22P02", "22021"].map(kind) == ["value", "value", "value"])
        #expect(["23505", "23502"].map(kind) == ["conflict", "conflict"])
        #expect(["XX000", "55000", "40003", "57P01"].allSatisfy { kind($0) == "unavailable" })
        #expect(["42P01", "42703", "0A000", "54000", "08P01"].allSatisfy { kind($0) == "statement" })
    }

    @Test("more kinds of statements than are kept prepared are done all the same")
    func statements() throws {
        let bench = try StorageBench()
        let database = try bench.postgres(try TestPostgres.freshDatabase())
        var sum = 0
        for number in 0..<300 {
            database.write([SQLStatement("SELECT \(number) + $1", [.integer(1)])]) { result in
                sum += (try? result.get())?.first?.rows.first?.first?.integer ?? 0
            }
        }
        bench.run { database.pending == 0 }
        #expect(sum == (1...300).reduce(0, +))
        bench.close(database)
    }
}
