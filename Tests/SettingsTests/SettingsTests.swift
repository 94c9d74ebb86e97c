// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

@Suite("SettingsError") struct SettingsErrorTests {
    @Test("is written as compilers write theirs, one line for each problem") func lines() {
        let error = SettingsError(problems: [
            SettingsProblem(source: "a.yaml", line: 2, message: "m"),
            SettingsProblem(source: "environment", line: nil, message: "n"),
        ])
        #expect(error.description == "a.yaml:2: m\nenvironment: n")
    }
}
