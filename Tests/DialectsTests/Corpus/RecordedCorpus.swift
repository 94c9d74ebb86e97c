// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import Testing

@testable import Dialects

/// The recordings that lie beside the repository, by the dialect that each folder speaks.
enum RecordedCorpus {
    struct Recording: Sendable, CustomTestStringConvertible {
        let dialect: Dialect
        let file: URL
        var name: String { file.pathComponents.suffix(2).joined(separator: "/") }
        var testDescription: String { name }
        func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: file)) }
    }

    /// Servers that speak OpenAI's chat completions.
    private static let imitators =
        [
            "azure", "deepseek", "groq", "llamacpp", "misc", "mistral", "openrouter", "vercel-gateway", "vllm", "xai",
            "ollama-openai",
        ].map { "compat-" + $0 } + ["digitalocean", "zhipu"]

    static let folders: [(Dialect, [String])] = [
        (.openAIChat, ["openai-chat", "framing/openai-chat"] + imitators),
        (.openAIResponses, ["openai-responses", "framing/openai-responses"]),
        (.anthropic, ["anthropic", "framing/anthropic"]),
        (.gemini, ["gemini", "framing/gemini"]),
        (.antigravity, ["cloudcode"]),
        (.ollama, ["ollama"]),
        (.straico, ["straico"]),
    ]

    static let streams = folders.flatMap { dialect, folders in
        RecordedStreamTests.recordings(in: folders, kind: dialect == .ollama ? "ndjson" : "sse")
            .map { Recording(dialect: dialect, file: $0) }
    }

    static let answers = folders.flatMap { dialect, folders in
        RecordedStreamTests.recordings(
            in: folders.map { "nonstream/" + $0 } + (dialect == .straico ? folders : []), kind: "json"
        )
        .filter { !$0.lastPathComponent.contains(".req.") }
        .map { Recording(dialect: dialect, file: $0) }
    }

    /// Cuts at random, the same in each run with the same seed.
    static func random(for recording: Recording) -> SeededNumbers {
        var state = RecordedStreamTests.seed
        for byte in recording.name.utf8 { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return SeededNumbers(state: state)
    }
}
