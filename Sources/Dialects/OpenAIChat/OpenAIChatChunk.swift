// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// One chunk of a stream, or one whole completion, read for its syntax alone.
///
/// What it says is kept in plain values that are judged only when the chunk proved to be JSON to its
/// last byte, so that half an event changes nothing. The storage is reused from chunk to chunk.
struct OpenAIChatChunk: Sendable {
    /// A piece of one choice, in the order of the chunk.
    struct Fragment: Sendable {
        enum Content: Sendable {
            case role
            case text(Range<Int>)
            case refusal(Range<Int>)
            case reasoning(Range<Int>)
            case reasoningSignature(Range<Int>)
            case redactedReasoning(Range<Int>)
            case tool(ToolFragment)
            case citation(url: Range<Int>, title: Range<Int>)
            case image(mediaType: Range<Int>, base64: Range<Int>)
            case logprobs(Range<Int>)
            case finish(JSONToken)
        }
        var choice: Int
        var content: Content
    }

    /// A piece of a tool call.
    struct ToolFragment: Sendable {
        var index: Int
        /// Whether the index was given, and not counted.
        var isPlaced = false
        var isCustom = false
        var id = 0..<0
        var name = 0..<0
        var arguments = 0..<0
        /// Whether the arguments are JSON as it stands, and not the inside of a string.
        var isRaw = false
        var signature = 0..<0
    }

    private(set) var fragments: [Fragment] = []
    private(set) var modelRange: Range<Int>?
    private(set) var usageMember: Range<Int>?
    private(set) var usage: TokenUsage?
    /// The value of a top-level `error` that is not `null`.
    private(set) var error: Range<Int>?
    /// The inside of a member that only hides the length of the others.
    private(set) var padding: Range<Int>?
    /// The number of choices; `nil` without an array of them.
    private(set) var choiceCount: Int?

    /// Whether choices hold a `message`; some streams repeat it beside each `delta`.
    private let isWhole: Bool
    private var tokenizer = JSONTokenizer()
    /// Whether usage stood where it belongs; elsewhere (`x_groq`, in a choice) it is only the next best.
    private var hasOwnUsage = false

    /// A reader of chunks, or of whole completions.
    init(isWhole: Bool = false) {
        self.isWhole = isWhole
    }

    /// Reads a chunk, forgetting the one before.
    mutating func read(_ data: Span<UInt8>) throws(JSONError) {
        fragments.removeAll(keepingCapacity: true)
        modelRange = nil
        usageMember = nil
        usage = nil
        error = nil
        padding = nil
        choiceCount = nil
        hasOwnUsage = false
        // Upstreams cut text between chunks, also between the halves of a pair.
        tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let first = try tokenizer.next(in: data)
        guard first.kind == .beginObject else { throw JSONError(.unexpectedByte, at: first.range.lowerBound) }
        try readMembers(of: data)
        _ = try tokenizer.next(in: data)
    }

    /// Whether a choice ended because the vendor's own connection did, as GLM tells it.
    func isBrokenOff(_ data: Span<UInt8>) -> Bool {
        fragments.contains { fragment in
            if case .finish(let token) = fragment.content { token.equals("network_error", in: data) } else { false }
        }
    }

    private mutating func readMembers(of data: Span<UInt8>) throws(JSONError) {
        // Where the member before ended; a member is dropped from there, with its comma.
        var end: Int?
        var isUsageFirst = false
        while true {
            let key = try tokenizer.next(in: data)
            if isUsageFirst, let member = usageMember, key.kind == .key {
                usageMember = member.lowerBound..<key.range.lowerBound &- 1
            }
            isUsageFirst = false
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            switch ChunkKey(key, in: data) {
            case .model:
                if value.kind == .string { modelRange = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .choices where value.kind == .beginArray:
                try readChoices(of: data)
            case .usage:
                if let found = try readUsage(value, of: data) {
                    usage = found
                    hasOwnUsage = true
                }
                usageMember = (end ?? key.range.lowerBound &- 1)..<tokenizer.position
                isUsageFirst = end == nil
            case .groq where value.kind == .beginObject:
                try readVendorUsage(of: data)
            case .padding:
                if value.kind == .string { padding = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .error:
                let range = try tokenizer.skip(value, in: data)
                if value.kind != .null, value.kind != .false, !value.range.isEmpty { error = range }
            default:
                _ = try tokenizer.skip(value, in: data)
            }
            end = tokenizer.position
        }
    }

    private mutating func readChoices(of data: Span<UInt8>) throws(JSONError) {
        var count = 0
        while true {
            let token = try tokenizer.next(in: data)
            guard token.kind != .endArray else { break }
            if token.kind == .beginObject {
                try readChoice(count, of: data)
            } else {
                _ = try tokenizer.skip(token, in: data)
            }
            count &+= 1
        }
        choiceCount = count
    }

    /// Reads a choice; the index may come after what it is about, so it is set at the end.
    private mutating func readChoice(_ position: Int, of data: Span<UInt8>) throws(JSONError) {
        let first = fragments.count
        var index = position
        var finish: JSONToken?
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            switch ChunkKey(key, in: data) {
            case .index:
                index = value.integer(in: data) ?? position
                _ = try tokenizer.skip(value, in: data)
            case .delta where value.kind == .beginObject && !isWhole,
                .message where value.kind == .beginObject && isWhole:
                try readDelta(of: data)
            case .finishReason:
                if value.kind == .string, !value.range.isEmpty { finish = value }
                _ = try tokenizer.skip(value, in: data)
            case .usage:
                if let found = try readUsage(value, of: data), !hasOwnUsage { usage = found }
            case .logprobs where value.kind == .beginObject:
                try readLogprobs(of: data)
            default:
                _ = try tokenizer.skip(value, in: data)
            }
        }
        if let finish { fragments.append(Fragment(choice: index, content: .finish(finish))) }
        for place in first..<fragments.count { fragments[place].choice = index }
    }

    /// Keeps the elements of `content`, and failing that of `refusal`, without their brackets.
    private mutating func readLogprobs(of data: Span<UInt8>) throws(JSONError) {
        var elements = 0..<0
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            let range = try tokenizer.skip(value, in: data)
            guard value.kind == .beginArray, elements.isEmpty else { continue }
            var inside = range.lowerBound &+ 1..<range.upperBound &- 1
            while !inside.isEmpty, data[inside.lowerBound] <= ASCII.space { inside = inside.dropFirst() }
            elements = inside
        }
        if !elements.isEmpty { fragments.append(Fragment(choice: 0, content: .logprobs(elements))) }
    }

    private mutating func readVendorUsage(of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if ChunkKey(key, in: data) == .usage {
                if let found = try readUsage(value, of: data), !hasOwnUsage { usage = found }
            } else {
                _ = try tokenizer.skip(value, in: data)
            }
        }
    }

    private mutating func readUsage(
        _ value: JSONToken, of data: Span<UInt8>
    ) throws(JSONError) -> TokenUsage? {
        guard value.kind == .beginObject else {
            _ = try tokenizer.skip(value, in: data)
            return nil
        }
        return try OpenAIUsage.read(with: &tokenizer, of: data)
    }

    private mutating func readDelta(of data: Span<UInt8>) throws(JSONError) {
        var reader = OpenAIDeltaReader(tokenizer: tokenizer)
        // Lent, not copied: one owner at a time appends in place.
        swap(&reader.fragments, &fragments)
        defer {
            swap(&reader.fragments, &fragments)
            tokenizer = reader.tokenizer
        }
        try reader.read(data)
    }
}
