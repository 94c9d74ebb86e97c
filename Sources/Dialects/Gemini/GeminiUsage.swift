// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// The counts of `usageMetadata`, which are cumulative and not all on every chunk: the last of each is valid.
struct GeminiUsage: Equatable, Sendable {
    private var prompt: Int?
    private var toolUse: Int?
    private var candidates: Int?
    private var thoughts: Int?
    private var cached: Int?

    /// Whether nothing was counted so far.
    var isEmpty: Bool { self == GeminiUsage() }

    /// The counts in the hub's terms: the input includes what tools were given, the output includes thoughts.
    var tokens: TokenUsage {
        TokenUsage(
            input: GeminiUsage.sum(prompt, toolUse), output: GeminiUsage.sum(candidates, thoughts), cached: cached,
            reasoning: thoughts)
    }

    /// Reads the members behind the object's brace, to its end.
    static func read(with tokenizer: inout JSONTokenizer, of data: Span<UInt8>) throws(JSONError) -> GeminiUsage {
        var usage = GeminiUsage()
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return usage }
            let value = try tokenizer.next(in: data)
            if let number = value.integer(in: data), number >= 0 {
                if key.equals("promptTokenCount", in: data) {
                    usage.prompt = number
                } else if key.equals("candidatesTokenCount", in: data) {
                    usage.candidates = number
                } else if key.equals("thoughtsTokenCount", in: data) {
                    usage.thoughts = number
                } else if key.equals("toolUsePromptTokenCount", in: data) {
                    usage.toolUse = number
                } else if key.equals("cachedContentTokenCount", in: data) {
                    usage.cached = number
                }
            }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    /// Takes over every count of a later chunk.
    mutating func update(with later: GeminiUsage) {
        prompt = later.prompt ?? prompt
        toolUse = later.toolUse ?? toolUse
        candidates = later.candidates ?? candidates
        thoughts = later.thoughts ?? thoughts
        cached = later.cached ?? cached
    }

    /// Writes the object.
    static func write(_ usage: TokenUsage, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in
            json.object { json in
                let output = max(0, usage.output ?? 0)
                let thoughts = min(output, max(0, usage.reasoning ?? 0))
                json.member("promptTokenCount", max(0, usage.input ?? 0))
                if let cached = usage.cached { json.member("cachedContentTokenCount", max(0, cached)) }
                if usage.output != nil { json.member("candidatesTokenCount", output &- thoughts) }
                if usage.reasoning != nil { json.member("thoughtsTokenCount", thoughts) }
                json.member("totalTokenCount", max(0, usage.total))
            }
        }
    }

    /// Upstream makes the counts, so a sum may not trap.
    private static func sum(_ first: Int?, _ second: Int?) -> Int? {
        guard let first else { return second }
        let (sum, isTooLarge) = first.addingReportingOverflow(second ?? 0)
        return isTooLarge ? .max : sum
    }
}
