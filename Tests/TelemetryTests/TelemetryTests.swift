// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Telemetry

@Test("levels are ordered") func order() {
    #expect(LogLevel.debug < .error)
}
