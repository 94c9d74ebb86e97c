// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry

extension Settings {
    /// Every setting of the file, as one table.
    static var fields: [Field<Settings>] {
        general + keyLimits + limits + streaming + documents + AuditSettings.fields + ChatSettings.fields
            + UpstreamSettings.fields("upstream.", of: \Settings.upstream) + [
                Field(path: ["providers"], isInEnvironment: false) { node, _, _, report in report.providers = node
                },
                Field(path: ["models"], isInEnvironment: false) { node, _, _, report in report.models = node },
                Field(path: ["prices"], isInEnvironment: false) { node, _, settings, report in
                    settings.prices = PriceSettings.read(node, &report)
                },
                Field(path: ["organizations"], isInEnvironment: false) { node, _, settings, report in
                    settings.organizations = OrganizationSettings.read(node, &report)
                },
            ]
    }

    private static var general: [Field<Settings>] {
        [
            .value("listen", \.listen, expected: ListenAddress.expected) { ListenAddress($0) },
            .list("allowed_hosts", \.allowedHosts, expected: "a host name without a port, or *") { text in
                text == "*" || HostName.isValid(text) ? text : nil
            },
            .list("allowed_origins", \.allowedOrigins, expected: PageOrigin.expected) { PageOrigin.parse($0) },
            .value("workers", \.workers, expected: "auto or a whole number from 1 to 256") { text in
                if text == "auto" { return .auto }
                return Int(text).flatMap { (1...256).contains($0) ? .count($0) : nil }
            },
            .choice("log.level", \.log.level) { $0.name },
            .choice("log.format", \.log.format) { $0.rawValue },
            .flag("auth.enabled", \.auth.enabled),
            .secret("auth.admin_key", \.auth.adminKey),
            .list("auth.keys", \.auth.keys, expected: Credential.expected, isSecret: true) {
                Credential.parse($0)
            },
            .duration("drain_timeout", \.drainTimeout, least: .zero),
            .flag("simulator", \.simulator),
            .flag("page", \.page),
            address(
                "database_url", \.databaseURL, schemes: ["sqlite:", "postgres://", "postgresql://"],
                words: ["none"]),
            address("redis_url", \.redisURL, schemes: ["redis://"], hint: "; TLS (rediss://) is not available in this version"),
            // Not shown when wrong, as it may hold a password.
            .value("upstream_url", \.upstreamURL, expected: BaseURL.expected, isSecret: true) { text in
                BaseURL.parse(text).map { .some($0) }
            },
        ]
    }

    private static var keyLimits: [Field<Settings>] {
        LimitRuleSettings.fields("auth.default_limits.", of: \.auth.defaultLimits) + [
            .integer("auth.default_reservation", \.auth.defaultReservation, 0...10_000_000),
            .choice("auth.limits_on_failure", \.auth.limitsOnFailure) { $0.rawValue },
            .duration("redis_timeout", \.redisTimeout),
        ]
    }

    private static var limits: [Field<Settings>] {
        [
            .integer("limits.max_connections", \.limits.maxConnections, 1...1_000_000),
            .size("limits.max_body", \.limits.maxBody, 1...(1 << 30)),
            .size("limits.max_headers", \.limits.maxHeaders, 1024...(1 << 20)),
            .duration("limits.header_timeout", \.limits.headerTimeout),
            .duration("limits.idle_timeout", \.limits.idleTimeout),
            .duration("limits.body_timeout", \.limits.bodyTimeout),
            .size("limits.max_unauthenticated_body", \.limits.maxUnauthenticatedBody, 0...(1 << 30)),
        ]
    }

    private static var documents: [Field<Settings>] {
        [
            .size("documents.max_bytes", \.documents.maxBytes, 1024...(256 << 20)),
            .value("documents.model", \.documents.model, expected: "the name of a model") {
                ModelSettings.isName($0) && !$0.contains("*") ? .some($0) : nil
            },
            .integer("documents.chunk_tokens", \.documents.chunkTokens, 100...100_000),
            .integer("documents.overlap_tokens", \.documents.overlapTokens, 0...10_000),
            .integer("documents.max_concurrent_chunks", \.documents.maxConcurrentChunks, 1...64),
            .integer("documents.max_extractions", \.documents.maxExtractions, 1...1000),
            .integer("documents.max_chunks", \.documents.maxChunks, 1...10_000),
            .duration("documents.chunk_timeout", \.documents.chunkTimeout),
            .duration("documents.convert_timeout", \.documents.convertTimeout, least: .seconds(1)),
        ]
    }

    private static var streaming: [Field<Settings>] {
        [
            .duration("streaming.heartbeat_interval", \.streaming.heartbeatInterval, least: .zero),
            .duration("streaming.commit_after", \.streaming.commitAfter, least: .zero),
            .size("streaming.high_watermark", \.streaming.highWatermark, 1024...(64 << 20)),
            .size("streaming.max_event", \.streaming.maxEvent, (64 << 10)...(256 << 20)),
            .size("streaming.capture_limit", \.streaming.captureLimit, 0...(16 << 20)),
            .flag("streaming.force_non_streaming", \.streaming.forceNonStreaming),
            .flag("streaming.enable_fallback", \.streaming.enableFallback),
            .duration(
                "streaming.detection_cache_duration", \.streaming.detectionCacheDuration, least: .zero),
            .choice("streaming.detection", \.streaming.detection) { $0.rawValue },
            .choice("streaming.on_disconnect", \.streaming.onDisconnect) { $0.rawValue },
        ]
    }

    /// An address of a service, kept as a credential since it may hold a password.
    private static func address(
        _ path: String, _ target: WritableKeyPath<Settings, Secret?>, schemes: [String],
        words: [String] = [], hint: String = ""
    ) -> Field<Settings> {
        let forms = (["an address that begins with \(schemes.joined(separator: " or "))"] + words).joined(separator: ", or ")
        let expected = forms + hint
        return .value(path, target, expected: expected, isSecret: true) { text in
            words.contains(text) || schemes.contains { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }
                ? .some(Secret(text)) : nil
        }
    }
}

extension UpstreamSettings {
    /// The fields of timeouts, pool and retries, for the shared defaults and for each provider.
    static func fields<Root>(
        _ prefix: String, of target: WritableKeyPath<Root, UpstreamSettings>
    ) -> [Field<Root>] {
        [
            .duration("\(prefix)timeouts.connect", target.appending(path: \.timeouts.connect)),
            .duration("\(prefix)timeouts.first_byte", target.appending(path: \.timeouts.firstByte)),
            .duration("\(prefix)timeouts.idle", target.appending(path: \.timeouts.idle)),
            .integer("\(prefix)pool.max_idle", target.appending(path: \.pool.maxIdle), 0...100_000),
            .integer("\(prefix)pool.max_per_host", target.appending(path: \.pool.maxPerHost), 0...100_000),
            .duration("\(prefix)pool.idle", target.appending(path: \.pool.idle)),
            .integer("\(prefix)max_retries", target.appending(path: \.maxRetries), 0...10),
            .value("\(prefix)ca_file", target.appending(path: \.caFile), expected: "the path of a PEM file") {
                $0.isEmpty || $0.utf8.contains(0) ? nil : .some($0)
            },
        ]
    }
}
