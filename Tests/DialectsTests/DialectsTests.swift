// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Dialects

@Test("A dialect's name is the one used in settings", arguments: Dialect.allCases)
func names(dialect: Dialect) {
    #expect(Dialect(rawValue: dialect.rawValue) == dialect)
    #expect(dialect.codec.dialect == dialect)
    #expect(dialect.rawValue.allSatisfy { $0.isLowercase || $0 == "-" })
}
