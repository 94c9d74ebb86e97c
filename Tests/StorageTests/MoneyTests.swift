// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite("Money") struct MoneyTests {
    @Test("a sum saturates instead of turning into a credit")
    func saturates() {
        #expect(Money(nanos: .max) + Money(nanos: 1) == Money(nanos: .max))
    }
}
