// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What is wrong with the settings, for the person who wrote them.
package struct SettingsError: Error, Equatable, Sendable {
    /// The file, or `environment`.
    package let source: String
    /// The line in the file, from 1; `nil` when the fault is not in a file.
    package let line: Int?
    /// What is wrong and what would be right, in one sentence.
    package let message: String

    package init(source: String, line: Int?, message: String) {
        self.source = source
        self.line = line
        self.message = message
    }
}
