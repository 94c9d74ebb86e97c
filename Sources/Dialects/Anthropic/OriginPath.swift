// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat

/// The paths of members in the words of the dialect that a request came in.
struct OriginPath {
    enum Member: String {
        case choiceCount = "n"
        case responseFormat = "response_format"
        case toolChoice = "tool_choice"
        case temperature, seed, verbosity, logprobs
        case topP = "top_p"
        case topK = "top_k"
        case topLogprobs = "top_logprobs"
        case frequencyPenalty = "frequency_penalty"
        case presencePenalty = "presence_penalty"
        case effort = "reasoning_effort"
    }

    let origin: Dialect

    /// The path of a member.
    func of(_ member: Member) -> String {
        switch (origin, member) {
        case (.openAIResponses, .responseFormat): "text.format"
        case (.openAIResponses, .effort): "reasoning.effort"
        case (.openAIResponses, .verbosity): "text.verbosity"
        case (.anthropic, .responseFormat): "output_config.format"
        case (.anthropic, .effort): "output_config.effort"
        case (.ollama, .responseFormat): "format"
        case (.ollama, .effort): "think"
        case (.ollama, .temperature), (.ollama, .topP), (.ollama, .topK), (.ollama, .seed),
            (.ollama, .frequencyPenalty), (.ollama, .presencePenalty):
            "options." + member.rawValue
        case (.gemini, .toolChoice), (.antigravity, .toolChoice): "toolConfig"
        case (.gemini, _), (.antigravity, _): "generationConfig." + Self.geminiName(member)
        default: member.rawValue
        }
    }

    /// The path of a message.
    func message(_ index: Int) -> String {
        switch origin {
        case .openAIResponses: "input[\(index)]"
        case .gemini, .antigravity: "contents[\(index)]"
        default: "messages[\(index)]"
        }
    }

    /// The path of a part of a message's content.
    func part(_ index: Int, ofMessage message: Int) -> String {
        let isGemini = origin == .gemini || origin == .antigravity
        return self.message(message) + (isGemini ? ".parts[\(index)]" : ".content[\(index)]")
    }

    /// The error for what the upstream's dialect cannot say.
    func unsupported(_ path: String, _ what: String) -> DialectError {
        DialectError(
            "The model's provider does not take \(what).", parameter: path, code: "unsupported_parameter")
    }

    private static func geminiName(_ member: Member) -> String {
        switch member {
        case .choiceCount: "candidateCount"
        case .responseFormat: "responseMimeType"
        case .topP: "topP"
        case .topK: "topK"
        case .logprobs: "responseLogprobs"
        case .topLogprobs: "logprobs"
        case .frequencyPenalty: "frequencyPenalty"
        case .presencePenalty: "presencePenalty"
        case .effort: "thinkingConfig"
        case .temperature, .seed, .verbosity, .toolChoice: member.rawValue
        }
    }
}
