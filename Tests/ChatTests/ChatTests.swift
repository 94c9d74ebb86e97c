// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Chat

@Test("zero is not absent") func zero() {
    #expect(TokenUsage(input: 0) != TokenUsage())
}
