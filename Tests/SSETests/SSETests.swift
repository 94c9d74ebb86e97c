// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SSE

@Test("errors name the bound") func bound() {
    #expect(EventStreamError.tooLong(limit: 1) != .tooLong(limit: 2))
}
