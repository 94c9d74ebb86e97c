// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What a request asks for: its first line and its fields, checked.
package struct RequestHead: Sendable {
    /// The method, a token in the client's spelling (`GET`).
    package var method: String
    /// The request target as sent (`/v1/models?limit=2`), origin form.
    package var target: String
    /// The minor version of HTTP/1: 0 or 1.
    package var minorVersion: Int
    /// The header fields in the order they came.
    package var fields: HTTPFields

    package init(method: String, target: String, minorVersion: Int = 1, fields: HTTPFields = HTTPFields()) {
        self.method = method
        self.target = target
        self.minorVersion = minorVersion
        self.fields = fields
    }

    /// The target without its query.
    package var path: Substring { target.prefix { $0 != "?" } }

    /// The part of the target after the first `?`, without it; empty when there is none.
    package var query: Substring { target[path.endIndex...].dropFirst() }
}
