// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Storage

/// What a token costs, in trillionths of the unit of money: what a million tokens cost, in millionths.
///
/// Whole numbers throughout, so that a million small charges are what one large one is.
package struct Price: Sendable, Equatable {
    /// Of a token of input.
    package var input: Int64
    /// Of a token of output.
    package var output: Int64
    /// Of a token of input that was read from a cache; `nil` costs as much as input.
    package var cached: Int64?
    /// Of a token of input that was written to a cache; `nil` costs as much as input.
    package var cacheWrite: Int64?
    /// Of a token of output that was spent on reasoning; `nil` costs as much as output.
    package var reasoning: Int64?

    package init(
        input: Int64, output: Int64, cached: Int64? = nil, cacheWrite: Int64? = nil, reasoning: Int64? = nil
    ) {
        self.input = input
        self.output = output
        self.cached = cached
        self.cacheWrite = cacheWrite
        self.reasoning = reasoning
    }

    /// What an answer costs: each class of tokens by its own price, rounded up to a billionth.
    ///
    /// Counts come from outside: a negative one counts as 0, a part counts as no more than its whole, and what no `Int64` can hold
    /// costs the most that one can.
    package func cost(of usage: TokenUsage) -> Money {
        let input = max(0, usage.input ?? 0)
        let cached = min(input, max(0, usage.cached ?? 0))
        let written = min(input &- cached, max(0, usage.cacheWritten ?? 0))
        let output = max(0, usage.output ?? 0)
        let reasoning = min(output, max(0, usage.reasoning ?? 0))
        // Five products of 63 bits each fit in 128.
        let picos =
            Price.times(input &- cached &- written, self.input)
            + Price.times(cached, self.cached ?? self.input)
            + Price.times(written, cacheWrite ?? self.input)
            + Price.times(output &- reasoning, self.output)
            + Price.times(reasoning, self.reasoning ?? self.output)
        return Money(nanos: Int64(clamping: (picos + 999) / 1000))
    }

    private static func times(_ tokens: Int, _ price: Int64) -> Int128 {
        Int128(tokens) * Int128(max(0, price))
    }
}

/// The prices of models by the provider's name and its name for the model.
package struct PriceTable: Sendable {
    private let exact: [String: Price]
    /// The text before the star, the longest first.
    private let patterns: [(prefix: String, price: Price)]

    /// A table of prices for `provider/model`, `provider/prefix/*`, `provider/*` or `*`; of two for the same the first counts.
    package init(_ prices: [(model: String, price: Price)] = []) {
        exact = Dictionary(prices.filter { !$0.model.hasSuffix("*") }.map { ($0.model, $0.price) }) { first, _ in first }
        patterns = prices.filter { $0.model.hasSuffix("*") }
            .map { (prefix: String($0.model.dropLast()), price: $0.price) }
            .sorted { $0.prefix.utf8.count > $1.prefix.utf8.count }
    }

    /// The price of a provider's model; an exact name goes before patterns, a longer pattern before a shorter one.
    package func price(provider: String, model: String) -> Price? {
        guard !exact.isEmpty || !patterns.isEmpty else { return nil }
        let name = "\(provider)/\(model)"
        return exact[name] ?? patterns.first { name.hasPrefix($0.prefix) }?.price
    }
}
