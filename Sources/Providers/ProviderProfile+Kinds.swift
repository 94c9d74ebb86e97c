// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Dialects

extension ProviderProfile {
    /// OpenAI itself.
    package static var openAI: ProviderProfile {
        var profile = ProviderProfile([.openAIChat, .openAIResponses], maker: "openai") { endpoint in
            endpoint.baseURL + (endpoint.dialect == .openAIResponses ? "/responses" : "/chat/completions")
        }
        profile.embeddings = { $0.baseURL + "/embeddings" }
        return profile
    }

    /// A server with OpenAI's chat API.
    package static func openAICompatible(maker: String) -> ProviderProfile {
        var profile = ProviderProfile([.openAIChat], maker: maker) { $0.baseURL + "/chat/completions" }
        profile.embeddings = { $0.baseURL + "/embeddings" }
        profile.quirks.usesMaxTokens = true
        profile.quirks.takesReasoningBack = true
        return profile
    }

    /// Zhipu's GLM, whose base URL has its own version.
    package static var glm: ProviderProfile {
        var profile = openAICompatible(maker: "glm")
        profile.quirks.takesToolChoice = false
        profile.quirks.takesStreamOptions = false
        profile.quirks.unsupported = [
            "n", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "seed",
            "parallel_tool_calls",
        ]
        return profile
    }

    /// Mistral, which wants call ids of nine letters and digits.
    package static var mistral: ProviderProfile {
        var profile = openAICompatible(maker: "mistral")
        profile.quirks.hasShortCallIDs = true
        profile.quirks.takesStreamOptions = false
        return profile
    }

    /// Anthropic.
    ///
    /// The version is one that still takes the sampling members; a client of the same dialect brings its own.
    package static var anthropic: ProviderProfile {
        var profile = ProviderProfile([.anthropic], maker: "anthropic", authentication: .field("x-api-key")) {
            $0.versioned() + "/messages"
        }
        profile.fields = [("anthropic-version", "2023-06-01")]
        profile.tokenCount = { $0.versioned() + "/messages/count_tokens" }
        return profile
    }

    /// Gemini, at Google's address for API keys.
    package static var gemini: ProviderProfile {
        var profile = ProviderProfile([.gemini], maker: "gemini", authentication: .field("x-goog-api-key")) { endpoint in
            var endpoint = endpoint
            if endpoint.model.hasPrefix("models/") { endpoint.model.removeFirst("models/".count) }
            let method = endpoint.streams ? "streamGenerateContent?alt=sse" : "generateContent"
            return "\(endpoint.versioned("v1beta"))/models/\(endpoint.escapedModel):\(method)"
        }
        // Google's imitation of OpenAI's API takes the same key as a bearer.
        profile.embeddings = { $0.versioned("v1beta") + "/openai/embeddings" }
        return profile
    }

    /// Google's internal envelope round Gemini.
    package static func antigravity(project: String) -> ProviderProfile {
        var profile = ProviderProfile([.antigravity], maker: "antigravity") { endpoint in
            let method = endpoint.streams ? "streamGenerateContent?alt=sse" : "generateContent"
            return "\(endpoint.baseURL)/v1internal:\(method)"
        }
        profile.quirks.project = project
        profile.quirks.takesImageURLs = false
        return profile
    }

    /// DigitalOcean: serverless inference, or one agent when the base URL is an agent's.
    package static var digitalOcean: ProviderProfile {
        var profile = openAICompatible(maker: "digitalocean")
        profile.quirks.usesMaxTokens = false
        profile.quirks.minimumOutputLimit = 256
        profile.address = { endpoint in
            let base = endpoint.baseURL
            let agent = "agent/"
            if endpoint.model.hasPrefix(agent), !base.contains("/agents/") {
                var endpoint = endpoint
                endpoint.model.removeFirst(agent.count)
                return "\(base)/v2/gen-ai/agents/\(endpoint.escapedModel)/chat/completions"
            }
            if base.contains(".agents.do-ai.run") || base.contains(".ondigitalocean.app") {
                let path = base.hasSuffix("/api/v1") ? base : "\(base)/api/v1"
                return "\(path)/chat/completions?agent=true"
            }
            return "\(base)/chat/completions"
        }
        return profile
    }

    /// Straico, which has no streams.
    package static var straico: ProviderProfile {
        var profile = ProviderProfile([.straico], maker: "straico") { endpoint in
            // The version is that of the whole API, and the chat is at several.
            let last = endpoint.baseURL.split(separator: "/").last ?? ""
            return endpoint.baseURL + (["v0", "v1", "v2"].contains(last) ? "" : "/v2") + "/chat/completions"
        }
        profile.streams = false
        profile.quirks.takesImageURLs = false
        return profile
    }

    /// Azure OpenAI: its newer API is OpenAI's own, its older one has the deployment in the path.
    package static func azure(version: String) -> ProviderProfile {
        @Sendable func address(_ endpoint: Endpoint, _ method: String) -> String {
            let base = endpoint.baseURL
            if base.hasSuffix("/openai/v1") { return "\(base)/\(method)" }
            let root = base.hasSuffix("/openai") ? base : "\(base)/openai"
            return "\(root)/deployments/\(endpoint.escapedModel)/\(method)?api-version=\(version)"
        }
        var profile = ProviderProfile([.openAIChat], maker: "openai", authentication: .field("api-key")) { endpoint in
            address(endpoint, "chat/completions")
        }
        profile.embeddings = { address($0, "embeddings") }
        return profile
    }

    /// Ollama's own API.
    package static var ollama: ProviderProfile {
        var profile = ProviderProfile([.ollama], maker: "ollama") { endpoint in
            var base = endpoint.baseURL
            if base.hasSuffix("/v1") { base.removeLast(3) }
            return base + (base.hasSuffix("/api") ? "/chat" : "/api/chat")
        }
        profile.quirks.takesImageURLs = false
        profile.embeddings = { endpoint in
            endpoint.baseURL + (endpoint.baseURL.hasSuffix("/v1") ? "/embeddings" : "/v1/embeddings")
        }
        return profile
    }

    /// The built-in simulator.
    package static var simulator: ProviderProfile {
        var profile = ProviderProfile([.openAIChat], maker: "simulator") { _ in "/v1/chat/completions" }
        profile.embeddings = { _ in SimulatorTransport.embeddingsPath }
        return profile
    }
}

extension ProviderProfile.Endpoint {
    /// The base URL with a version at its end, `/v1` unless it has one.
    fileprivate func versioned(_ version: String = "v1") -> String {
        let last = baseURL.split(separator: "/").last ?? ""
        let isVersion = last.first == "v" && last.dropFirst().first.map { ("0"..."9").contains($0) } == true
        return isVersion ? baseURL : "\(baseURL)/\(version)"
    }

    /// The model, with every byte escaped that a path segment may not hold (RFC 3986).
    fileprivate var escapedModel: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in model.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.append(byte)
            default: text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
