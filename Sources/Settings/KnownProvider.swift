// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry

/// Providers that are found by the usual environment variables when the file names none.
enum KnownProvider {
    /// A provider by the variables that name it: `<PREFIX>_BASE_URL`, and its keys, the first that is set counting.
    private struct Known {
        var name: String
        var kind: ProviderKind
        var prefixes: [String]
        var keys: [String]
        var baseURL: String?

        init(_ name: String, _ kind: ProviderKind, prefixes: [String] = [], keys: [String] = [], _ baseURL: String? = nil) {
            self.name = name
            self.kind = kind
            self.prefixes = prefixes.isEmpty ? [name.uppercased()] : prefixes
            self.keys = keys.isEmpty ? self.prefixes.map { "\($0)_API_KEY" } : keys
            self.baseURL = baseURL ?? kind.baseURL
        }
    }

    private static let hosted = [
        Known("openai", .openAI),
        Known("anthropic", .anthropic),
        Known("gemini", .gemini, keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
        Known("zai", .glm, prefixes: ["ZAI", "GLM", "ZHIPUAI"]),
        Known("deepseek", .openAICompatible, "https://api.deepseek.com/v1"),
        Known("openrouter", .openAICompatible, "https://openrouter.ai/api/v1"),
        Known("groq", .openAICompatible, "https://api.groq.com/openai/v1"),
        Known("mistral", .mistral),
        Known("straico", .straico),
        Known(
            "digitalocean", .digitalOcean,
            keys: [
                "DIGITALOCEAN_API_KEY", "DIGITALOCEAN_INFERENCE_KEY", "DIGITALOCEAN_AGENT_KEY",
                "DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN",
            ]),
        Known("azure", .azure, prefixes: ["AZURE_OPENAI"]),
        Known("antigravity", .antigravity, keys: ["ANTIGRAVITY_API_KEY", "ANTIGRAVITY_ACCESS_TOKEN"]),
    ]

    /// The providers for which `<NAME>_API_KEY` or `<NAME>_BASE_URL` is set, and Ollama's for `OLLAMA_HOST`.
    static func find(
        _ environment: [String: String], defaults: UpstreamSettings, _ report: inout Report
    ) -> [ProviderSettings] {
        var found: [ProviderSettings] = []
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func add(_ name: String, _ kind: ProviderKind, _ baseURL: String, key: Secret? = nil) {
            var provider = ProviderSettings(name: name, kind: kind, baseURL: baseURL, apiKey: key)
            provider.upstream = defaults
            found.append(provider)
        }
        for known in hosted {
            let keyName = known.keys.first { value($0) != nil }
            let addressName = known.prefixes.map { "\($0)_BASE_URL" }.first { value($0) != nil }
            guard keyName != nil || addressName != nil else { continue }
            let key = keyName.flatMap { value($0) }.flatMap(Credential.parse)
            if let keyName, key == nil { report.add(nil, "\(keyName) must be \(Credential.expected)") }
            // A key of Azure's without an address says nothing of where.
            guard let address = addressName.flatMap({ value($0) }) ?? known.baseURL else { continue }
            if let baseURL = checked(address, addressName ?? "\(known.prefixes[0])_BASE_URL", &report) {
                add(known.name, known.kind, baseURL, key: key)
            }
        }
        if let address = value("OLLAMA_BASE_URL") {
            if let baseURL = checked(address, "OLLAMA_BASE_URL", &report) {
                add("ollama", .ollama, baseURL)
            }
        } else if let host = value("OLLAMA_HOST") {
            if let baseURL = checked(ollama(host), "OLLAMA_HOST", &report) {
                add("ollama", .ollama, baseURL)
            }
        }
        return found
    }

    private static func checked(_ text: String, _ variable: String, _ report: inout Report) -> String? {
        let address = BaseURL.parse(text)
        if address == nil { report.add(nil, "\(variable) must be \(BaseURL.expected)") }
        return address
    }

    /// Ollama's own reading of `OLLAMA_HOST`: scheme and port may be missing.
    private static func ollama(_ text: String) -> String {
        var scheme = "http://"
        var rest = Substring(text)
        for known in ["http://", "https://"] where text.hasPrefix(known) {
            scheme = known
            rest = rest.dropFirst(known.count)
        }
        var host = String(rest.prefix { $0 != "/" })
        if host.hasPrefix(":") { host = "127.0.0.1\(host)" }
        let hasPort = host.hasPrefix("[") ? !host.hasSuffix("]") : host.contains(":")
        if !hasPort { host += text.hasPrefix("https://") ? ":443" : ":11434" }
        // What a server binds to is no address to call.
        if host.hasPrefix("0.0.0.0:") { host = "127.0.0.1:\(host.dropFirst(8))" }
        return "\(scheme)\(host)"
    }
}
