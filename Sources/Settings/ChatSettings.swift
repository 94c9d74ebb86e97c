// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Conversations that are kept.
package struct ChatSettings: Sendable, Equatable {
    /// The model of a conversation that names none; `nil` for the first at `/v1/models`.
    package var model: String?
    /// How many messages a model is told at most, the new one included.
    package var history = 10
    /// How many tokens of messages, estimated, go with a new one.
    package var historyTokens = 8000

    static var fields: [Field<Settings>] {
        [
            .value("chat.model", \.chat.model, expected: "the name of a model") { text in
                text.isEmpty || text.utf8.count > 256 ? nil : .some(text)
            },
            .integer("chat.history", \.chat.history, 1...1000),
            .integer("chat.history_tokens", \.chat.historyTokens, 0...10_000_000),
        ]
    }
}
