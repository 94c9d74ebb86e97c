// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// The `usage` object of chat completions, in the spellings of those who speak the dialect.
enum OpenAIUsage {
    /// Reads the members behind the object's brace, to its end.
    static func read(
        with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) -> TokenUsage {
        var usage = TokenUsage()
        var total: Int?
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            if value.kind == .beginObject {
                if key.equals("prompt_tokens_details", in: data)
                    || key.equals("completion_tokens_details", in: data)
                {
                    try readDetails(into: &usage, with: &tokenizer, of: data)
                    continue
                }
            } else if let number = count(value, in: data) {
                if key.equals("prompt_tokens", in: data) {
                    usage.input = number
                } else if key.equals("completion_tokens", in: data) {
                    usage.output = number
                } else if key.equals("total_tokens", in: data) {
                    total = number
                } else if key.equals("prompt_cache_hit_tokens", in: data)
                    || key.equals("cache_read_input_tokens", in: data)
                    || key.equals("cached_tokens", in: data)
                {
                    usage.cached = usage.cached ?? number
                } else if key.equals("cache_creation_input_tokens", in: data)
                    || key.equals("cache_created_input_tokens", in: data)
                {
                    usage.cacheWritten = usage.cacheWritten ?? number
                }
            }
            _ = try tokenizer.skip(value, in: data)
        }
        usage.addHiddenReasoning(total: total)
        return usage
    }

    private static func readDetails(
        into usage: inout TokenUsage, with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if let number = count(value, in: data) {
                if key.equals("cached_tokens", in: data) {
                    usage.cached = number
                } else if key.equals("cache_write_tokens", in: data) {
                    usage.cacheWritten = number
                } else if key.equals("reasoning_tokens", in: data) {
                    usage.reasoning = number
                }
            }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    /// A count of tokens; what is negative or not whole was not counted.
    private static func count(_ token: JSONToken, in data: Span<UInt8>) -> Int? {
        guard let number = token.integer(in: data), number >= 0 else { return nil }
        return number
    }

    /// Writes the object.
    static func write(_ usage: TokenUsage, with json: inout JSONWriter) {
        json.object { json in
            json.member("prompt_tokens", usage.input ?? 0)
            json.member("completion_tokens", usage.output ?? 0)
            json.member("total_tokens", usage.total)
            if usage.cached != nil || usage.cacheWritten != nil {
                json.member(
                    "prompt_tokens_details",
                    object: { json in
                        if let cached = usage.cached { json.member("cached_tokens", cached) }
                        if let written = usage.cacheWritten { json.member("cache_write_tokens", written) }
                    })
            }
            if let reasoning = usage.reasoning {
                json.member(
                    "completion_tokens_details",
                    object: { json in
                        json.member("reasoning_tokens", reasoning)
                    })
            }
        }
    }
}
