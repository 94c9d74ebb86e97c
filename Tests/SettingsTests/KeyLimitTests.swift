// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

@Suite("Limits of keys in the settings") struct KeyLimitTests {
    private func load(_ yaml: String, _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(yaml: yaml, file: "f.yaml", environment: environment)
    }

    @Test("are read from the file and by variables")
    func all() throws {
        let settings = try load(
            """
            auth:
              enabled: true
              keys: [sk-one]
              default_limits: {requests_per_minute: 10, tokens_per_minute: 2000, concurrent: 3, tokens_per_month: 1,
                               money_per_day: 2.5, money_per_month: "0.000000001"}
              default_reservation: 100
              limits_on_failure: closed
            redis_url: redis://localhost
            redis_timeout: 200ms
            """, ["SLUICE_AUTH_DEFAULT_LIMITS_TOKENS_PER_DAY": "77"])
        var expected = LimitRuleSettings()
        expected.requestsPerMinute = 10
        expected.tokensPerMinute = 2000
        expected.concurrent = 3
        expected.tokensPerDay = 77
        expected.tokensPerMonth = 1
        expected.moneyPerDay = 2_500_000_000
        expected.moneyPerMonth = 1
        #expect(settings.auth.defaultLimits == expected)
        #expect(settings.auth.defaultReservation == 100 && settings.auth.limitsOnFailure == .closed)
        #expect(settings.redisTimeout == .milliseconds(200))
        #expect(settings.warnings.isEmpty)
    }

    @Test("that are no amount are errors", arguments: ["-1", "0", "1e3", "1.0000000001", ".5", "5.", "1,5", "9999999999", "nan"])
    func wrong(_ amount: String) {
        #expect(throws: SettingsError.self) { try load("auth: {default_limits: {money_per_day: \"\(amount)\"}}") }
    }

    @Test("that nothing would pass are errors") func nothing() {
        #expect(throws: SettingsError.self) { try load("auth: {default_limits: {concurrent: 0}}") }
    }

    @Test("without keys to be limited are warned about, and TLS to Redis is an error that says so")
    func odd() throws {
        #expect(try load("auth: {default_limits: {concurrent: 1}}").warnings.contains { $0.contains("default_limits") })
        let problem = #expect(throws: SettingsError.self) { try load("redis_url: rediss://:hunter2@host") }
        #expect("\(problem!)".contains("TLS") && !"\(problem!)".contains("hunter2"))
    }
}
