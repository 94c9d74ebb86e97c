// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite("Money") struct MoneyTests {
    @Test("a sum saturates instead of turning into a credit")
    func saturates() {
        #expect(Money(nanos: .max) + Money(nanos: 1) == Money(nanos: .max))
    }

    @Test(
        "reads amounts exactly, in every form that JSON has for them",
        arguments: [
            ("12", 12_000_000_000), ("12.50", 12_500_000_000), ("0.000000001", 1), ("5e-05", 50_000), ("1.5E+2", 150_000_000_000),
            ("1e-9", 1), ("100e-11", 1), ("999999999.999999999", 999_999_999_999_999_999), ("0e18", 0),
        ] as [(String, Int64)])
    func decimals(text: String, nanos: Int64) { #expect(Money(decimal: text) == Money(nanos: nanos)) }

    @Test(
        "refuses what is no amount, too much or too fine",
        arguments: [
            "", ".", ".5", "5.", "-1", "+1", "1e", "e5", "1e-10", "1e9", "1000000000", "0.0000000001", "1e99", "1e5e5", "1,5",
            "0x1", "1e999999999999999999999", "9e17",
        ])
    func refused(text: String) { #expect(Money(decimal: text) == nil) }
}
