// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// The SHA-256 of a key: all that is kept of it, in memory and in the database.
///
/// Two are compared in a time that does not depend on where they differ. A key holds 256 random bits, so that a plain hash of it
/// is as good as a slow one.
package struct KeyDigest: Sendable {
    /// The 32 bytes as they were computed, in four words of the machine.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// The digest of what a client showed, in UTF-8.
    package init(of key: String) {
        var digest = [UInt8](repeating: 0, count: KeyDigest.byteCount)
        let text = Array(key.utf8)
        let made = unsafe digest.withUnsafeMutableBytes { out in
            unsafe text.withUnsafeBytes { bytes in
                unsafe EVP_Digest(
                    bytes.baseAddress, bytes.count, out.baseAddress?.assumingMemoryBound(to: UInt8.self), nil, EVP_sha256(), nil)
            }
        }
        // It can only fail for want of memory. No key must then look like another: not even like itself.
        words = made == 1 ? KeyDigest.words(of: digest) : (.random(in: 0 ... .max), .random(in: 0 ... .max), 0, 0)
    }

    /// A digest from where it was kept; `nil` when it has not 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == KeyDigest.byteCount else { return nil }
        words = KeyDigest.words(of: bytes)
    }

    /// The 32 bytes.
    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 &- 8 &* UInt64($0))) }
        }
    }

    /// The first 64 bits in hexadecimal: enough to tell keys apart, not to find them by.
    package var prefix: String {
        let digits = String(words.0, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    private static let byteCount = 32

    private static func words(of bytes: [UInt8]) -> (UInt64, UInt64, UInt64, UInt64) {
        func word(_ place: Int) -> UInt64 {
            bytes[(place &* 8)..<(place &* 8 &+ 8)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        return (word(0), word(1), word(2), word(3))
    }
}

extension KeyDigest: Hashable {
    /// Whether all 256 bits are the same; every bit is looked at, whatever the others are.
    package static func == (left: KeyDigest, right: KeyDigest) -> Bool {
        let first = (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1)
        let second = (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
        return first | second == 0
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
