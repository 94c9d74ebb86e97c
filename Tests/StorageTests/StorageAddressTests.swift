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
        "what the server writes in binary is read by its type",
        arguments: [
            ([1], PostgresType.bool, .integer(1)), ([0], PostgresType.bool, .integer(0)),
            ([0xFF, 0xF9], PostgresType.int2, .integer(-7)), ([0xFF, 0xFF, 0xFF, 0xF9], PostgresType.int4, .integer(-7)),
            ([0x7F] + Array(repeating: 0xFF, count: 7), PostgresType.int8, .integer(.max)),
            ([0x80] + Array(repeating: 0, count: 7), PostgresType.int8, .integer(.min)),
            ([0xFF, 0xFF, 0xFF, 0xFF], PostgresType.oid, .integer(4_294_967_295)),
            ([0xC0, 0x20, 0, 0], PostgresType.float4, .real(-2.5)),
            ([0xC0, 0x04, 0, 0, 0, 0, 0, 0], PostgresType.float8, .real(-2.5)),
            ([0, 255, 10], PostgresType.bytea, .blob([0, 255, 10])), ([], PostgresType.bytea, .blob([])),
            ([0xC3, 0xBC], PostgresType.text, .text("ü")),
            // Groups of four digits: their number, the place of the first, the sign, the digits to show.
            ([0, 0, 0, 0, 0, 0, 0, 0], PostgresType.numeric, .integer(0)),
            ([0, 1, 0, 1, 0x40, 0, 0, 0, 0, 12], PostgresType.numeric, .integer(-120_000)),
            ([0, 2, 0, 0, 0, 0, 0, 1, 0, 12, 0x13, 0x88], PostgresType.numeric, .real(12.5)),
            ([0, 1, 0xFF, 0xFE, 0, 0, 0, 8, 0, 1], PostgresType.numeric, .real(1e-08)),
            ([0, 1, 0, 5, 0, 0, 0, 0, 0, 1], PostgresType.numeric, .real(1e20)),
            ([0, 0, 0, 0, 0xD0, 0, 0, 0x20], PostgresType.numeric, .real(.infinity)),
            // Nothing that a server says may be read beyond its end.
            ([0, 9, 0, 0, 0, 0, 0, 0, 0, 7], PostgresType.numeric, .integer(7)), ([], PostgresType.numeric, .integer(0)),
            ([], PostgresType.int8, .integer(0)),
        ] as [([UInt8], UInt32, SQLValue)])
    func binaryValues(bytes: [UInt8], type: UInt32, expected: SQLValue) {
        #expect(bytes.withUnsafeBytes { PostgresType.value(binary: $0, type) } == expected)
    }
}
