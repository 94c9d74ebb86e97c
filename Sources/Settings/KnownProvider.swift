// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry

/// Providers that are found by the usual environment variables when the file names none.
enum KnownProvider {
    static let openAIBaseURL = "https://api.openai.com/v1"

    private static let hosted: [(name: String, kind: ProviderKind, baseURL: String)] = [
        ("openai", .openAI, openAIBaseURL),
        ("deepseek", .openAICompatible, "https://api.deepseek.com/v1"),
        ("openrouter", .openAICompatible, "https://openrouter.ai/api/v1"),
        ("groq", .openAICompatible, "https://api.groq.com/openai/v1"),
        ("mistral", .openAICompatible, "https://api.mistral.ai/v1"),
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
            let prefix = known.name.uppercased()
            let text = value("\(prefix)_API_KEY")
            let address = value("\(prefix)_BASE_URL")
            guard text != nil || address != nil else { continue }
            let key = text.flatMap(Credential.parse)
            if text != nil, key == nil { report.add(nil, "\(prefix)_API_KEY must be \(Credential.expected)") }
            if let baseURL = checked(address ?? known.baseURL, "\(prefix)_BASE_URL", &report) {
                add(known.name, known.kind, baseURL, key: key)
            }
        }
        if let address = value("OLLAMA_BASE_URL") {
            if let baseURL = checked(address, "OLLAMA_BASE_URL", &report) {
                add("ollama", .openAICompatible, baseURL)
            }
        } else if let host = value("OLLAMA_HOST") {
            if let baseURL = checked(ollama(host), "OLLAMA_HOST", &report) {
                add("ollama", .openAICompatible, baseURL)
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
        return "\(scheme)\(host)/v1"
    }
}
