// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Services

@Suite("Identifier") struct IdentifierTests {
    @Test("is a prefix and 32 hexadecimal digits, never the same twice, from any thread") func makes() async {
        let made = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<4 { group.addTask { (0..<500).map { _ in Identifier.make("req") } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(made.count == 2000)
        #expect(Set(made).count == 2000)
        for text in made {
            let digits = text.dropFirst(4)
            #expect(text.hasPrefix("req_") && digits.count == 32)
            #expect(digits.allSatisfy { "0123456789abcdef".contains($0) })
        }
        // Each of the 32 places takes each of the 16 digits: no word is handed out empty.
        for place in 4..<36 {
            let seen = Set(made.map { $0[$0.index($0.startIndex, offsetBy: place)] })
            #expect(seen.count == 16)
        }
    }
}
