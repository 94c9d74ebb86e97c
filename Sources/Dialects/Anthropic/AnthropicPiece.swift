// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// A content block as it begins, or a delta: the members that matter, as places in the event.
struct AnthropicPiece: Sendable {
    enum Kind: Sendable {
        case text, thinking, redactedThinking, toolUse
        case textDelta, thinkingDelta, signatureDelta, inputDelta, citationsDelta
        /// What the vendor's own servers do, and what is not known yet.
        case other
    }

    private(set) var kind = Kind.other
    private(set) var text = 0..<0
    private(set) var thinking = 0..<0
    private(set) var signature = 0..<0
    private(set) var redacted = 0..<0
    private(set) var id = 0..<0
    private(set) var name = 0..<0
    private(set) var partialInput = 0..<0
    /// The raw input of a call that begins.
    private(set) var input = 0..<0
    private(set) var url = 0..<0
    private(set) var title = 0..<0
    private(set) var stopReason: JSONToken?
    private(set) var stopSequence = 0..<0
    private(set) var explanation = 0..<0

    /// Reads the members behind the object's brace, to its end.
    mutating func read(with tokenizer: inout JSONTokenizer, of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            switch value.kind {
            case .string:
                take(key, value, in: data)
            case .beginObject where key.equals("input", in: data):
                input = try tokenizer.skip(value, in: data)
            case .beginObject where key.equals("citation", in: data):
                try readCitation(with: &tokenizer, of: data)
            case .beginObject where key.equals("stop_details", in: data):
                try readDetails(with: &tokenizer, of: data)
            default:
                _ = try tokenizer.skip(value, in: data)
            }
        }
    }

    private mutating func take(_ key: JSONToken, _ value: JSONToken, in data: Span<UInt8>) {
        if key.equals("type", in: data) {
            kind = Kind(value, in: data)
        } else if key.equals("text", in: data) {
            text = value.range
        } else if key.equals("partial_json", in: data) {
            partialInput = value.range
        } else if key.equals("thinking", in: data) {
            thinking = value.range
        } else if key.equals("signature", in: data) {
            signature = value.range
        } else if key.equals("data", in: data) {
            redacted = value.range
        } else if key.equals("id", in: data) {
            id = value.range
        } else if key.equals("name", in: data) {
            name = value.range
        } else if key.equals("stop_reason", in: data) {
            stopReason = value
        } else if key.equals("stop_sequence", in: data) {
            stopSequence = value.range
        }
    }

    private mutating func readCitation(
        with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if value.kind == .string, key.equals("url", in: data) { url = value.range }
            if value.kind == .string, key.equals("title", in: data) { title = value.range }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    private mutating func readDetails(
        with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if value.kind == .string, key.equals("explanation", in: data) { explanation = value.range }
            _ = try tokenizer.skip(value, in: data)
        }
    }
}

extension AnthropicPiece.Kind {
    init(_ token: JSONToken, in data: Span<UInt8>) {
        if token.equals("text_delta", in: data) {
            self = .textDelta
        } else if token.equals("input_json_delta", in: data) {
            self = .inputDelta
        } else if token.equals("thinking_delta", in: data) {
            self = .thinkingDelta
        } else if token.equals("text", in: data) {
            self = .text
        } else if token.equals("tool_use", in: data) {
            self = .toolUse
        } else if token.equals("thinking", in: data) {
            self = .thinking
        } else if token.equals("signature_delta", in: data) {
            self = .signatureDelta
        } else if token.equals("citations_delta", in: data) {
            self = .citationsDelta
        } else if token.equals("redacted_thinking", in: data) {
            self = .redactedThinking
        } else {
            self = .other
        }
    }
}
