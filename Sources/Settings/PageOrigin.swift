// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The origins of web pages, as settings name them.
enum PageOrigin {
    static let expected = "an origin as browsers write it, such as http://localhost:8000 or https://app.example.com, or *"

    /// An origin in the one spelling that browsers send: a scheme, a host in lower case, a port that is not the scheme's own.
    ///
    /// Returns `nil` for others: they would be compared in vain. `null` is none, as any page can have it.
    static func parse(_ text: String) -> String? {
        if text == "*" { return text }
        guard BaseURL.parse(text) == text, text == text.lowercased() else { return nil }
        let slashes = text.utf8.count { $0 == UInt8(ascii: "/") }
        let namesOwnPort = text.hasPrefix("https:") ? text.hasSuffix(":443") : text.hasSuffix(":80")
        return slashes == 2 && !namesOwnPort ? text : nil
    }
}
