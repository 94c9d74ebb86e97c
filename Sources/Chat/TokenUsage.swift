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
}
