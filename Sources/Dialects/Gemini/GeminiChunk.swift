// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// One chunk of a stream, one whole answer, or an array of chunks, read for its syntax alone.
///
/// What it says is kept in plain values that are judged only when the text proved to be JSON to its last byte, so that half
/// an event changes nothing. The storage is reused from chunk to chunk.
struct GeminiChunk: Sendable {
    /// A call as a part has it.
    struct Call: Sendable {
        var id = 0..<0
        var name = 0..<0
        /// The arguments: an object as it stands, or the inside of a string.
        var arguments: Range<Int>?
        var isText = false
        /// The array of pieces for places in the arguments.
        var pieces: Range<Int>?
        /// Whether more of the same call comes.
        var continues = false
        var signature = 0..<0
    }

    /// A piece of one choice, in the order of the chunk.
    struct Fragment: Sendable {
        enum Content: Sendable {
            case begin
            case text(Range<Int>, isThought: Bool, signature: Range<Int>)
            case call(Call)
            case image(mediaType: Range<Int>, data: Range<Int>)
            case citation(url: Range<Int>, title: Range<Int>)
            case logprobs(Range<Int>)
            case finish(JSONToken)
        }
        var choice: Int
        var content: Content
    }

    private(set) var fragments: [Fragment] = []
    private(set) var modelRange: Range<Int>?
    private(set) var responseID: Range<Int>?
    private(set) var usage = GeminiUsage()
    /// The value of an `error` that is not `null`.
    private(set) var error: Range<Int>?
    /// Whether the prompt was refused.
    private(set) var isBlocked = false
    /// Whether it has what the data does not hold as it is needed.
    private(set) var needsOwnText = false
    /// Whether it has a reason to end.
    private(set) var hasFinish = false

    /// Whether answers are wrapped in `response`.
    private let isWrapped: Bool
    private var tokenizer = JSONTokenizer()

    init(isWrapped: Bool) {
        self.isWrapped = isWrapped
    }

    /// Reads a chunk, forgetting the one before.
    mutating func read(_ data: Span<UInt8>) throws(JSONError) {
        fragments.removeAll(keepingCapacity: true)
        modelRange = nil
        responseID = nil
        usage = GeminiUsage()
        error = nil
        isBlocked = false
        needsOwnText = false
        hasFinish = false
        // Upstreams cut text between chunks, also between the halves of a pair.
        tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let first = try tokenizer.next(in: data)
        if first.kind == .beginArray {
            while true {
                let token = try tokenizer.next(in: data)
                guard token.kind != .endArray else { break }
                guard token.kind == .beginObject else {
                    throw JSONError(.unexpectedByte, at: token.range.lowerBound)
                }
                try readMembers(isInside: false, of: data)
            }
        } else {
            guard first.kind == .beginObject else { throw JSONError(.unexpectedByte, at: first.range.lowerBound) }
            try readMembers(isInside: false, of: data)
        }
        _ = try tokenizer.next(in: data)
    }

    private mutating func readMembers(isInside: Bool, of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            switch GeminiKey(key, in: data) {
            case .candidates where value.kind == .beginArray:
                try readCandidates(of: data)
            case .promptFeedback where value.kind == .beginObject:
                try readFeedback(of: data)
            case .usage where value.kind == .beginObject:
                usage.update(with: try GeminiUsage.read(with: &tokenizer, of: data))
            case .response where value.kind == .beginObject && isWrapped && !isInside:
                try readMembers(isInside: true, of: data)
            case .model:
                if value.kind == .string { modelRange = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .responseID:
                if value.kind == .string { responseID = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .error:
                let range = try tokenizer.skip(value, in: data)
                if value.kind != .null, value.kind != .false { error = range }
            default:
                _ = try tokenizer.skip(value, in: data)
            }
        }
    }

    private mutating func readFeedback(of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if GeminiKey(key, in: data) == .blockReason, value.kind == .string { isBlocked = true }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    private mutating func readCandidates(of data: Span<UInt8>) throws(JSONError) {
        var position = 0
        while true {
            let token = try tokenizer.next(in: data)
            guard token.kind != .endArray else { return }
            if token.kind == .beginObject {
                try readCandidate(position, of: data)
            } else {
                _ = try tokenizer.skip(token, in: data)
            }
            position &+= 1
        }
    }

    /// Reads a candidate; its index may come after what it is about, so it is set at the end.
    private mutating func readCandidate(_ position: Int, of data: Span<UInt8>) throws(JSONError) {
        let first = fragments.count
        var index = position
        var finish: JSONToken?
        fragments.append(Fragment(choice: index, content: .begin))
        var reader = GeminiCandidateReader(tokenizer: tokenizer)
        // Lent, not copied: one owner at a time appends in place.
        swap(&reader.fragments, &fragments)
        defer {
            swap(&reader.fragments, &fragments)
            for place in first..<fragments.count { fragments[place].choice = index }
            if let finish { fragments.append(Fragment(choice: index, content: .finish(finish))) }
            tokenizer = reader.tokenizer
            needsOwnText = needsOwnText || reader.needsOwnText
            hasFinish = hasFinish || finish != nil
        }
        while true {
            let key = try reader.tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try reader.tokenizer.next(in: data)
            switch GeminiKey(key, in: data) {
            case .index:
                index = value.integer(in: data) ?? position
                _ = try reader.tokenizer.skip(value, in: data)
            case .finishReason:
                if value.kind == .string, !value.range.isEmpty { finish = value }
                _ = try reader.tokenizer.skip(value, in: data)
            case .content where value.kind == .beginObject:
                try reader.readContent(data)
            case .grounding where value.kind == .beginObject, .citations where value.kind == .beginObject:
                try reader.readSources(data)
            case .logprobs where value.kind == .beginObject:
                try reader.readLogprobs(value, of: data)
            default:
                _ = try reader.tokenizer.skip(value, in: data)
            }
        }
    }
}
