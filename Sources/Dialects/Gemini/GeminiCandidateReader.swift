// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// Reads what a candidate says: its parts, its sources, its log probabilities.
struct GeminiCandidateReader {
    typealias Fragment = GeminiChunk.Fragment

    /// The pieces read; their choice is set by who knows it.
    var fragments: [Fragment] = []
    var tokenizer: JSONTokenizer
    /// Whether a piece cannot be a slice of the data.
    private(set) var needsOwnText = false

    init(tokenizer: JSONTokenizer) {
        self.tokenizer = tokenizer
    }

    private mutating func add(_ content: Fragment.Content) {
        fragments.append(Fragment(choice: 0, content: content))
    }

    /// Reads the members of `content` behind its brace, to its end.
    mutating func readContent(_ data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            guard GeminiKey(key, in: data) == .parts, value.kind == .beginArray else {
                _ = try tokenizer.skip(value, in: data)
                continue
            }
            while true {
                let token = try tokenizer.next(in: data)
                guard token.kind != .endArray else { break }
                if token.kind == .beginObject {
                    try readPart(data)
                } else {
                    _ = try tokenizer.skip(token, in: data)
                }
            }
        }
    }

    private mutating func readPart(_ data: Span<UInt8>) throws(JSONError) {
        var text = 0..<0
        var signature = 0..<0
        var isThought = false
        var call: GeminiChunk.Call?
        var image: (mediaType: Range<Int>, data: Range<Int>)?
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            switch GeminiKey(key, in: data) {
            case .text:
                if value.kind == .string { text = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .thought:
                isThought = value.kind == .true
                _ = try tokenizer.skip(value, in: data)
            case .signature:
                if value.kind == .string { signature = value.range }
                _ = try tokenizer.skip(value, in: data)
            case .functionCall where value.kind == .beginObject:
                call = try readCall(data)
            case .inlineData where value.kind == .beginObject:
                image = try readInlineData(data)
            default:
                _ = try tokenizer.skip(value, in: data)
            }
        }
        if var call {
            call.signature = signature
            needsOwnText = true
            add(.call(call))
        } else if !text.isEmpty || !signature.isEmpty {
            add(.text(text, isThought: isThought, signature: signature))
        }
        if let image, data.extracting(image.mediaType).starts(with: ("image/" as StaticString).bytes) {
            add(.image(mediaType: image.mediaType, data: image.data))
        }
    }

    private mutating func readCall(_ data: Span<UInt8>) throws(JSONError) -> GeminiChunk.Call {
        var call = GeminiChunk.Call()
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return call }
            let value = try tokenizer.next(in: data)
            let range = try tokenizer.skip(value, in: data)
            switch (GeminiKey(key, in: data), value.kind) {
            case (.id, .string): call.id = value.range
            case (.name, .string): call.name = value.range
            case (.args, .beginObject): call.arguments = range
            case (.args, .string):
                call.arguments = value.range
                call.isText = true
            case (.partialArgs, .beginArray): call.pieces = range
            case (.willContinue, .true): call.continues = true
            default: break
            }
        }
    }

    private mutating func readInlineData(
        _ data: Span<UInt8>
    ) throws(JSONError) -> (mediaType: Range<Int>, data: Range<Int>) {
        var mediaType = 0..<0
        var content = 0..<0
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return (mediaType, content) }
            let value = try tokenizer.next(in: data)
            if value.kind == .string {
                switch GeminiKey(key, in: data) {
                case .mimeType: mediaType = value.range
                case .data: content = value.range
                default: break
                }
            }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    /// Reads the sources in `groundingMetadata` or `citationMetadata`, behind its brace, to its end.
    mutating func readSources(_ data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            let isList =
                key.equals("groundingChunks", in: data) || key.equals("citations", in: data)
                || key.equals("citationSources", in: data)
            guard isList, value.kind == .beginArray else {
                _ = try tokenizer.skip(value, in: data)
                continue
            }
            while true {
                let token = try tokenizer.next(in: data)
                guard token.kind != .endArray else { break }
                if token.kind == .beginObject {
                    try readSource(data, isInside: false)
                } else {
                    _ = try tokenizer.skip(token, in: data)
                }
            }
        }
    }

    /// A source, or an object in which one stands under its kind: `web`, `retrievedContext`, `maps`.
    private mutating func readSource(_ data: Span<UInt8>, isInside: Bool) throws(JSONError) {
        var url = 0..<0
        var title = 0..<0
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            if value.kind == .beginObject, !isInside {
                try readSource(data, isInside: true)
                continue
            }
            if value.kind == .string {
                if key.equals("uri", in: data) { url = value.range }
                if key.equals("title", in: data) { title = value.range }
            }
            _ = try tokenizer.skip(value, in: data)
        }
        if !url.isEmpty { add(.citation(url: url, title: title)) }
    }

    /// Keeps a `logprobsResult` that `value` begins.
    mutating func readLogprobs(_ value: JSONToken, of data: Span<UInt8>) throws(JSONError) {
        add(.logprobs(try tokenizer.skip(value, in: data)))
        needsOwnText = true
    }
}
