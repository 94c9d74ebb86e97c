// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A virtual key as its holder has it: `sk-slu-` and 43 characters, 256 random bits in base64url (RFC 4648, section 5).
package enum KeyToken {
    /// What every one begins with.
    package static let prefix = "sk-slu-"

    /// A new one; `nil` when the system has no random numbers to give.
    package static func make() -> String? {
        var random = [UInt8](repeating: 0, count: 32)
        let failed = unsafe random.withUnsafeMutableBytes { unsafe getentropy($0.baseAddress, $0.count) }
        return failed == 0 ? prefix + Base64URL.text(of: random) : nil
    }

    /// What a key is recognised by in lists: its prefix and its last four characters.
    package static func hint(of token: String) -> String { "\(prefix)...\(token.suffix(4))" }
}

/// Bytes as text that may stand in an address: base64url without padding (RFC 4648, section 5).
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The text of some bytes.
    static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count &* 4 / 3 &+ 3)
        var held: UInt32 = 0
        var bits = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits &+= 8
            while bits >= 6 {
                bits &-= 6
                text.append(alphabet[Int(held >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(held << UInt32(6 &- bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text; `nil` unless it is exactly what `text(of:)` writes for some bytes.
    static func bytes(of text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var held: UInt32 = 0
        var bits = 0
        for letter in text.utf8 {
            guard let value = alphabet.firstIndex(of: letter) else { return nil }
            held = held << 6 | UInt32(value)
            bits &+= 6
            if bits >= 8 {
                bits &-= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> UInt32(bits)))
            }
        }
        return self.text(of: bytes) == text ? bytes : nil
    }
}
