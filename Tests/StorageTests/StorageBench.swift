// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Reactor
import Telemetry

@testable import Storage

/// A loop, a directory and what a test asks of a database, as calls that wait.
final class StorageBench {
    let loop: EventLoop
    let directory: URL
    let log = Log(descriptor: open("/dev/null", O_WRONLY | O_CLOEXEC))

    init() throws {
        loop = try EventLoop()
        directory = FileManager.default.temporaryDirectory.appending(path: "storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// The path of the file that `sqlite` opens.
    var path: String { directory.appending(path: "test.db").path }

    /// A database in a file of its own.
    func sqlite(_ bounds: SQLiteEngine.Bounds = .init(), migrations: [Migration] = Schema.migrations) throws -> SQLiteDatabase {
        let file = SQLiteFile(path: path, migrations: migrations)
        return try SQLiteDatabase(SQLiteEngine(file, log: log, bounds: bounds), on: loop)
    }

    /// A database of the engine, empty but for the schema.
    func database(_ engine: TestEngine) throws -> any Database {
        switch engine {
        case .sqlite: try sqlite()
        case .postgres: try postgres(TestPostgres.freshDatabase())
        }
    }

    /// A server's database by its address.
    func postgres(
        _ uri: String, _ bounds: PostgresDatabase.Bounds = .init(), migrations: [Migration] = Schema.migrations
    ) throws -> PostgresDatabase {
        try PostgresDatabase(Secret(uri), on: loop, log: log, errors: nil, migrations: migrations, bounds: bounds)
    }

    /// Runs the loop until `isOver`, or for 20 s.
    /// - Returns: whether it was over in time.
    @discardableResult
    func run(until isOver: @escaping () -> Bool) -> Bool {
        let giveUp = monotonicNow() + 20_000_000_000
        var look: LoopTimer?
        look = LoopTimer(loop) { [loop] in
            if isOver() || monotonicNow() > giveUp { loop.stop() } else { look?.schedule(after: 1_000_000) }
        }
        look?.schedule(after: 0)
        loop.run()
        look = nil
        return isOver()
    }

    /// What a write gives; an error when it does not end.
    func write(_ database: any Database, _ statements: SQLStatement...) throws -> [SQLRows] {
        var result: Result<[SQLRows], StorageError>?
        database.write(statements) { result = $0 }
        run { result != nil }
        return try (result ?? .failure(.statement("the write did not end"))).get()
    }

    /// What a read gives; an error when it does not end.
    func read(_ database: any Database, _ text: String, _ parameters: [SQLValue] = []) throws -> SQLRows {
        var result: Result<SQLRows, StorageError>?
        database.read(SQLStatement(text, parameters)) { result = $0 }
        run { result != nil }
        return try (result ?? .failure(.statement("the read did not end"))).get()
    }

    /// Closes a database and waits for it.
    /// - Returns: whether it closed in time.
    @discardableResult
    func close(_ database: any Database) -> Bool {
        var isClosed = false
        database.close { isClosed = true }
        return run { isClosed }
    }
}

extension SQLStatement {
    /// Puts a number by its name into a table that every database has.
    static func counter(_ name: String, _ value: Int64 = 0) -> SQLStatement {
        SQLStatement("INSERT INTO counters (name, value) VALUES ($1, $2)", [.text(name), .integer(value)])
    }
}
