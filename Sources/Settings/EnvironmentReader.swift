// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Sets settings from environment variables: `SLUICE_` and the path in capitals, with `_` between its keys.
enum EnvironmentReader {
    /// Names that stand for a setting besides its own.
    private static let aliases = [
        "SLUICE_ADMIN_KEY": ["auth", "admin_key"],
        "FORCE_NON_STREAMING": ["streaming", "force_non_streaming"],
    ]

    static func read(
        _ environment: [String: String], into settings: inout Settings, _ report: inout Report
    ) {
        let fields = Settings.fields.filter(\.isInEnvironment)
        // A setting's own name comes after an alias, and so wins.
        let sorted = environment.sorted {
            (aliases[$0.key] == nil ? 1 : 0, $0.key) < (aliases[$1.key] == nil ? 1 : 0, $1.key)
        }
        for (name, value) in sorted where name.hasPrefix("SLUICE_") || aliases[name] != nil {
            let field = fields.first { $0.path == aliases[name] ?? [] || Self.name($0.path) == name }
            if let field {
                guard !value.isEmpty else { continue }
                field.read(YAMLNode(line: nil, content: .scalar(value)), name, &settings, &report)
            } else if !isOfService(name, value) {
                let known = fields.map { Self.name($0.path) } + aliases.keys
                let near = Nearest.name(to: name, in: known).map { "; did you mean \($0)?" } ?? ""
                // Not an error: other programs, test harnesses among them, name their variables after us too.
                settings.warnings.append("unknown variable \(Report.quoted(name)) is ignored\(near)")
            }
        }
    }

    private static func name(_ path: [String]) -> String {
        "SLUICE_\(path.joined(separator: "_").uppercased())"
    }

    /// Whether Kubernetes (or a Docker link) set the variable, as they do for a service named `sluice`.
    private static func isOfService(_ name: String, _ value: String) -> Bool {
        name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || value.hasPrefix("tcp://")
            || value.hasPrefix("udp://")
            || (name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP")))
    }
}
