// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Storage
import Testing

@testable import Services

@Suite("Price") struct PriceTests {
    /// 2.5 and 10 for a million, 1.25 from the cache, 3.125 into it.
    static let price = Price(input: 2_500_000, output: 10_000_000, cached: 1_250_000, cacheWrite: 3_125_000)

    @Test("adds a million charges of 0.0000001 up to 0.1, exactly") func exact() {
        // A tenth of a millionth is what one token at 0.1 for a million costs.
        let price = Price(input: 100_000, output: 0)
        var sum = Money.zero
        for _ in 0..<1_000_000 { sum = sum + price.cost(of: TokenUsage(input: 1)) }
        #expect(sum == Money(nanos: 100_000_000))
        #expect(price.cost(of: TokenUsage(input: 1_000_000)) == sum)
    }

    @Test(
        "prices each class apart, cached tokens as part of input and reasoning as part of output",
        arguments: [
            (TokenUsage(input: 1_000_000, output: 0), 2_500_000_000),
            (TokenUsage(input: 1_000_000, output: 0, cached: 400_000), 2_000_000_000),
            (TokenUsage(input: 1_000_000, output: 0, cached: 400_000, cacheWritten: 200_000), 2_125_000_000),
            (TokenUsage(input: 0, output: 1_000_000, reasoning: 900_000), 10_000_000_000),
            (TokenUsage(input: 7, output: 3), 47_500),
            (TokenUsage(), 0),
        ] as [(TokenUsage, Int64)])
    func classes(usage: TokenUsage, nanos: Int64) {
        #expect(Self.price.cost(of: usage) == Money(nanos: nanos))
    }

    @Test("prices reasoning by its own price where there is one") func reasoning() {
        let price = Price(input: 0, output: 10_000_000, reasoning: 4_000_000)
        #expect(price.cost(of: TokenUsage(output: 10, reasoning: 6)) == Money(nanos: 64_000))
    }

    @Test("rounds what is less than a billionth up, never down to nothing") func roundsUp() {
        #expect(Price(input: 1, output: 0).cost(of: TokenUsage(input: 1)) == Money(nanos: 1))
        #expect(Price(input: 1, output: 0).cost(of: TokenUsage(input: 1000)) == Money(nanos: 1))
        #expect(Price(input: 1, output: 0).cost(of: TokenUsage(input: 1001)) == Money(nanos: 2))
    }

    @Test(
        "gives no credit for counts that are negative or more than their whole",
        arguments: [
            (TokenUsage(input: -5, output: -5), 0),
            (TokenUsage(input: 10, output: 0, cached: -1000), 25_000),
            (TokenUsage(input: 10, output: 0, cached: 1000), 12_500),
            (TokenUsage(input: 10, output: 0, cached: 10, cacheWritten: 10), 12_500),
            (TokenUsage(input: .min, output: 1, reasoning: .max), 10_000),
        ] as [(TokenUsage, Int64)])
    func noCredit(usage: TokenUsage, nanos: Int64) {
        #expect(Self.price.cost(of: usage) == Money(nanos: nanos))
    }

    @Test("costs the most that can be said when the counts are absurd") func saturates() {
        #expect(Self.price.cost(of: TokenUsage(input: .max, output: .max)) == Money(nanos: .max))
    }

    @Test(
        "finds a price by the exact name first, then by the longest pattern",
        arguments: [
            ("openai", "gpt-4o", 1), ("openai", "gpt-5", 2), ("openai", "ft/x", 3), ("other", "gpt-4o", 4),
        ] as [(String, String, Int64)])
    func table(provider: String, model: String, input: Int64) {
        let table = PriceTable(
            [("*", 4), ("openai/*", 2), ("openai/gpt-4o", 1), ("openai/ft/*", 3)].map {
                (model: $0.0, price: Price(input: $0.1, output: 0))
            })
        #expect(table.price(provider: provider, model: model)?.input == input)
        #expect(PriceTable().price(provider: provider, model: model) == nil)
    }
}

@Suite("UsageEstimate") struct UsageEstimateTests {
    @Test("leaves alone what the provider reported of a whole answer") func reported() {
        let estimate = UsageEstimate(input: 100, seenBytes: 4000, isComplete: true)
        let (usage, isEstimated) = estimate.completing(TokenUsage(input: 3, output: 5))
        #expect(usage == TokenUsage(input: 3, output: 5) && !isEstimated)
    }

    @Test("counts a token for four bytes where nothing was reported") func absent() {
        let (usage, isEstimated) = UsageEstimate(input: 100, seenBytes: 41, isComplete: true).completing(nil)
        #expect(usage == TokenUsage(input: 100, output: 11) && isEstimated)
    }

    @Test("counts what was seen of an answer that was cut short") func cut() {
        let estimate = UsageEstimate(input: 100, seenBytes: 400, isComplete: false)
        #expect(estimate.completing(TokenUsage(input: 7, output: 1)).usage == TokenUsage(input: 7, output: 100))
        #expect(estimate.completing(TokenUsage(input: 7, output: 1)).isEstimated)
        #expect(estimate.completing(TokenUsage(input: 7, output: 300)).usage == TokenUsage(input: 7, output: 300))
    }

    @Test("does not make output up for what has none, such as embeddings") func noOutput() {
        let (usage, isEstimated) = UsageEstimate(input: 9, seenBytes: 0, isComplete: true).completing(TokenUsage(input: 4))
        #expect(usage == TokenUsage(input: 4) && !isEstimated)
    }

    @Test("makes no count negative") func negative() {
        let reported = TokenUsage(input: -1, output: -2, cached: -3, cacheWritten: -4, reasoning: -5)
        let (usage, _) = UsageEstimate(input: 0, seenBytes: 0, isComplete: true).completing(reported)
        #expect(usage == TokenUsage(input: 0, output: 0, cached: 0, cacheWritten: 0, reasoning: 0))
    }
}
