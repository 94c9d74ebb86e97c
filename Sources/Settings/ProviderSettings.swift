// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// One upstream.
package struct ProviderSettings: Sendable, Equatable {
    /// The name that models and logs use: letters, digits, `.`, `_`, `-`.
    package var name = ""
    /// What it speaks.
    package var kind = ProviderKind.openAICompatible
    /// Where its API begins, without a slash at the end; empty for the simulator.
    package var baseURL = ""
    /// What it is called with.
    package var apiKey: Secret?
    /// Timeouts, pool and retries.
    package var upstream = UpstreamSettings()
    /// The models it serves, if the list is known.
    package var models: [String] = []
    /// The project that Google's envelope names (`antigravity`).
    package var project = ""
    /// The version of Azure's older API (`azure`).
    package var apiVersion = "2024-10-21"
    /// Whether it is never asked for a stream; `nil` leaves it to `streaming.force_non_streaming`.
    package var forceNonStreaming: Bool?

    package init() {}

    package init(name: String, kind: ProviderKind, baseURL: String = "", apiKey: Secret? = nil) {
        self.name = name
        self.kind = kind
        self.baseURL = baseURL
        self.apiKey = apiKey
    }
}

/// What a provider speaks.
package enum ProviderKind: String, Sendable, CaseIterable {
    /// OpenAI itself.
    case openAI = "openai"
    /// A server with OpenAI's API.
    case openAICompatible = "openai-compatible"
    case anthropic
    case gemini
    /// Google's internal envelope round Gemini.
    case antigravity
    /// Zhipu's GLM, also as z.ai.
    case glm
    /// DigitalOcean's inference or one of its agents.
    case digitalOcean = "digitalocean"
    case straico
    /// OpenAI's models at Azure.
    case azure
    /// Ollama's own API.
    case ollama
    /// Mistral, which departs from OpenAI's API in ways of its own.
    case mistral
    /// The built-in simulator.
    case simulator

    /// Where the vendor's API is; `nil` when only the user knows.
    package var baseURL: String? {
        switch self {
        case .openAI: "https://api.openai.com/v1"
        case .anthropic: "https://api.anthropic.com"
        case .gemini: "https://generativelanguage.googleapis.com/v1beta"
        case .antigravity: "https://daily-cloudcode-pa.googleapis.com"
        case .glm: "https://api.z.ai/api/paas/v4"
        case .digitalOcean: "https://inference.do-ai.run/v1"
        case .straico: "https://api.straico.com"
        case .ollama: "http://127.0.0.1:11434"
        case .mistral: "https://api.mistral.ai/v1"
        case .simulator: ""
        case .openAICompatible, .azure: nil
        }
    }
}

/// How an upstream is called.
package struct UpstreamSettings: Sendable, Equatable {
    /// The limits of waiting.
    package var timeouts = UpstreamTimeouts()
    /// The connections kept.
    package var pool = PoolSettings()
    /// How often a call is repeated before its first byte.
    package var maxRetries = 3
    /// A PEM file of certificate authorities in place of the system's.
    package var caFile: String?
}

/// The limits of waiting for an upstream; there is none on a whole stream.
package struct UpstreamTimeouts: Sendable, Equatable {
    /// For name, connection and TLS.
    package var connect = Duration.seconds(5)
    /// From the request sent to the first byte of the answer.
    package var firstByte = Duration.seconds(60)
    /// Between two chunks.
    package var idle = Duration.seconds(60)
}

/// The connections kept to an upstream.
package struct PoolSettings: Sendable, Equatable {
    /// Unused connections kept.
    package var maxIdle = 100
    /// Connections to one host at once; 0 is no limit.
    package var maxPerHost = 0
    /// How long an unused connection is kept.
    package var idle = Duration.seconds(90)
}
