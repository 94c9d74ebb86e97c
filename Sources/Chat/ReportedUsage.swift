// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Counts of tokens under the names that the APIs give them, for who does not know which of them an upstream speaks.
///
/// Most of the names tell whose they are, and so what is part of what.
package struct ReportedUsage: Sendable, Equatable {
    /// What is counted, and by whose rule.
    private enum Count: Sendable {
        /// OpenAI's chat, completions and embeddings, in the spellings of those who speak the dialect.
        case prompt, completion, total, cached, cacheHit, cacheWrite
        /// Responses' and Anthropic's. Of Anthropic's, `input` leaves out what the two others count.
        case input, output, cacheRead, cacheCreated
        case reasoning
        /// Gemini's: tools and thoughts come on top.
        case geminiPrompt, geminiTools, geminiCached, candidates, thoughts
        /// Ollama's own.
        case evaluatedPrompt, evaluated
    }

    private static let names: [String: Count] = [
        "prompt_tokens": .prompt, "completion_tokens": .completion, "total_tokens": .total, "cached_tokens": .cached,
        "prompt_cache_hit_tokens": .cacheHit, "cache_write_tokens": .cacheWrite, "input_tokens": .input,
        "output_tokens": .output, "cache_read_input_tokens": .cacheRead, "cache_creation_input_tokens": .cacheCreated,
        "cache_created_input_tokens": .cacheCreated, "reasoning_tokens": .reasoning, "thinking_tokens": .reasoning,
        "promptTokenCount": .geminiPrompt, "toolUsePromptTokenCount": .geminiTools, "cachedContentTokenCount": .geminiCached,
        "candidatesTokenCount": .candidates, "thoughtsTokenCount": .thoughts, "prompt_eval_count": .evaluatedPrompt,
        "eval_count": .evaluated,
    ]

    private var counts: [Count: Int] = [:]

    package init() {}

    /// Whether a name is that of an object, within the counts, which divides one of them up.
    package static func isDetails(_ name: String) -> Bool {
        ["prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details"].contains(name)
    }

    /// Whether a name is that of a count which stands in the answer itself, as Ollama's do, and not in an object for counts.
    package static func standsAlone(_ name: String) -> Bool { name == "prompt_eval_count" || name == "eval_count" }

    /// Takes a count by its name, in place of what was told under that name before; what is negative, or has another name, is not
    /// counted.
    package mutating func take(_ name: String, _ count: Int) {
        guard count >= 0, let known = ReportedUsage.names[name] else { return }
        counts[known] = count
    }

    /// The counts in the hub's terms; `nil` when there are none.
    package var tokens: TokenUsage? {
        guard !counts.isEmpty else { return nil }
        var usage = TokenUsage()
        usage.cached = counts[.cached] ?? counts[.cacheHit] ?? counts[.cacheRead] ?? counts[.geminiCached]
        usage.cacheWritten = counts[.cacheWrite] ?? counts[.cacheCreated]
        usage.reasoning = counts[.reasoning] ?? counts[.thoughts]
        usage.input = counts[.prompt] ?? input ?? sum(.geminiPrompt, .geminiTools) ?? counts[.evaluatedPrompt]
        usage.output = counts[.completion] ?? counts[.output] ?? sum(.candidates, .thoughts) ?? counts[.evaluated]
        usage.addHiddenReasoning(total: counts[.total])
        return usage == TokenUsage() ? nil : usage
    }

    private var input: Int? {
        guard let plain = counts[.input] else { return nil }
        let cache = TokenUsage(input: counts[.cacheRead]) + TokenUsage(input: counts[.cacheCreated])
        return (TokenUsage(input: plain) + cache).input
    }

    private func sum(_ first: Count, _ second: Count) -> Int? {
        (TokenUsage(input: counts[first]) + TokenUsage(input: counts[second])).input
    }
}

extension TokenUsage {
    /// Adds reasoning that was left out of the output, as xAI does; the total of input and output tells, and only then it is added.
    package mutating func addHiddenReasoning(total: Int?) {
        guard let input, let output, let reasoning, let total, reasoning > 0 else { return }
        let (whole, isTooLarge) = output.addingReportingOverflow(reasoning)
        if !isTooLarge, total.subtractingReportingOverflow(input) == (whole, false) { self.output = whole }
    }
}
