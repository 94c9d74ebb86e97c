// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The smallest translated piece of a stream: an increment of meaning, whatever the dialect.
///
/// Texts are not copied out of the event they came in: a `Slice` says where they stand in the event's
/// data, still JSON-escaped. A dialect that is JSON itself splices them; who keeps them unescapes them.
/// The large and rare payloads are indirect, so that copying a piece of text is cheap.
package enum ChatDelta: Equatable, Sendable {
    /// A range of bytes in the data of the event being handled: the inside of a JSON string, still escaped.
    package typealias Slice = Range<Int>

    /// A choice began (the assistant's role was announced).
    case start(choice: Int)
    /// Visible text.
    case text(choice: Int, Slice)
    /// Text of a refusal.
    case refusal(choice: Int, Slice)
    /// Text of the model's reasoning.
    case reasoning(choice: Int, Slice)
    /// A tool call began; `call` counts calls of the choice from 0.
    case toolCall(choice: Int, call: Int, id: Slice, name: Slice)
    /// A piece of a tool call's arguments: JSON text, escaped as the inside of a string.
    case toolArguments(choice: Int, call: Int, Slice)
    /// A choice ended.
    case finish(choice: Int, FinishReason)
    /// Token counts; a later one replaces an earlier one.
    indirect case usage(TokenUsage)
    /// Upstream reported an error in the stream; terminal.
    indirect case failure(ChatFailure)
    /// Upstream said that the stream is over; terminal.
    case end
}

/// Why a choice ended.
package enum FinishReason: Equatable, Sendable {
    case stop, length, toolCalls, contentFilter
    /// Another reason, as upstream spelled it.
    case other(String)
}

/// An error that upstream, or the gateway about upstream, reports to the client.
package struct ChatFailure: Error, Equatable, Sendable {
    /// The HTTP status the failure is worth, were it told before the first byte.
    package var status: Int
    /// What went wrong, in one sentence for the client.
    package var message: String
    /// The vendor's `type`, when it gave one (`rate_limit_error`).
    package var type: String?
    /// The vendor's `code`, when it gave one (`insufficient_quota`).
    package var code: String?
    /// The request field at fault, when known.
    package var parameter: String?

    package init(
        status: Int, message: String, type: String? = nil, code: String? = nil, parameter: String? = nil
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.parameter = parameter
    }
}
