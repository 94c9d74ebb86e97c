// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// The `usage` object of a response, whose input holds what was cached and whose output holds the reasoning.
enum ResponsesUsage {
    /// Reads the object at a range of checked JSON; `nil` when it counts nothing.
    static func read(_ range: Range<Int>, of data: Span<UInt8>) -> TokenUsage? {
        guard let value = try? JSONValue(parsing: data.extracting(range), allowsLoneSurrogates: true) else { return nil }
        let input = value["input_tokens_details"]
        let usage = TokenUsage(
            input: count(value["input_tokens"]),
            output: count(value["output_tokens"]),
            cached: count(input?["cached_tokens"]),
            cacheWritten: count(input?["cache_write_tokens"]),
            reasoning: count(value["output_tokens_details"]?["reasoning_tokens"])
        )
        return usage == TokenUsage() ? nil : usage
    }

    private static func count(_ value: JSONValue?) -> Int? {
        guard let number = value?.integer, number >= 0 else { return nil }
        return number
    }

    /// Writes the object, with the details that every client's type has.
    static func write(_ usage: TokenUsage, with json: inout JSONWriter) {
        json.object { json in
            json.member("input_tokens", usage.input ?? 0)
            json.member(
                "input_tokens_details",
                object: { json in
                    json.member("cached_tokens", usage.cached ?? 0)
                    json.member("cache_write_tokens", usage.cacheWritten ?? 0)
                })
            json.member("output_tokens", usage.output ?? 0)
            json.member("output_tokens_details", object: { $0.member("reasoning_tokens", usage.reasoning ?? 0) })
            json.member("total_tokens", usage.total)
        }
    }
}
