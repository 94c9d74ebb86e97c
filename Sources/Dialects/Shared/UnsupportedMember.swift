// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

extension DialectError {
    /// What a request asks for cannot be said to the model's provider; `name` is the member in the words of its own dialect.
    static func unsupported(_ name: String) -> DialectError {
        DialectError(
            "The provider of this model does not support '\(name)'.", parameter: name, code: "unsupported_parameter")
    }
}

extension Dialect {
    /// The path in a request of this dialect that says what a member of the chat dialect says.
    func name(ofChatMember name: String) -> String {
        let names: [String: String] =
            switch self {
            case .openAIChat, .straico: [:]
            case .openAIResponses: ["messages": "input", "response_format": "text.format"]
            case .anthropic: ["stop": "stop_sequences", "response_format": "output_config.format"]
            case .gemini, .antigravity:
                [
                    "messages": "contents", "stop": "generationConfig.stopSequences",
                    "n": "generationConfig.candidateCount",
                    "response_format": "generationConfig.responseMimeType", "tool_choice": "toolConfig",
                ]
            case .ollama: ["stop": "options.stop", "response_format": "format"]
            }
        return names[name] ?? name
    }
}

extension ChatRequest {
    /// The members that a body of another dialect leaves out.
    ///
    /// Throws when one of them means something that the vendor of the request's own dialect keeps, without which the answer
    /// would be to another conversation.
    func foreignExtras() throws(DialectError) -> [String] {
        let state: Set<String> = [
            "previous_response_id", "conversation", "container", "thread", "cachedContent", "cached_content", "prompt",
        ]
        for member in extras where state.contains(member.key) { throw .unsupported(member.key) }
        return extras.map(\.key)
    }
}
