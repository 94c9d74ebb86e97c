// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Services
internal import Settings
internal import Storage

/// The prices that stand beside the models in the settings.
struct SettingsPricing: Pricing {
    /// Billionths for a million tokens.
    private struct Rates {
        let input: Int64
        let output: Int64
        let cached: Int64

        init(_ price: Price) {
            input = Rates.billionths(price.input)
            output = Rates.billionths(price.output)
            cached = price.cached.map { Rates.billionths($0) } ?? input
        }

        private static func billionths(_ price: Double) -> Int64 { Int64((price * 1e9).rounded()) }
    }

    private let exact: [String: Rates]
    /// The longest first.
    private let patterns: [(prefix: String, rates: Rates?)]

    init(_ models: [ModelSettings]) {
        var exact: [String: Rates] = [:]
        var patterns: [(prefix: String, rates: Rates?)] = []
        for model in models {
            let rates = model.price.map { Rates($0) }
            if model.name.hasSuffix("*") {
                patterns.append((String(model.name.dropLast()), rates))
            } else {
                exact[model.name] = rates
            }
        }
        self.exact = exact
        self.patterns = patterns.sorted { $0.prefix.utf8.count > $1.prefix.utf8.count }
        named = Set(models.map(\.name))
    }

    private let named: Set<String>

    func cost(of usage: TokenUsage, model: String) -> Money? {
        let found = named.contains(model) ? exact[model] : patterns.first { model.hasPrefix($0.prefix) }?.rates
        guard let found else { return nil }
        let input = max(0, usage.input ?? 0)
        let cached = min(input, max(0, usage.cached ?? 0))
        let parts = [(input - cached, found.input), (cached, found.cached), (max(0, usage.output ?? 0), found.output)]
        var sum: Int128 = 0
        for (tokens, rate) in parts { sum += Int128(tokens) * Int128(rate) }
        // In favour of the budget: a part of a billionth counts as one.
        return Money(nanos: Int64(clamping: (sum + 999_999) / 1_000_000))
    }
}
