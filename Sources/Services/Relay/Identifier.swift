// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Makes identifiers that cannot be guessed.
package enum Identifier {
    /// A prefix and 128 random bits in hexadecimal, such as `req_5f0c…`.
    package static func make(_ prefix: String) -> String {
        var generator = SystemRandomNumberGenerator()
        let digits: [UInt8] = Array("0123456789abcdef".utf8)
        var text = prefix + "_"
        for _ in 0..<2 {
            var bits = generator.next()
            for _ in 0..<16 {
                text.unicodeScalars.append(Unicode.Scalar(digits[Int(bits & 15)]))
                bits >>= 4
            }
        }
        return text
    }
}
