// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Storage

@Suite("StorageAddress") struct StorageAddressTests {
    @Test(
        "an address says which engine and where",
        arguments: [
            ("none", StorageAddress.none), ("sqlite:a.db", .sqlite(path: "a.db")),
            ("sqlite:/var/a b.db", .sqlite(path: "/var/a b.db")),
            ("sqlite:///var/a.db", .sqlite(path: "///var/a.db")),
            ("postgres://u:p@h/d", .postgres(uri: Secret("postgres://u:p@h/d"))),
            ("postgresql://h", .postgres(uri: Secret("postgresql://h"))),
        ])
    func read(text: String, expected: StorageAddress) {
        #expect(StorageAddress(Secret(text)) == expected)
    }

    @Test(
        "what would not mean what it seems to is no address",
        arguments: [
            "", "sqlite:", "sqlite::memory:", "sqlite://host/a.db", "mysql://h/d", "a.db", "None",
        ])
    func refused(text: String) {
        #expect(StorageAddress(Secret(text)) == nil)
    }

    @Test(
        "names are looked up by us, sockets and addresses need no lookup",
        arguments: [
            ("postgresql://db.example/x", true), ("postgresql://a,b/x", true), ("postgresql:///x?host=/run/postgresql", false),
            ("postgresql://db.example/x?hostaddr=127.0.0.1", false),
        ])
    func lookup(uri: String, isNeeded: Bool) throws {
        #expect(try PostgresAddress(Secret(uri)).needsLookup == isNeeded)
    }

    @Test("each address of each name is tried, with the name kept for certificates and the port of each")
    func expanded() throws {
        let address = try PostgresAddress(Secret("postgresql://u:p@localhost:1111,127.0.0.1:2222/x")).lookedUp()
        let keywords = Dictionary(uniqueKeysWithValues: address.keywords)
        #expect(keywords["host"]?.hasSuffix("localhost,127.0.0.1") == true)
        #expect(keywords["hostaddr"]?.hasSuffix("127.0.0.1,127.0.0.1") == true)
        #expect(keywords["port"]?.hasSuffix("1111,2222") == true)
        #expect(!address.place.contains("p@"))
    }

    @Test(
        "what the server writes as text is read by its type",
        arguments: [
            ("t", PostgresType.bool, SQLValue.integer(1)), ("-7", PostgresType.int4, .integer(-7)),
            ("12", PostgresType.numeric, .integer(12)), ("12.000", PostgresType.numeric, .integer(12)),
            ("12.5", PostgresType.numeric, .real(12.5)), ("99999999999999999999", PostgresType.numeric, .real(1e20)),
            ("1e-07", PostgresType.float8, .real(1e-07)), ("Infinity", PostgresType.float8, .real(.infinity)),
            ("12", PostgresType.text, .text("12")),
        ])
    func values(text: String, type: UInt32, expected: SQLValue) {
        #expect(PostgresType.value(text, type) == expected)
    }

    @Test(
        "bytes are read as the server writes them",
        arguments: [("\\x00ff0a", [0, 255, 10]), ("\\x", []), ("\\xDEadbe", [0xDE, 0xAD, 0xBE])] as [(String, [UInt8])])
    func bytes(text: String, expected: [UInt8]) {
        #expect(Array(text.utf8).withUnsafeBytes { PostgresType.bytes($0) } == expected)
    }
}
