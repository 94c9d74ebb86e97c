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
    /// The built-in simulator.
    case simulator

    /// Kinds whose names are known and that this version does not have.
    static let later = [
        "anthropic", "gemini", "antigravity", "glm", "digitalocean", "straico", "azure", "ollama",
    ]
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
