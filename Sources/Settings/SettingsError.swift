// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// All that is wrong with the settings, for the person who wrote them.
package struct SettingsError: Error, Equatable, Sendable {
    /// The problems, in the order of the file, then those of the environment; never empty when thrown.
    package let problems: [SettingsProblem]

    package init(problems: [SettingsProblem]) { self.problems = problems }
}

extension SettingsError: CustomStringConvertible {
    /// One line for each problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong with the settings.
package struct SettingsProblem: Error, Equatable, Sendable {
    /// The file, or `environment`.
    package let source: String
    /// The line in the file, from 1; `nil` when the fault is not in a file.
    package let line: Int?
    /// What is wrong and what would be right, in one sentence; never holds a credential.
    package let message: String

    package init(source: String, line: Int?, message: String) {
        self.source = source
        self.line = line
        self.message = message
    }
}

extension SettingsProblem: CustomStringConvertible {
    /// `source:line: message`, as compilers write it.
    package var description: String {
        line.map { "\(source):\($0): \(message)" } ?? "\(source): \(message)"
    }
}
