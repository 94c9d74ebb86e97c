// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

@Test("errors carry their line") func line() {
    #expect(SettingsError(source: "a", line: 2, message: "m").line == 2)
}
