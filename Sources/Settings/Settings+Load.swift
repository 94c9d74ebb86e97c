// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

extension Settings {
    /// Reads the settings: defaults, then the file, then the environment, which wins.
    ///
    /// All problems are reported, not only the first. Where the file names no providers, they are found by
    /// the usual variables (`OPENAI_API_KEY` and the like). Reads the file at once, so not for the event
    /// loop's thread.
    package static func load(
        file: String?, environment: [String: String]
    ) throws(SettingsError) -> Settings {
        var report = Report(file: file ?? "environment")
        let bytes = file.flatMap { SettingsFile.read($0, &report) } ?? []
        return try load(bytes, environment: environment, report: &report)
    }

    /// Reads the settings from the content of a file, of which `file` is the name for messages.
    package static func load(
        yaml: String, file: String, environment: [String: String]
    ) throws(SettingsError) -> Settings {
        var report = Report(file: file)
        return try load(Array(yaml.utf8), environment: environment, report: &report)
    }

    private static func load(
        _ bytes: [UInt8], environment: [String: String], report: inout Report
    ) throws(SettingsError) -> Settings {
        var settings = Settings()
        if let root = YAMLReader.read(bytes, environment: environment, report: &report) {
            fields.read(root, into: &settings, &report)
        }
        EnvironmentReader.read(environment, into: &settings, &report)
        if let node = report.providers {
            settings.providers = ProviderSettings.read(node, defaults: settings.upstream, &report)
        } else {
            settings.providers = KnownProvider.find(environment, defaults: settings.upstream, &report)
        }
        if settings.simulator, !settings.providers.contains(where: { $0.name == "sim" }) {
            var simulator = ProviderSettings(name: "sim", kind: .simulator)
            simulator.upstream = settings.upstream
            settings.providers.append(simulator)
        }
        if let node = report.models { settings.models = ModelSettings.read(node, &report) }
        settings.check(&report)
        guard report.problems.isEmpty else { throw SettingsError(problems: report.sorted) }
        return settings
    }

    /// Looks for what only the whole can show: names without a definition, and keys that nobody could have.
    private mutating func check(_ report: inout Report) {
        let providerNames = providers.map(\.name)
        let modelNames = models.map(\.name)
        for reference in report.references {
            switch reference.target {
            case .provider where !providerNames.contains(reference.name):
                let hint = Nearest.hint(for: reference.name, in: providerNames)
                report.add(reference.line, "there is no provider \(Report.quoted(reference.name))\(hint)")
            case .model where !modelNames.contains(reference.name):
                let prefix = reference.name.split(separator: "/", maxSplits: 1).first.map(String.init)
                if reference.name.contains("/"), let prefix, providerNames.contains(prefix) { continue }
                let hint = Nearest.hint(for: reference.name, in: modelNames)
                report.add(reference.line, "there is no model \(Report.quoted(reference.name))\(hint)")
            default: continue
            }
        }
        if auth.enabled, auth.keys.isEmpty, auth.adminKey == nil {
            if databaseURL?.reveal() == "none" {
                report.addForFile(
                    "auth.enabled is true, but there can be no key: no auth.keys, no auth.admin_key, and no database")
            } else {
                warnings.append("only virtual keys let anybody in: sluice keys create makes one")
            }
        }
        if auth.said == nil, !auth.keys.isEmpty {
            report.addForFile("auth.keys has keys that nobody is asked for: set auth.enabled to true, or to false")
        }
        if !auth.enabled, allowedOrigins.contains("*") {
            report.addForFile(
                "allowed_origins may be '*' only where auth.enabled is true: without keys, any web page would get in")
        }
        if audit.content == .none, audit.spool != nil {
            report.addForFile(
                "audit.spool keeps what providers answer, which audit.content 'none' forbids: leave one of them out")
        }
        if !auth.enabled, auth.defaultLimits != LimitRuleSettings() {
            warnings.append("auth.default_limits has no effect while auth.enabled is false")
        }
        if !auth.enabled, !listen.isLoopback {
            warnings.append("auth.enabled is false: whoever reaches \(listen) can use the providers' keys")
        }
    }
}
