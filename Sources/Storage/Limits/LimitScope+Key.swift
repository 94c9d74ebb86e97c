// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

extension LimitScope {
    /// The name of a key's scope: its first 64 bits of SHA-256 in hexadecimal, from which nobody gets the key back.
    package static func name(ofKey key: String) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        let bytes = Array(key.utf8)
        _ = unsafe EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
        let digits = Array("0123456789abcdef".utf8)
        let text = digest.prefix(8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "key:" + String(decoding: text, as: UTF8.self)
    }
}
