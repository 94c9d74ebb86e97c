// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import JSON

/// What a client asks of a model, in no dialect: every door reads into it, every provider writes from it.
///
/// `nil` means that the client did not say, which leaves the choice to the model's vendor.
package struct ChatRequest: Equatable, Sendable {
    /// The model, as the client names it.
    package var model: String
    /// The conversation, oldest first.
    package var messages: [ChatMessage]
    /// The tools the model may call.
    package var tools: [ChatTool] = []
    /// Whether and which tool must be called.
    package var toolChoice: ToolChoice?
    /// Whether several tools may be called in one turn.
    package var allowsParallelCalls: Bool?
    /// How tokens are drawn.
    package var sampling = SamplingSettings()
    /// The bound on tokens of the answer.
    package var outputLimit: OutputLimit?
    /// Texts at which the answer stops.
    package var stop: [String] = []
    /// How many answers are wanted, 1 to 128.
    package var choiceCount: Int?
    /// The form that the answer must have.
    package var responseFormat: ResponseFormat?
    /// How the model should think.
    package var reasoning = ReasoningSettings()
    /// How long the answer should be, in OpenAI's words (`low`, `medium`, `high`).
    package var verbosity: String?
    /// Whether the answer is wanted as a stream.
    package var streams = false
    /// Whether usage is wanted in the stream.
    package var includesUsage = false
    /// The client's own word for its user.
    package var user: String?
    /// What the client wants kept with the answer.
    package var metadata: [JSONValue.Member]?
    /// The dialect that the request came in, whose members `extras` are, here and in all parts.
    package var origin: Dialect
    /// Members of the request that have no place above, in their order; written again only for the same dialect.
    package var extras: [JSONValue.Member] = []

    /// A request with nothing but a model and a conversation.
    package init(model: String, messages: [ChatMessage], origin: Dialect = .openAIChat) {
        self.model = model
        self.messages = messages
        self.origin = origin
    }

    /// The text of the last message of the user; empty when there is none.
    package var lastUserText: String {
        messages.last { $0.role == .user }?.text ?? ""
    }
}

/// How a model should think; `nil` throughout when the client did not say.
package struct ReasoningSettings: Equatable, Sendable {
    /// Whether it thinks at all; `nil` leaves it to the model.
    package var isEnabled: Bool?
    /// How much, in the vendors' words: none, minimal, low, medium, high, xhigh, max.
    package var effort: String?
    /// How many tokens it may spend on it; -1 where the vendor lets the model decide.
    package var budget: Int?
    /// Whether reasoning is shown: auto, concise, detailed (OpenAI), summarized, omitted (Anthropic), by the vendor's word.
    package var display: String?

    package init() {}
}

/// How tokens are drawn; each number as the client wrote it, since `0.7` has no exact binary form.
package struct SamplingSettings: Equatable, Sendable {
    /// A number of JSON, by its spelling.
    package typealias Number = String

    package var temperature: Number?
    package var topP: Number?
    package var topK: Number?
    package var frequencyPenalty: Number?
    package var presencePenalty: Number?
    package var seed: Number?
    /// Whether the answer's log probabilities are wanted.
    package var wantsLogprobs: Bool?
    /// How many alternatives to report for each token, 0 to 20.
    package var topLogprobs: Int?

    package init() {}
}

/// The bound on the tokens of an answer, and what it counts.
package struct OutputLimit: Equatable, Sendable {
    /// The number of tokens, at least 1.
    package var tokens: Int
    /// Whether reasoning counts too (`max_completion_tokens`), or it was said the old way (`max_tokens`).
    package var countsReasoning: Bool

    package init(tokens: Int, countsReasoning: Bool) {
        self.tokens = tokens
        self.countsReasoning = countsReasoning
    }
}

/// The form that an answer must have.
package enum ResponseFormat: Equatable, Sendable {
    case text
    /// Any JSON object.
    case jsonObject
    /// JSON that a schema describes: the object with `name`, `schema` and `strict`.
    case jsonSchema(JSONValue)
}
