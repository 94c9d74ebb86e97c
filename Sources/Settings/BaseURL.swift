// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The address at which an API begins.
package enum BaseURL {
    static let expected = "an address such as https://host/v1, without user, password, query or fragment"

    /// Checks an `http` or `https` address, and removes slashes from its end.
    package static func parse(_ text: String) -> String? {
        let lowered = text.prefix(8).lowercased()
        guard let scheme = ["https://", "http://"].first(where: { lowered.hasPrefix($0) }) else { return nil }
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3F && $0 != 0x23 && $0 != 0x5C }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        guard plain, !authority.contains("@"), isHostAndPort(authority) else { return nil }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path.removeLast() }
        return scheme + authority + path
    }

    private static func isHostAndPort(_ text: Substring) -> Bool {
        if text.hasPrefix("[") {
            return ListenAddress(text.hasSuffix("]") ? "\(text):80" : String(text)) != nil
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, parts.count <= 2, HostName.isValid(host) else { return false }
        return parts.count == 1 || ListenAddress(String(text)) != nil
    }
}
