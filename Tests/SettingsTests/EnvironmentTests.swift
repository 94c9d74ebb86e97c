// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Settings

@Suite("The environment") struct EnvironmentTests {
    @Test("wins over the file") func wins() throws {
        let settings = try Settings.load(
            yaml: "listen: 127.0.0.1:1\nstreaming: {commit_after: 9s, high_watermark: 2KiB}", file: "f",
            environment: [
                "SLUICE_LISTEN": ":0", "SLUICE_STREAMING_COMMIT_AFTER": "2s", "FORCE_NON_STREAMING": "1",
                "SLUICE_LIMITS_MAX_CONNECTIONS": "50", "SLUICE_WORKERS": "3", "SLUICE_LOG_LEVEL": "debug",
                "SLUICE_LOG_FORMAT": "json", "SLUICE_ADMIN_KEY": "adm", "SLUICE_AUTH_KEYS": "a, b",
                "SLUICE_AUTH_ENABLED": "true",
                "SLUICE_UPSTREAM_TIMEOUTS_FIRST_BYTE": "7s", "SLUICE_UPSTREAM_URL": "http://h:1",
                "SLUICE_ALLOWED_ORIGINS": "http://localhost:8000, http://[::1]:3000,https://a-b.example",
                "SLUICE_DATABASE_URL": "sqlite:x", "SLUICE_REDIS_URL": "", "SLUICE_SIMULATOR": "true",
            ])
        #expect(settings.listen == ListenAddress(host: "0.0.0.0", port: 0))
        #expect(settings.allowedOrigins == ["http://localhost:8000", "http://[::1]:3000", "https://a-b.example"])
        #expect(settings.streaming.commitAfter == .seconds(2) && settings.streaming.highWatermark == 2048)
        #expect(settings.streaming.forceNonStreaming && settings.limits.maxConnections == 50)
        #expect(settings.workers == .count(3) && settings.log.level == .debug && settings.log.format == .json)
        #expect(settings.auth.adminKey == Secret("adm") && settings.auth.keys == [Secret("a"), Secret("b")])
        #expect(settings.providers.first?.upstream.timeouts.firstByte == .seconds(7))
        #expect(settings.upstream.timeouts.firstByte == .seconds(7) && settings.upstreamURL == "http://h:1")
        #expect(settings.redisURL == nil)
    }

    @Test(
        "reports its faults by the name of the variable",
        arguments: [
            (
                "SLUICE_WORKERS", "many",
                "SLUICE_WORKERS must be auto or a whole number from 1 to 256, not 'many'"
            ),
            (
                "SLUICE_ADMIN_KEY", "hunter2 x",
                "SLUICE_ADMIN_KEY must be a key of printable ASCII without spaces"
            ),
            ("SLUICE_AUTH_KEYS", "hunter2 x", "each of SLUICE_AUTH_KEYS must be a key"),
            ("OPENAI_API_KEY", "hunter2 x", "OPENAI_API_KEY must be a key"),
            ("OPENAI_BASE_URL", "//x", "OPENAI_BASE_URL must be an address such as"),
        ]) func faults(name: String, value: String, expected: String) throws
    {
        let error = try #require(throws: SettingsError.self) {
            _ = try Settings.load(file: nil, environment: [name: value])
        }
        #expect(error.problems.count == 1)
        #expect(error.description.hasPrefix("environment: \(expected)"), "\(error)")
        #expect(!error.description.contains("hunter2"))
    }

    @Test("warns of a variable that is not known, and says what may have been meant") func unknown() throws {
        let settings = try Settings.load(
            file: nil, environment: ["SLUICE_LISTN": "x", "SLUICE_OTHER_TOOL": "x"])
        #expect(settings.warnings.count == 2)
        #expect(
            settings.warnings.first
                == "unknown variable 'SLUICE_LISTN' is ignored; did you mean SLUICE_LISTEN?")
    }

    @Test("may hold what Kubernetes sets for a service named sluice") func kubernetes() throws {
        _ = try Settings.load(
            file: nil,
            environment: [
                "SLUICE_SERVICE_HOST": "10.0.0.1", "SLUICE_SERVICE_PORT": "80",
                "SLUICE_SERVICE_PORT_HTTP": "80",
                "SLUICE_PORT": "tcp://10.0.0.1:80", "SLUICE_PORT_80_TCP": "tcp://10.0.0.1:80",
                "SLUICE_PORT_80_TCP_ADDR": "10.0.0.1", "SLUICE_PORT_80_TCP_PROTO": "tcp",
            ])
    }

    @Test("gives the providers when no file does") func providers() throws {
        let settings = try Settings.load(
            file: nil,
            environment: [
                "OPENAI_API_KEY": "sk-a", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "GROQ_API_KEY": "g",
                "DEEPSEEK_API_KEY": "d", "OPENROUTER_API_KEY": "r", "MISTRAL_API_KEY": "",
                "OLLAMA_HOST": "0.0.0.0",
                "SLUICE_UPSTREAM_MAX_RETRIES": "0",
            ])
        #expect(
            settings.providers.map(\.name) == ["openai", "deepseek", "openrouter", "groq", "ollama", "sim"])
        #expect(
            settings.providers.map(\.baseURL) == [
                "http://127.0.0.1:9/v1", "https://api.deepseek.com/v1", "https://openrouter.ai/api/v1",
                "https://api.groq.com/openai/v1", "http://127.0.0.1:11434", "",
            ])
        #expect(settings.providers.first?.apiKey == Secret("sk-a"))
        #expect(settings.providers.first?.upstream.maxRetries == 0)
    }

    @Test("gives no provider when the file names its own") func fileWins() throws {
        let settings = try Settings.load(
            yaml: "providers: [{name: sim, kind: simulator}]", file: "f", environment: ["OPENAI_API_KEY": "k"]
        )
        #expect(settings.providers.map(\.name) == ["sim"])
    }

    @Test(
        "names Ollama's host as Ollama reads it",
        arguments: [
            ("host", "http://host:11434"), ("host:1", "http://host:1"),
            ("https://h", "https://h:443"),
            ("http://h:5/", "http://h:5"), (":7", "http://127.0.0.1:7"),
            ("[::1]", "http://[::1]:11434"),
        ]) func ollama(host: String, address: String) throws
    {
        let settings = try Settings.load(file: nil, environment: ["OLLAMA_HOST": host])
        #expect(settings.providers.first?.baseURL == address)
    }
}
