// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Reads what a choice adds: the `delta` of a chunk, or the `message` of a completion.
struct OpenAIDeltaReader {
    typealias Fragment = OpenAIChatChunk.Fragment
    typealias ToolFragment = OpenAIChatChunk.ToolFragment

    /// The members in which some upstreams tell the same reasoning.
    enum ReasoningSource { case plain, details }

    /// The pieces read; their choice is set by who knows it.
    var fragments: [Fragment] = []
    var tokenizer: JSONTokenizer
    /// Where this delta's reasoning was found first; the other source repeats it.
    var reasoningSource: ReasoningSource?

    init(tokenizer: JSONTokenizer) {
        self.tokenizer = tokenizer
    }

    /// Reads the members behind an object's brace, to its end.
    mutating func read(_ data: Span<UInt8>) throws(JSONError) {
        let first = fragments.count
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            let start = fragments.count
            switch ChunkKey(key, in: data) {
            case .role:
                if value.kind == .string { add(.role) }
                _ = try tokenizer.skip(value, in: data)
            case .content:
                try readContent(value, of: data)
                moveMember(from: start, of: first, isReasoning: false)
            case .refusal:
                if value.kind == .string, !value.range.isEmpty { add(.refusal(value.range)) }
                _ = try tokenizer.skip(value, in: data)
            case .reasoning:
                if value.kind == .string { addReasoning(value.range) }
                _ = try tokenizer.skip(value, in: data)
                moveMember(from: start, of: first, isReasoning: true)
            case .reasoningDetails where value.kind == .beginArray:
                try readReasoningDetails(of: data)
                moveMember(from: start, of: first, isReasoning: true)
            case .annotations where value.kind == .beginArray:
                try readAnnotations(of: data)
            case .images where value.kind == .beginArray:
                try readImages(of: data)
            case .toolCalls where value.kind == .beginArray:
                try readToolCalls(of: data)
            case .functionCall where value.kind == .beginObject:
                // The legacy form: at most one call, and no id.
                var call = ToolFragment(index: 0)
                try readFunction(into: &call, of: data)
                add(.tool(call))
            default:
                _ = try tokenizer.skip(value, in: data)
            }
        }
    }

    /// Puts what a member said in its place: the members of an object have no order, and many servers write `content` before the
    /// reasoning that led to it. Reasoning comes first, and text before calls.
    private mutating func moveMember(from start: Int, of first: Int, isReasoning: Bool) {
        guard start > first, start < fragments.count else { return }
        let place = fragments[first..<start].firstIndex { fragment in
            switch fragment.content {
            case .tool: true
            case .text, .refusal: isReasoning
            default: false
            }
        }
        guard let place else { return }
        let moved = Array(fragments[start...])
        fragments.removeSubrange(start...)
        fragments.insert(contentsOf: moved, at: place)
    }

    mutating func add(_ content: Fragment.Content) {
        fragments.append(Fragment(choice: 0, content: content))
    }

    private mutating func addReasoning(_ range: Range<Int>) {
        guard !range.isEmpty, reasoningSource == nil else { return }
        reasoningSource = .plain
        add(.reasoning(range))
    }

    /// A text, or an array of parts as Mistral sends it: of type `text`, or `thinking` with parts inside.
    private mutating func readContent(_ value: JSONToken, of data: Span<UInt8>) throws(JSONError) {
        guard value.kind == .beginArray else {
            if value.kind == .string, !value.range.isEmpty { add(.text(value.range)) }
            _ = try tokenizer.skip(value, in: data)
            return
        }
        try readParts(of: data, isReasoning: false)
    }

    private mutating func readParts(of data: Span<UInt8>, isReasoning: Bool) throws(JSONError) {
        while true {
            let token = try tokenizer.next(in: data)
            guard token.kind != .endArray else { return }
            guard token.kind == .beginObject else {
                _ = try tokenizer.skip(token, in: data)
                continue
            }
            while true {
                let key = try tokenizer.next(in: data)
                guard key.kind == .key else { break }
                let value = try tokenizer.next(in: data)
                switch ChunkKey(key, in: data) {
                case .text where value.kind == .string && !value.range.isEmpty:
                    add(isReasoning ? .reasoning(value.range) : .text(value.range))
                // Only one level is read, so that the depth of an answer is not the depth of our stack.
                case .thinking where value.kind == .beginArray && !isReasoning:
                    try readParts(of: data, isReasoning: true)
                default:
                    _ = try tokenizer.skip(value, in: data)
                }
            }
        }
    }

    private mutating func readToolCalls(of data: Span<UInt8>) throws(JSONError) {
        var position = 0
        while true {
            let token = try tokenizer.next(in: data)
            guard token.kind != .endArray else { return }
            if token.kind == .beginObject {
                try readToolCall(position, of: data)
            } else {
                _ = try tokenizer.skip(token, in: data)
            }
            position &+= 1
        }
    }

    private mutating func readToolCall(_ position: Int, of data: Span<UInt8>) throws(JSONError) {
        var call = ToolFragment(index: position)
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            switch ChunkKey(key, in: data) {
            case .index:
                if let index = value.integer(in: data) {
                    call.index = index
                    call.isPlaced = true
                }
                _ = try tokenizer.skip(value, in: data)
            case .id:
                if value.kind == .string { call.id = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .function where value.kind == .beginObject:
                try readFunction(into: &call, of: data)
            case .custom where value.kind == .beginObject:
                call.isCustom = true
                try readFunction(into: &call, of: data)
            case .extraContent where value.kind == .beginObject:
                if let signature = try readThoughtSignature(of: data) { call.signature = signature }
            default:
                _ = try tokenizer.skip(value, in: data)
            }
        }
        add(.tool(call))
    }

    private mutating func readFunction(
        into call: inout ToolFragment, of data: Span<UInt8>
    ) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            let whole = try tokenizer.skip(value, in: data)
            switch ChunkKey(key, in: data) {
            case .name where value.kind == .string:
                call.name = value.range
            case .arguments where value.kind == .string, .input where value.kind == .string:
                call.arguments = value.range
            case .arguments where value.kind == .beginObject:
                // Not as it should be, but what it says is plain.
                call.arguments = whole
                call.isRaw = true
            default: break
            }
        }
    }
}
