// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Storage

@Suite("SQLiteFile") struct SQLiteFileTests {
    private func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }

    @Test("an empty file is made a database")
    func empty() throws {
        let bench = try StorageBench()
        FileManager.default.createFile(atPath: bench.path, contents: Data())
        bench.close(try bench.sqlite())
        #expect(contents(bench.path)?.prefix(15) == Data("SQLite format 3".utf8))
    }

    @Test("a file that is no database is refused and left as it is", arguments: [20, 5000])
    func random(size: Int) throws {
        let bench = try StorageBench()
        let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
        try bytes.write(to: URL(filePath: bench.path))
        #expect { try bench.sqlite() } throws: { error in
            if case StorageError.corrupt(let text) = error { text.hasPrefix(bench.path) } else { false }
        }
        #expect(contents(bench.path) == bytes)
    }

    /// A closed database with some pages.
    private func filled(_ bench: StorageBench) throws {
        let database = try bench.sqlite()
        for number in 0..<200 {
            let name = SQLValue.text("\(number) " + String(repeating: "x", count: 500))
            _ = try bench.write(database, SQLStatement("INSERT INTO counters (name, value) VALUES ($1, 0)", [name]))
        }
        bench.close(database)
    }

    @Test("a damaged page in the middle is found at the start, and the file left as it is")
    func page() throws {
        let bench = try StorageBench()
        try filled(bench)
        var bytes = try Data(contentsOf: URL(filePath: bench.path))
        let middle = bytes.count / 4096 / 2 * 4096
        bytes.replaceSubrange(middle..<middle + 4096, with: Data(repeating: 0xA5, count: 4096))
        try bytes.write(to: URL(filePath: bench.path))
        #expect { try bench.sqlite() } throws: { ($0 as? StorageError)?.isCorrupt == true }
        #expect(contents(bench.path) == bytes)
    }

    @Test("a file that was cut short is found at the start, and left as it is")
    func cut() throws {
        let bench = try StorageBench()
        try filled(bench)
        let bytes = try Data(contentsOf: URL(filePath: bench.path)).prefix(9000)
        try bytes.write(to: URL(filePath: bench.path))
        #expect { try bench.sqlite() } throws: { ($0 as? StorageError)?.isCorrupt == true }
        #expect(contents(bench.path) == Data(bytes))
    }

    @Test("a database of another program is refused and left as it is")
    func foreign() throws {
        let bench = try StorageBench()
        FileManager.default.createFile(atPath: bench.path, contents: Data())
        let other = try SQLiteConnection(path: bench.path, isReadOnly: false, patience: 1000)
        try other.execute("CREATE TABLE theirs (x)")
        other.close()
        let before = contents(bench.path)
        #expect(throws: StorageError.corrupt("\(bench.path): it is a database of another program")) { try bench.sqlite() }
        #expect(contents(bench.path) == before)
    }

    @Test("a newer schema is refused and left as it is")
    func newer() throws {
        let bench = try StorageBench()
        let later = Schema.migrations + [Migration(["CREATE TABLE later (x BIGINT)"])]
        bench.close(try bench.sqlite(migrations: later))
        let before = contents(bench.path)
        let known = Schema.migrations.count
        #expect(throws: StorageError.tooNew(found: known + 1, known: known)) { try bench.sqlite() }
        #expect(contents(bench.path) == before)
    }

    @Test("a directory in place of the file, and a missing directory, are errors with the path")
    func directories() throws {
        let bench = try StorageBench()
        try FileManager.default.createDirectory(atPath: bench.path, withIntermediateDirectories: false)
        #expect(throws: StorageError.readOnly("\(bench.path) is not a file")) { try bench.sqlite() }
        let missing = "/nowhere/at/all/sluice.db"
        #expect(throws: StorageError.readOnly("\(missing) cannot be made: No such file or directory")) {
            try SQLiteFile(path: missing).open()
        }
    }

    @Test("later steps run on a file that has the earlier ones, and a step that fails leaves the old version")
    func steps() throws {
        let bench = try StorageBench()
        bench.close(try bench.sqlite())
        let broken = Schema.migrations + [Migration(["CREATE TABLE later (x BIGINT)", "INSERT INTO nowhere VALUES (1)"])]
        #expect(throws: StorageError.self) { try bench.sqlite(migrations: broken) }
        let later = Schema.migrations + [Migration(["CREATE TABLE later (x BIGINT)"])]
        let database = try bench.sqlite(migrations: later)
        #expect(try bench.read(database, "SELECT count(*) FROM later").rows == [[.integer(0)]])
        #expect(try bench.read(database, "SELECT version FROM schema_version").rows == [[.integer(Int64(later.count))]])
        bench.close(database)
    }

    @Test("many that start at once on a file that is not there yet all succeed, and each step runs once")
    func race() throws {
        let bench = try StorageBench()
        let path = bench.path
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do { try SQLiteFile(path: path).open().close() } catch { failures.withLock { $0.append("\(error)") } }
        }
        #expect(failures.withLock { $0 } == [])
        let database = try bench.sqlite()
        #expect(try bench.read(database, "SELECT value FROM counters").rows == [[.integer(0)]])
        bench.close(database)
    }
}
