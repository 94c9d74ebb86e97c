// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Token counts as an upstream reported them; `nil` means not reported, which is not the same as 0.
package struct TokenUsage: Equatable, Sendable {
    /// Tokens of the prompt, cached ones included.
    package var input: Int?
    /// Tokens of the answer, reasoning included.
    package var output: Int?
    /// The part of `input` read from a cache.
    package var cached: Int?
    /// The part of `input` written to a cache.
    package var cacheWritten: Int?
    /// The part of `output` spent on reasoning.
    package var reasoning: Int?

    package init(
        input: Int? = nil, output: Int? = nil, cached: Int? = nil, cacheWritten: Int? = nil,
        reasoning: Int? = nil
    ) {
        self.input = input
        self.output = output
        self.cached = cached
        self.cacheWritten = cacheWritten
        self.reasoning = reasoning
    }

    /// Input and output together, what was not reported counting as 0.
    package var total: Int { TokenUsage.sum(input ?? 0, output ?? 0) }

    /// What two answers cost together; a count is reported when one of them reported it.
    package static func + (first: TokenUsage, second: TokenUsage) -> TokenUsage {
        TokenUsage(
            input: sum(first.input, second.input),
            output: sum(first.output, second.output),
            cached: sum(first.cached, second.cached),
            cacheWritten: sum(first.cacheWritten, second.cacheWritten),
            reasoning: sum(first.reasoning, second.reasoning)
        )
    }

    /// Takes over every count that a later report of the same answer has.
    package mutating func update(with later: TokenUsage) {
        input = later.input ?? input
        output = later.output ?? output
        cached = later.cached ?? cached
        cacheWritten = later.cacheWritten ?? cacheWritten
        reasoning = later.reasoning ?? reasoning
    }

    private static func sum(_ first: Int?, _ second: Int?) -> Int? {
        guard let first else { return second }
        return sum(first, second ?? 0)
    }

    /// Upstreams make the counts, so a sum may not trap.
    private static func sum(_ first: Int, _ second: Int) -> Int {
        let (sum, isTooLarge) = first.addingReportingOverflow(second)
        return isTooLarge ? (first < 0 ? .min : .max) : sum
    }
}
