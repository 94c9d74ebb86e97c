// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension ProviderSettings {
    /// Whether text can name a provider: it has to stand before the slash of `provider/model`, and in a
    /// label.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x2D, 0x2E, 0x5F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: false
                }
            }
    }

    static var fields: [Field<ProviderSettings>] {
        let name = "a name of letters, digits, '.', '_' and '-'"
        return [
            .value("name", \.name, expected: name) { isName($0) ? $0 : nil },
            kindField,
            // Not shown when wrong, as it may hold a password.
            .value("base_url", \.baseURL, expected: BaseURL.expected, isSecret: true) { BaseURL.parse($0) },
            .secret("api_key", \.apiKey),
            .list("models", \.models, expected: "the name of a model") { $0.isEmpty ? nil : $0 },
            .value("project", \.project, expected: name) { isName($0) ? $0 : nil },
            .value("api_version", \.apiVersion, expected: "a version such as 2024-10-21") { isName($0) ? $0 : nil },
            Field(path: ["force_non_streaming"]) { node, label, provider, report in
                switch node.text {
                case "true": provider.forceNonStreaming = true
                case "false": provider.forceNonStreaming = false
                default: report.add(node.line, "\(label) must be true or false")
                }
            },
        ] + UpstreamSettings.fields("", of: \ProviderSettings.upstream)
    }

    private static var kindField: Field<ProviderSettings> {
        Field(path: ["kind"]) { node, _, provider, report in
            guard case .scalar(let text) = node.content else {
                return report.add(node.line, "kind must be one of \(kinds), not \(node.form)")
            }
            if let kind = ProviderKind(rawValue: text) {
                provider.kind = kind
            } else {
                let shown = node.isExpanded ? "of its variable" : Report.quoted(text)
                report.add(node.line, "unknown kind \(shown)\(Nearest.hint(for: text, in: kindNames))")
            }
        }
    }

    private static var kindNames: [String] { ProviderKind.allCases.map(\.rawValue) }
    private static var kinds: String { kindNames.joined(separator: ", ") }

    /// Reads the list of providers, each beginning with the shared defaults.
    static func read(
        _ node: YAMLNode, defaults: UpstreamSettings, _ report: inout Report
    ) -> [ProviderSettings] {
        guard case .list(let items) = node.content else {
            report.add(node.line, "providers must be a list, not \(node.form)")
            return []
        }
        var providers: [ProviderSettings] = []
        for item in items {
            var provider = ProviderSettings()
            provider.upstream = defaults
            fields.read(item, label: "a provider", into: &provider, &report)
            guard case .map = item.content else { continue }
            if item["name"] == nil { report.add(item.line, "a provider needs a name") }
            if item["kind"] == nil { report.add(item.line, "a provider needs a kind: one of \(kinds)") }
            if provider.baseURL.isEmpty, item["base_url"].isAbsentOrNull {
                if let baseURL = provider.kind.baseURL {
                    provider.baseURL = baseURL
                } else if ProviderKind(rawValue: item["kind"]?.text ?? "") != nil {
                    report.add(item.line, "a provider of kind '\(provider.kind.rawValue)' needs a base_url")
                }
            }
            if !provider.name.isEmpty, providers.contains(where: { $0.name == provider.name }) {
                let line = item["name"]?.line ?? item.line
                report.add(line, "there are two providers named \(Report.quoted(provider.name))")
                continue
            }
            providers.append(provider)
        }
        return providers
    }
}

extension YAMLNode {
    /// The text of a single value.
    var text: String? {
        guard case .scalar(let text) = content else { return nil }
        return text
    }
}

extension YAMLNode? {
    /// Whether the default holds.
    var isAbsentOrNull: Bool {
        guard let node = self else { return true }
        guard case .null = node.content else { return false }
        return true
    }
}
