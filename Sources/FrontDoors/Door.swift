// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics
package import HTTPServer

/// An endpoint of the gateway.
package protocol Door: AnyObject {
    /// The methods that it takes, for a 405's `Allow`; `GET` brings `HEAD` with it.
    var methods: [String] { get }
    /// Whether it gets requests of every method, to tell strangers nothing about those that it takes.
    var takesAnyMethod: Bool { get }
    /// Answers a request whose method is one of them.
    func receive(_ request: ServerRequest, id: String)
}

extension Door {
    package var takesAnyMethod: Bool { false }
}

extension RequestHead {
    /// Whether the body is coded, as by compression.
    var hasCoding: Bool { fields["content-encoding"].map { $0.lowercased() != "identity" } ?? false }

    /// Whether a parameter of the query is there and cannot be read, which `queryParameter` tells as little as its absence.
    func hasUnreadable(_ parameter: String) -> Bool {
        queryParameter(parameter) == nil
            && query.split(separator: "&").contains { pair in
                PercentEncoding.decode(pair.prefix { $0 != "=" }, plusIsSpace: true) == parameter
            }
    }
}

/// Credentials as the request's head carries them.
package enum Credential {
    /// The key in `Authorization: Bearer`, else in `x-api-key`, else in `x-goog-api-key`, else, where that is allowed, in the
    /// query's `key`; `nil` when there is none.
    ///
    /// The scheme is compared without regard to case (RFC 9110, section 11.1). When both are there the first counts, so
    /// that a wrong one is not saved by the other.
    package static func key(of head: RequestHead, allowsQuery: Bool = false) -> String? {
        if let value = head.fields["authorization"] {
            guard let space = value.firstIndex(of: " "), value[..<space].lowercased() == "bearer" else { return "" }
            return String(value[space...].drop { $0 == " " })
        }
        if let key = head.fields["x-api-key"] ?? head.fields["x-goog-api-key"] { return key }
        return allowsQuery ? head.queryParameter("key") : nil
    }
}
