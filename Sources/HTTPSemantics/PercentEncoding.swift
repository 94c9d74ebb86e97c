// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Percent-encoded text in request targets (RFC 3986, section 2.1).
package enum PercentEncoding {
    /// The decoded text; nil when an escape is malformed, or the outcome is not UTF-8 or holds a NUL.
    ///
    /// `plusIsSpace` is for query parameters as forms write them; in a path a plus is a plus.
    package static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.utf8.count)
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = bytes.next().flatMap(ByteClass.hexadecimal),
                    let low = bytes.next().flatMap(ByteClass.hexadecimal),
                    high | low != 0
                else { return nil }
                decoded.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace:
                decoded.append(ByteClass.space)
            default:
                decoded.append(byte)
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}
