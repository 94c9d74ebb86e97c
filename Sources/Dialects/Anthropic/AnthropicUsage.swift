// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// The `usage` object of Messages, whose counts of input leave out what came from a cache or went into it.
struct AnthropicUsage: Equatable, Sendable {
    private var input: Int?
    private var cacheRead: Int?
    private var cacheWritten: Int?
    private var output: Int?
    private var thinking: Int?

    /// Reads the members behind the object's brace, to its end; a count that is missing keeps its value.
    mutating func read(with tokenizer: inout JSONTokenizer, of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if value.kind == .beginObject, key.equals("output_tokens_details", in: data) {
                // It holds `thinking_tokens`, which no other level of usage has.
                try read(with: &tokenizer, of: data)
                continue
            }
            if let number = value.integer(in: data), number >= 0 {
                if key.equals("input_tokens", in: data) {
                    input = number
                } else if key.equals("output_tokens", in: data) {
                    output = number
                } else if key.equals("cache_read_input_tokens", in: data) {
                    cacheRead = number
                } else if key.equals("cache_creation_input_tokens", in: data) {
                    cacheWritten = number
                } else if key.equals("thinking_tokens", in: data) {
                    thinking = number
                }
            }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    /// Takes over every count that a later report has: the counts are cumulative, so nothing is added up.
    mutating func update(with later: AnthropicUsage) {
        input = later.input ?? input
        cacheRead = later.cacheRead ?? cacheRead
        cacheWritten = later.cacheWritten ?? cacheWritten
        output = later.output ?? output
        thinking = later.thinking ?? thinking
    }

    /// The counts in the hub's terms.
    var tokens: TokenUsage {
        let parts = TokenUsage(input: input) + TokenUsage(input: cacheRead) + TokenUsage(input: cacheWritten)
        return TokenUsage(
            input: input == nil ? nil : parts.input, output: output, cached: cacheRead, cacheWritten: cacheWritten,
            reasoning: thinking)
    }

    /// Writes the object; `estimate` stands for input that nobody has counted.
    static func write(_ usage: TokenUsage, estimate: Int, with json: inout JSONWriter) {
        let (cached, written) = (max(0, usage.cached ?? 0), max(0, usage.cacheWritten ?? 0))
        json.object { json in
            // Each difference is of numbers that are not negative, so none overflows.
            let rest = max(0, max(0, usage.input ?? estimate) &- cached)
            json.member("input_tokens", max(0, rest &- written))
            if usage.cacheWritten != nil { json.member("cache_creation_input_tokens", written) }
            if usage.cached != nil { json.member("cache_read_input_tokens", cached) }
            json.member("output_tokens", max(0, usage.output ?? 0))
            if let reasoning = usage.reasoning {
                json.member("output_tokens_details", object: { $0.member("thinking_tokens", max(0, reasoning)) })
            }
        }
    }
}
