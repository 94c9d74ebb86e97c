// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Paths that a proxy hands on as the client sent them.
package enum ForwardPath {
    /// The request target below a base path: the path, still percent-encoded, then the query with its question mark.
    ///
    /// `base` is a path without a final slash, or empty; `rest` is the client's target without what named the proxy: empty, or
    /// beginning with `/` or `?`. Returns `nil` when a segment could lead out of the base path (`climbs`).
    package static func join(_ base: String, _ rest: Substring) -> String? {
        let path = rest.prefix { $0 != "?" }
        guard !climbs(path) else { return nil }
        let query = rest[path.endIndex...]
        let whole = base + path
        return (whole.isEmpty ? "/" : whole) + query
    }

    /// Whether a segment of a path is `..`, in any spelling that some server might read so: percent-encoded up to three times
    /// over, between encoded slashes or backslashes, or with parameters behind a semicolon.
    package static func climbs(_ path: Substring) -> Bool {
        var bytes = Array(path.utf8)
        for _ in 0..<4 {
            let segments = bytes.split(omittingEmptySubsequences: true) { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
            for segment in segments where segment.prefix(while: { $0 != UInt8(ascii: ";") }).elementsEqual("..".utf8) {
                return true
            }
            guard bytes.contains(UInt8(ascii: "%")) else { return false }
            bytes = decodedOnce(bytes)
        }
        return false
    }

    /// Every well-formed escape decoded; what is malformed stands as it is.
    private static func decodedOnce(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = ByteClass.hexadecimal(bytes[index + 1]),
                let low = ByteClass.hexadecimal(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }
}
