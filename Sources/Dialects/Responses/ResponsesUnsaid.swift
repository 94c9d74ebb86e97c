// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat

/// A member of a request that the Responses dialect may not be able to say.
enum ResponsesUnsaid {
    case stop, choiceCount, topK, frequencyPenalty, presencePenalty, seed, toolChoice, messages, tools, reasoningBudget

    /// Its path in the dialect that the request came in.
    func path(in origin: Dialect) -> String {
        switch (self, origin) {
        case (.stop, .anthropic): "stop_sequences"
        case (.stop, .gemini), (.stop, .antigravity): "generationConfig.stopSequences"
        case (.stop, .ollama): "options.stop"
        case (.stop, _): "stop"
        case (.choiceCount, .gemini), (.choiceCount, .antigravity): "generationConfig.candidateCount"
        case (.choiceCount, _): "n"
        case (.topK, .gemini), (.topK, .antigravity): "generationConfig.topK"
        case (.topK, .ollama): "options.top_k"
        case (.topK, _): "top_k"
        case (.frequencyPenalty, .gemini), (.frequencyPenalty, .antigravity): "generationConfig.frequencyPenalty"
        case (.frequencyPenalty, .ollama): "options.frequency_penalty"
        case (.frequencyPenalty, _): "frequency_penalty"
        case (.presencePenalty, .gemini), (.presencePenalty, .antigravity): "generationConfig.presencePenalty"
        case (.presencePenalty, .ollama): "options.presence_penalty"
        case (.presencePenalty, _): "presence_penalty"
        case (.seed, .gemini), (.seed, .antigravity): "generationConfig.seed"
        case (.seed, .ollama): "options.seed"
        case (.seed, _): "seed"
        case (.toolChoice, .gemini), (.toolChoice, .antigravity): "toolConfig"
        case (.toolChoice, _): "tool_choice"
        case (.messages, .gemini), (.messages, .antigravity): "contents"
        case (.messages, .openAIResponses): "input"
        case (.messages, _): "messages"
        case (.tools, _): "tools"
        case (.reasoningBudget, .gemini), (.reasoningBudget, .antigravity): "generationConfig.thinkingConfig.thinkingBudget"
        case (.reasoningBudget, _): "thinking.budget_tokens"
        }
    }

    /// The refusal of a request that says it.
    func refusal(in origin: Dialect) -> DialectError {
        let path = path(in: origin)
        return DialectError(
            "'\(path)' cannot be said to this model's provider, which speaks only the Responses API.", parameter: path,
            code: "unsupported_parameter")
    }
}
