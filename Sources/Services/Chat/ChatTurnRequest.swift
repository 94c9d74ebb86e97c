// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Storage

/// How the chat asks models.
package struct ChatPolicy: Equatable, Sendable {
    /// The model of a conversation that names none; `nil` for the first that the gateway lists.
    package var model: String?
    /// How many messages a model is told at most, the new one included.
    package var history = 10
    /// How many tokens of messages, by the estimate, go with a new one.
    package var historyTokens = 8000
    /// How many bytes of an answer are kept; a longer one is kept as a partial one.
    package var answerLimit = 1 << 20

    package init() {}
}

/// One message of a user, to be stored and answered.
package struct ChatTurnRequest: Sendable {
    /// The conversation that it belongs to, or begins.
    package var destination: ChatDestination
    /// Whose conversation it is.
    package var owner: Owner
    /// What the user says.
    package var text: String
    /// The model for this turn; `nil` for the conversation's.
    package var model: String?
    /// The system prompt for this turn; `nil` for the conversation's.
    package var system: String?
    /// How tokens are drawn: a number of JSON.
    package var temperature: String?
    /// The bound on tokens of the answer.
    package var maxTokens: Int?
    /// Whether the client gets the answer as it comes.
    package var isStream: Bool
    /// The request's identifier.
    package var id: String
    /// The door's path.
    package var door: String
    /// Who asks.
    package var caller: Caller
    /// What of the client's head is recorded, without credentials.
    package var headerText = ""
    /// When the head was complete, on the loop's clock.
    package var received: UInt64

    package init(
        destination: ChatDestination, owner: Owner, text: String, isStream: Bool, id: String, door: String,
        caller: Caller, received: UInt64
    ) {
        self.destination = destination
        self.owner = owner
        self.text = text
        self.isStream = isStream
        self.id = id
        self.door = door
        self.caller = caller
        self.received = received
    }
}

/// What a turn stored, once all of it is durable.
package struct FinishedTurn: Equatable, Sendable {
    /// The conversation.
    package var session: String
    /// The identifier of the user's message.
    package var question: String
    /// The answer, as it was stored.
    package var answer: StoredMessage
}

/// Who is told how a turn goes. `done` or `failed` is the last call.
package protocol ChatTurnListener: AnyObject {
    /// Whether so much waits for the client that upstream should pause.
    var isSaturated: Bool { get }
    /// The user's message is stored, in the conversation named.
    func opened(session: String, question: String)
    /// A provider answers; called once, before any text.
    func answering(_ attribution: Attribution)
    /// A piece of the answer.
    func receive(_ text: String)
    /// A piece of what the model thinks before it answers, which is not stored.
    func reason(_ text: String)
    /// Upstream is silent.
    func heartbeat()
    /// All that one read of upstream brought was received.
    func flush()
    /// The answer is whole, and durable.
    func done(_ turn: FinishedTurn)
    /// There is no answer, or only the part that was received.
    func failed(_ failure: ChatFailure, retryAfter: String?)
}
