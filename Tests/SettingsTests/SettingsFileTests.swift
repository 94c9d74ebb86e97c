// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Settings

@Suite("A settings file") struct SettingsFileTests {
    static let full = """
        listen: "[::1]:9090"
        workers: auto                  # a comment with ${NOT_SET}
        database_url: sqlite:sluice.db
        redis_url: null
        log: {level: debug, format: json}
        auth: {enabled: true, admin_key: ${ADMIN}, keys: [sk-one, "${TWO:-sk-two}"]}
        limits: {max_connections: 5, max_body: 1MiB, max_headers: 32KiB, header_timeout: 500ms,
                 idle_timeout: 2m, body_timeout: 1h, max_unauthenticated_body: 1000}
        streaming: {heartbeat_interval: 0, commit_after: 2s, high_watermark: 128KiB, capture_limit: 1MB,
                    force_non_streaming: true, enable_fallback: false, detection_cache_duration: 1m,
                    on_disconnect: drain}
        drain_timeout: 30s
        upstream:
          timeouts: {connect: 1s}
          max_retries: 1
        providers:
          - name: openai
            kind: openai
            api_key: ${OPENAI:-}
            pool: {max_idle: 7}
          - name: local
            kind: openai-compatible
            base_url: http://[::1]:8000/v1/
            timeouts: {connect: 9s}
            models: [a, b]
        models:
          - name: gpt-4o
            deployments: [{provider: openai, model: gpt-4o-2024-11-20, weight: 3}, {provider: local}]
            fallbacks: [other/*x, local/a]
            price: {input: 2.5, output: 10, cached: 1.25}
        """.replacing("other/*x, ", with: "")

    @Test("sets everything") func everything() throws {
        let environment = ["ADMIN": "adm: {in", "X": ""]
        #expect(throws: SettingsError.self) {
            try Settings.load(yaml: Self.full, file: "f", environment: environment)
        }
        let settings = try Settings.load(yaml: Self.full, file: "f", environment: ["ADMIN": "adm:{in}#x"])
        #expect(settings.listen == ListenAddress(host: "::1", port: 9090))
        #expect(settings.listen.description == "[::1]:9090")
        #expect(settings.workers == .auto)
        #expect(settings.databaseURL == Secret("sqlite:sluice.db"))
        #expect(settings.redisURL == nil)
        #expect(settings.log.level == .debug && settings.log.format == .json)
        #expect(settings.auth.enabled && settings.auth.adminKey == Secret("adm:{in}#x"))
        #expect(settings.auth.keys == [Secret("sk-one"), Secret("sk-two")])
        #expect(settings.limits.maxConnections == 5 && settings.limits.maxBody == 1 << 20)
        #expect(
            settings.limits.headerTimeout == .milliseconds(500)
                && settings.limits.idleTimeout == .seconds(120))
        #expect(
            settings.limits.bodyTimeout == .seconds(3600) && settings.limits.maxUnauthenticatedBody == 1000)
        #expect(settings.streaming.heartbeatInterval == .zero && settings.streaming.captureLimit == 1_000_000)
        #expect(settings.streaming.forceNonStreaming && !settings.streaming.enableFallback)
        #expect(settings.streaming.onDisconnect == .drain && settings.drainTimeout == .seconds(30))
        try #require(settings.providers.map(\.name) == ["openai", "local", "sim"])
        let (openai, local) = (settings.providers[0], settings.providers[1])
        #expect(openai.baseURL == "https://api.openai.com/v1" && openai.apiKey == nil)
        #expect(openai.upstream.timeouts.connect == .seconds(1) && openai.upstream.maxRetries == 1)
        #expect(openai.upstream.pool.maxIdle == 7 && openai.upstream.pool.idle == .seconds(90))
        #expect(local.baseURL == "http://[::1]:8000/v1" && local.models == ["a", "b"])
        #expect(local.upstream.timeouts.connect == .seconds(9))
        let model = try #require(settings.models.first)
        #expect(model.deployments.map(\.weight) == [3, 1])
        #expect(model.deployments.map(\.model) == ["gpt-4o-2024-11-20", nil])
        #expect(model.price?.input == 2_500_000 && model.price?.output == 10_000_000 && model.price?.cached == 1_250_000)
        #expect(model.fallbacks == ["local/a"])
    }

    @Test("that is empty leaves the defaults", arguments: ["", "# nothing", "---\n", "limits:\n", "{}"])
    func empty(yaml: String) throws {
        var expected = Settings()
        expected.providers = [ProviderSettings(name: "sim", kind: .simulator)]
        #expect(try Settings.load(yaml: yaml, file: "f", environment: [:]) == expected)
        #expect(expected.limits.maxConnections == 20_000 && expected.streaming.commitAfter == .seconds(10))
    }

    @Test("may hold a dollar and braces as they are") func escaped() throws {
        let yaml = "auth: {admin_key: a$${B}c$d}"
        let settings = try Settings.load(yaml: yaml, file: "f", environment: ["B": "no"])
        #expect(settings.auth.adminKey?.reveal() == "a${B}c$d")
    }

    @Test("cannot be changed in its form by a variable") func injection() throws {
        let environment = ["V": "x, model: y}]\n  - evil: [1"]
        let yaml = "models:\n  - name: m\n    deployments: [{provider: sim, model: ${V}}]"
        let settings = try Settings.load(yaml: yaml, file: "f", environment: environment)
        #expect(settings.models.first?.deployments.first?.model == environment["V"])
    }

    @Test("can do without the simulator") func noSimulator() throws {
        #expect(try Settings.load(yaml: "simulator: false", file: "f", environment: [:]).providers.isEmpty)
    }

    @Test("is summed up without any credential") func summary() throws {
        let yaml = """
            database_url: postgres://u:hunter2@h/db
            auth: {enabled: true, admin_key: sk-admin-hunter2, keys: [sk-client-hunter2]}
            providers: [{name: openai, kind: openai, api_key: sk-provider-hunter2}]
            """
        let settings = try Settings.load(yaml: yaml, file: "f", environment: [:])
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect(settings.description.contains("auth: on, 1 keys, admin key set"))
        #expect(
            settings.description.contains("provider openai: openai at https://api.openai.com/v1, key set"))
    }
}
