// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Makes identifiers that cannot be guessed.
package enum Identifier {
    /// Random words of the operating system's, fetched many at a time: each is a system call (bench/relay, unary).
    private struct Pool {
        /// 256 bytes, the most that getentropy(3) gives at once.
        var words = [UInt64](repeating: 0, count: 32)
        var left = 0

        mutating func next() -> UInt64 {
            if left == 0 {
                let failed = unsafe words.withUnsafeMutableBytes { unsafe getentropy($0.baseAddress, $0.count) }
                if failed != 0 {
                    var generator = SystemRandomNumberGenerator()
                    for index in words.indices { words[index] = generator.next() }
                }
                left = words.count
            }
            left -= 1
            // A word is used once, and not kept.
            let word = words[left]
            words[left] = 0
            return word
        }
    }

    private static let pool = Mutex(Pool())

    /// A prefix and 128 random bits in hexadecimal, such as `req_5f0c…`.
    package static func make(_ prefix: String) -> String {
        let (first, second) = pool.withLock { pool in (pool.next(), pool.next()) }
        var text = Array(prefix.utf8)
        text.reserveCapacity(text.count + 33)
        text.append(UInt8(ascii: "_"))
        for var bits in [first, second] {
            for _ in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: bits & 15)
                text.append(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &- 10 &+ digit)
                bits >>= 4
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
