// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A wire format in which clients or upstreams speak.
package enum Dialect: String, Sendable, CaseIterable {
    case openAIChat = "openai-chat"
    case openAIResponses = "openai-responses"
    case anthropic
    case gemini
    /// Google's internal envelope round Gemini.
    case antigravity
    /// Ollama's own format, lines of JSON.
    case ollama
    case straico

    /// Who makes the signatures of models that are asked in the dialect at its own vendor.
    package var maker: String {
        switch self {
        case .openAIChat, .openAIResponses: "openai"
        case .anthropic: "anthropic"
        case .gemini: "gemini"
        case .antigravity: "antigravity"
        case .ollama: "ollama"
        case .straico: "straico"
        }
    }
}
