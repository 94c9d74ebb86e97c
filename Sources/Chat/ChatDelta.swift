// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The smallest translated piece of a stream: an increment of meaning, whatever the dialect.
///
/// Texts are not copied out of the event they came in: a `Slice` says where they stand in the event's
/// text, still JSON-escaped. A dialect that is JSON itself splices them; who keeps them unescapes them.
/// The large and rare payloads are indirect, so that copying a piece of text is cheap.
package enum ChatDelta: Equatable, Sendable {
    /// A range of bytes in the text of the event being handled (see `DecodedEvent.hasOwnText`): the inside of a JSON
    /// string, still escaped.
    package typealias Slice = Range<Int>

    /// A choice began (the assistant's role was announced).
    case start(choice: Int)
    /// Visible text.
    case text(choice: Int, Slice)
    /// Text of a refusal.
    case refusal(choice: Int, Slice)
    /// Text of the model's reasoning.
    case reasoning(choice: Int, Slice)
    /// The maker's bare signature (or encrypted form) of the reasoning before it, which thereby ends; without reasoning before it,
    /// of reasoning that is not shown. A second one replaces the first.
    case reasoningSignature(choice: Int, Slice)
    /// A block of reasoning that only its maker can read, whole.
    case redactedReasoning(choice: Int, Slice)
    /// The maker's bare signature of the call that begins next; comes right before it.
    case callSignature(choice: Int, Slice)
    /// A call of a function began; `call` counts calls of the choice from 0, functions and custom tools alike.
    /// An empty `id` means that upstream gave none.
    case toolCall(choice: Int, call: Int, id: Slice, name: Slice)
    /// A call of a custom tool, one that takes plain text, began.
    case customCall(choice: Int, call: Int, id: Slice, name: Slice)
    /// A piece of a call's input: of a function JSON text, escaped as the inside of a string; of a custom tool its text.
    case toolArguments(choice: Int, call: Int, Slice)
    /// A source for the text before it; the title may be empty.
    case citation(choice: Int, url: Slice, title: Slice)
    /// An image that the model made; the media type as in `image/png`.
    case image(choice: Int, mediaType: Slice, base64: Slice)
    /// Log probabilities of the text of this event: raw JSON, the elements of an array (without its brackets), each as OpenAI has
    /// them (`{"token","logprob","bytes","top_logprobs"}`).
    case logprobs(choice: Int, Slice)
    /// A choice ended.
    case finish(choice: Int, FinishReason)
    /// Token counts; a later one replaces an earlier one, member by member (`TokenUsage.update`).
    indirect case usage(TokenUsage)
    /// Upstream reported an error in the stream; terminal.
    indirect case failure(ChatFailure)
    /// Upstream said that the stream is over; terminal.
    case end
}

/// Why a choice ended.
package enum FinishReason: Equatable, Sendable {
    case stop
    /// One of the request's stop texts was met; which one, if upstream said.
    case stopSequence(String?)
    /// The bound on output tokens was reached.
    case length
    /// The model's context is full.
    case contextFull
    case toolCalls
    /// The answer was cut by a filter of the vendor.
    case contentFilter
    /// The model itself declined; the vendor's explanation, if it gave one.
    case refusal(String?)
    /// The vendor's server paused its own tools; the answer goes on when it is sent back.
    case pause
    /// The model's call of a tool was not well-formed.
    case malformedCall
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
    /// How long the vendor says to wait, in seconds rounded up, when its body says so.
    package var retryAfter: Int?

    package init(
        status: Int, message: String, type: String? = nil, code: String? = nil, parameter: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.parameter = parameter
        self.retryAfter = retryAfter
    }
}
