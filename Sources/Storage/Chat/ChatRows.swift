// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A conversation as it is stored.
package struct ChatSession: Equatable, Sendable {
    /// `chat_` and 128 random bits.
    package var id: String
    /// What it is called; empty until its first message names it.
    package var title: String
    /// The model that answers; empty for the default one.
    package var model: String
    /// What every request begins with; empty for nothing.
    package var system: String
    /// How many messages it has.
    package var messageCount = 0
    /// Tokens of all its answers with their prompts.
    package var tokens = 0
    /// When it was begun, in microseconds since 1970, as the next two.
    package var createdAt: Int64
    /// When it was last changed: a message, a new title.
    package var updatedAt: Int64
    /// When its last message came; `nil` when it has none.
    package var lastMessageAt: Int64?

    package init(id: String, title: String, model: String, system: String, createdAt: Int64) {
        self.id = id
        self.title = title
        self.model = model
        self.system = system
        self.createdAt = createdAt
        updatedAt = createdAt
    }
}

/// One message of a conversation as it is stored.
package struct StoredMessage: Equatable, Sendable {
    /// Who speaks.
    package enum Role: String, Sendable {
        case user, assistant
    }

    /// `msg_` and 128 random bits.
    package var id: String
    /// Who speaks.
    package var role: Role
    /// What was said.
    package var content: String
    /// When, in microseconds since 1970.
    package var createdAt: Int64
    /// Its place in the conversation, from 1; given by the store.
    package var position = 0
    /// What is known of an answer; `nil` for what a user said.
    package var answer: AnswerRecord?

    package init(id: String, role: Role, content: String, createdAt: Int64, answer: AnswerRecord? = nil) {
        self.id = id
        self.role = role
        self.content = content
        self.createdAt = createdAt
        self.answer = answer
    }
}

/// What is kept of an answer beside its text.
package struct AnswerRecord: Equatable, Sendable {
    /// How it ended, in the words of `Outcome`.
    package var outcome: String
    /// Whether the text is not the whole answer.
    package var isPartial: Bool
    /// Whether it was delivered as a stream.
    package var isStreamed: Bool
    /// From the request to the end of the answer.
    package var milliseconds: Int
    /// Tokens of the prompt.
    package var inputTokens: Int
    /// Tokens of the answer.
    package var outputTokens: Int
    /// Whether the tokens were counted here, because the provider did not say.
    package var isEstimated: Bool
    /// The model, as the provider calls it.
    package var model: String
    /// The provider's name.
    package var provider: String
    /// The request that it answers.
    package var requestID: String

    package init(
        outcome: String, isPartial: Bool, isStreamed: Bool, milliseconds: Int, inputTokens: Int, outputTokens: Int,
        isEstimated: Bool, model: String, provider: String, requestID: String
    ) {
        self.outcome = outcome
        self.isPartial = isPartial
        self.isStreamed = isStreamed
        self.milliseconds = milliseconds
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.isEstimated = isEstimated
        self.model = model
        self.provider = provider
        self.requestID = requestID
    }
}

/// Why a conversation could not be read or changed.
package enum ChatStoreError: Error, Equatable, Sendable {
    /// There is no such conversation, or it is somebody else's.
    case notFound
    /// The database failed.
    case storage(StorageError)
}
