// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

@Suite("PriceSettings") struct PriceSettingsTests {
    @Test(
        "reads decimals exactly, as millionths",
        arguments: [
            ("2.5", 2_500_000), ("10", 10_000_000), ("0", 0), ("0.000001", 1), ("0.075", 75_000), ("1000000", 1_000_000_000_000),
            ("0.1", 100_000), ("0.300000", 300_000),
        ] as [(String, Int64)])
    func reads(text: String, millionths: Int64) {
        #expect(PriceSettings.parse(text) == millionths)
    }

    @Test(
        "reads nothing else",
        arguments: [
            "", "-1", "+1", "1e3", ".5", "5.", "1.0000001", "1000001", "1000000.1", "nan", "1,5", "1.2.3", "٣", "0x1", " 1",
            "99999999999999999999",
        ])
    func refuses(text: String) {
        #expect(PriceSettings.parse(text) == nil)
    }

    @Test("reads prices of models that are addressed directly") func list() throws {
        let settings = try Settings.load(
            yaml: "prices:\n  - {model: openai/*, input: 1, output: 2, cache_write: 3, reasoning: 4}\n", file: "f",
            environment: [:])
        let price = try #require(settings.prices.first)
        #expect(price.model == "openai/*" && price.input == 1_000_000 && price.output == 2_000_000)
        #expect(price.cached == nil && price.cacheWrite == 3_000_000 && price.reasoning == 4_000_000)
    }

    @Test(
        "says what is wrong with a price",
        arguments: [
            ("prices: 1", "prices must be a list"), ("prices:\n  - {input: 1}", "a price needs a model"),
            ("prices:\n  - {model: gpt, input: 1}", "model must be 'provider/model'"),
            ("prices:\n  - {model: a/b, input: -1}", "input must be a price for a million tokens"),
            ("prices:\n  - {model: a/b, inputs: 1}", "unknown key 'inputs'"),
            ("prices:\n  - {model: a/b, output: 1}", "f:2: a price needs input, which may be 0"),
            ("prices:\n  - {model: a/b, input: 1, output: ~}", "f:2: a price needs output, which may be 0"),
            ("prices:\n  - {model: a/*, input: 1, output: 1}\n  - {model: a/*, input: 2, output: 2}", "f:3: there are two"),
            ("models: [{name: m, deployments: [{provider: sim}], price: {output: 1}}]", "a price needs input"),
        ])
    func problems(yaml: String, message: String) {
        #expect {
            try Settings.load(yaml: yaml, file: "f", environment: [:])
        } throws: { error in
            "\(error)".contains(message)
        }
    }

    @Test("reads how the audit is kept, ages in days too") func audit() throws {
        let settings = try Settings.load(
            yaml: "audit: {content: none, on_failure: closed, retention: 90d, queue_rows: 100, flush_interval: 50ms}", file: "f",
            environment: ["SLUICE_AUDIT_PATIENCE": "2s"])
        var wanted = AuditSettings()
        (wanted.content, wanted.onFailure, wanted.retention) = (.none, .closed, .seconds(90 * 86_400))
        (wanted.queueRows, wanted.flushInterval, wanted.patience) = (100, .milliseconds(50), .seconds(2))
        #expect(settings.audit == wanted)
    }
}
