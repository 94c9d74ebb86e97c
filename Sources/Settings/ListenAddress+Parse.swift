// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

extension ListenAddress {
    static let expected = "HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, with a port from 0 to 65535"

    /// Reads `host:port`, `[ipv6]:port` or `:port` (all IPv4 addresses).
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            var address = in6_addr()
            let inner = String(host.dropFirst().dropLast())
            guard unsafe inet_pton(AF_INET6, inner, &address) == 1 else { return nil }
            self.init(host: inner, port: port)
        } else if host.isEmpty {
            self.init(host: "0.0.0.0", port: port)
        } else {
            guard HostName.isValid(host) else { return nil }
            self.init(host: String(host), port: port)
        }
    }
}

/// Host names and IPv4 addresses.
enum HostName {
    /// Whether text is letters, digits, hyphens and dots as in RFC 1123, and an address if it is all digits.
    static func isValid(_ text: some StringProtocol) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let isNamed = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.utf8.allSatisfy(isLetterOrDigit)
        }
        guard isNamed, text.utf8.count <= 253 else { return false }
        guard text.utf8.allSatisfy({ $0 == 0x2E || (0x30...0x39).contains($0) }) else { return true }
        var address = in_addr()
        return unsafe inet_pton(AF_INET, String(text), &address) == 1
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2D, 0x5F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
