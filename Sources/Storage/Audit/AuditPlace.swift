// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A place in the order of the rows, from which a list goes on.
///
/// As a client has it, it is a text that means nothing to it: the digits of the time and the identifier, and a check that a text
/// put together by hand does not pass. It opens nothing: whose rows are seen is decided anew for each page.
package struct AuditPlace: Sendable, Equatable {
    /// When the row's request came.
    package var receivedAt: Int64
    /// The row's identifier.
    package var id: String

    package init(receivedAt: Int64, id: String) {
        self.receivedAt = receivedAt
        self.id = id
    }

    static let prefix = "audit_"

    /// The place as a client has it.
    package var cursor: String {
        let body = AuditPlace.hexadecimal(UInt64(bitPattern: receivedAt)) + id.dropFirst(AuditPlace.prefix.count)
        return body + AuditPlace.hexadecimal(AuditPlace.check(body))
    }

    /// The place that a cursor names; `nil` when it is none of ours.
    package init?(cursor: String) {
        let bytes = Array(cursor.utf8)
        guard bytes.count == 64, bytes.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            return nil
        }
        let body = String(decoding: bytes[..<48], as: UTF8.self)
        guard AuditPlace.hexadecimal(AuditPlace.check(body)).utf8.elementsEqual(bytes[48...]),
            let time = UInt64(String(decoding: bytes[..<16], as: UTF8.self), radix: 16)
        else { return nil }
        receivedAt = Int64(bitPattern: time)
        id = AuditPlace.prefix + String(decoding: bytes[16..<48], as: UTF8.self)
    }

    /// FNV-1a with 64 bits, from a start of our own.
    private static func check(_ text: String) -> UInt64 {
        text.utf8.reduce(0x5C1A_6E5A_11D1_7CE5) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
