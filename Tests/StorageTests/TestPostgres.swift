// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Telemetry
import Testing

@testable import Storage

/// The engines that must do the same.
enum TestEngine: String, CustomTestStringConvertible {
    case sqlite, postgres

    /// Those that can be tested: Postgres where `scripts/test-postgres run` gave us a server, as `make unit-test` does.
    static var all: [TestEngine] { TestPostgres.isThere ? [.sqlite, .postgres] : [.sqlite] }

    var testDescription: String { rawValue }
}

/// The server that the tests were given.
enum TestPostgres {
    static let address = ProcessInfo.processInfo.environment["SLUICE_TEST_POSTGRES"] ?? ""
    static var isThere: Bool { !address.isEmpty }

    /// The address of a new, empty database.
    static func freshDatabase() throws -> String {
        let name = "t" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        _ = try run("CREATE DATABASE \(name)", at: address)
        return address.replacingOccurrences(of: "/postgres", with: "/" + name, options: .backwards)
    }

    /// Runs statements on a connection of their own, waiting for it.
    static func run(_ text: String, at uri: String) throws -> SQLRows {
        let failed = StorageError.statement("the test's own statement failed: \(text)")
        guard let connection = PostgresConnection(try PostgresAddress(Secret(uri))) else { throw failed }
        let giveUp = Date() + 20
        waiting: while true {
            switch connection.poll() {
            case .ready: break waiting
            case .failed: throw StorageError.unavailable(connection.problem)
            case .reading, .writing: usleep(2000)
            }
            guard Date() < giveUp else { throw failed }
        }
        guard connection.send(simple: text) else { throw failed }
        var rows = SQLRows()
        while Date() < giveUp {
            _ = connection.flush()
            guard connection.consume() else { throw failed }
            switch connection.next() {
            case .waiting: usleep(2000)
            case .end: return rows
            case .reply(.rows(let some)): rows = some
            case .reply(.failure(let failure)): throw failure.error
            case .reply: throw failed
            }
        }
        throw failed
    }
}
