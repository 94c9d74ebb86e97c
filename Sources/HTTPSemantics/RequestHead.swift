// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What a request asks for: its first line and its fields, checked.
package struct RequestHead: Sendable, Equatable {
    /// The method, a token in the client's spelling (`GET`).
    package var method: String
    /// The request target as sent (`/v1/models?limit=2`): origin form, or `*` with OPTIONS.
    package var target: String
    /// The minor version of HTTP/1: 0 or 1.
    package var minorVersion: Int
    /// The header fields in the order they came.
    package var fields: HTTPFields

    /// A head by hand; nothing is checked.
    package init(method: String, target: String, minorVersion: Int = 1, fields: HTTPFields = HTTPFields()) {
        self.method = method
        self.target = target
        self.minorVersion = minorVersion
        self.fields = fields
    }

    /// The target without its query, still percent-encoded.
    package var path: Substring { target.prefix { $0 != "?" } }

    /// The part of the target after the first `?`, without it; empty when there is none.
    package var query: Substring { target[path.endIndex...].dropFirst() }

    /// The decoded segments of the path (`/v1/models` is `v1`, `models`), empty ones kept.
    ///
    /// Nil when one is not valid percent-encoded UTF-8. A decoded segment may hold `/` or be `..`: route on
    /// the segments and never join them into a path again.
    package var pathSegments: [String]? {
        var segments: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let segment = PercentEncoding.decode(part) else { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// The decoded value of the first query parameter of a name, with `+` read as a space.
    ///
    /// Empty when the parameter has no `=`; nil when it is absent or not valid percent-encoded UTF-8.
    package func queryParameter(_ name: String) -> String? {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard PercentEncoding.decode(parts[0], plusIsSpace: true) == name else { continue }
            return parts.count == 2 ? PercentEncoding.decode(parts[1], plusIsSpace: true) : ""
        }
        return nil
    }

    /// Writes the head in its one canonical spelling, with the blank line.
    ///
    /// Returns false when a head made by hand holds bytes that do not belong: nothing is written when
    /// they are in the request line, a field is left out when they are in it.
    package func append(to buffer: inout ByteBuffer) -> Bool {
        guard !method.isEmpty, method.utf8.allSatisfy(ByteClass.isToken),
            !target.isEmpty, target.utf8.allSatisfy(ByteClass.isTarget)
        else { return false }
        buffer.append(method)
        buffer.append(" ")
        buffer.append(target)
        buffer.append(minorVersion == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n")
        let complete = fields.append(to: &buffer)
        buffer.append("\r\n")
        return complete
    }
}
