// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Telemetry

@Suite("Secret") struct SecretTests {
    @Test("does not show itself") func hidden() {
        let secret = Secret("sk-very-secret-value-1234")
        var dumped = ""
        dump([secret], to: &dumped)
        for text in [
            "\(secret)", String(reflecting: secret), "\([secret])", dumped, "\(Secret?.some(secret) as Any)",
        ] {
            #expect(text.contains("[secret]") && !text.contains("very"))
        }
        #expect(secret.masked == "sk-...1234")
        #expect(secret.reveal() == "sk-very-secret-value-1234")
    }

    @Test(
        "shows nothing of a short or odd one",
        arguments: ["", "short", "123456789012345", "sk-\n-secret-value-1234"])
    func short(text: String) { #expect(Secret(text).masked == "[secret]") }

    @Test(
        "is matched by its bytes only",
        arguments: [
            ("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false), ("abc", "abca", false),
            ("abc", "abcabc", false), ("abc", "", false), ("", "", true), ("", "a", false),
        ]) func matches(secret: String, candidate: String, expected: Bool)
    {
        #expect(Secret(secret).matches(Array(candidate.utf8).span) == expected)
        #expect((Secret(secret) == Secret(candidate)) == expected)
    }
}
