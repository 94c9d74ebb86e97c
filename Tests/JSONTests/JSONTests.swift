// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import JSON

@Test("errors with the same reason and place are equal") func equality() {
    #expect(JSONError(.tooDeep, at: 1) == JSONError(.tooDeep, at: 1))
}
