// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// One event of a stream, read for its syntax alone: it is judged when it proved to be JSON to its last byte.
struct AnthropicEvent: Sendable {
    enum Kind: Sendable {
        case messageStart, blockStart, blockDelta, blockStop, messageDelta, messageStop, ping, error
        /// Events that are to come.
        case other
    }

    private(set) var kind = Kind.other
    /// The number of the content block; -1 without one.
    private(set) var index = -1
    /// The content block, or the delta.
    private(set) var piece = AnthropicPiece()
    private(set) var usage: AnthropicUsage?
    /// The inside of the model's name.
    private(set) var modelRange: Range<Int>?

    /// Reads an event; what `data` does not say of its kind, the event's `name` does.
    init(_ data: Span<UInt8>, named name: Span<UInt8>) throws(JSONError) {
        // Upstreams cut text between deltas, also between the halves of a pair.
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let first = try tokenizer.next(in: data)
        guard first.kind == .beginObject else { throw JSONError(.unexpectedByte, at: first.range.lowerBound) }
        var hasKind = false
        var hasError = false
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            if value.kind == .string, key.equals("type", in: data) {
                kind = Kind(value, in: data)
                hasKind = true
            } else if value.kind == .number, key.equals("index", in: data) {
                index = value.integer(in: data) ?? -1
            } else if key.equals("error", in: data) {
                let range = try tokenizer.skip(value, in: data)
                hasError = value.kind == .beginObject || value.kind == .string && range.count > 2
            } else if value.kind == .beginObject {
                try readObject(key, value, with: &tokenizer, of: data)
            } else {
                _ = try tokenizer.skip(value, in: data)
            }
        }
        _ = try tokenizer.next(in: data)
        if !hasKind { kind = Kind(JSONToken(.string, 0..<name.count), in: name) }
        // Some who imitate the dialect tell of a failure without saying that it is one.
        if hasError, !hasKind || kind == .other { kind = .error }
    }

    private mutating func readObject(
        _ key: JSONToken, _ value: JSONToken, with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) {
        if key.equals("delta", in: data) || key.equals("content_block", in: data) {
            try piece.read(with: &tokenizer, of: data)
        } else if key.equals("usage", in: data) {
            try readUsage(with: &tokenizer, of: data)
        } else if key.equals("message", in: data) {
            try readMessage(with: &tokenizer, of: data)
        } else {
            _ = try tokenizer.skip(value, in: data)
        }
    }

    private mutating func readMessage(
        with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if value.kind == .beginObject, key.equals("usage", in: data) {
                try readUsage(with: &tokenizer, of: data)
                continue
            }
            if value.kind == .string, key.equals("model", in: data) { modelRange = value.range }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    private mutating func readUsage(
        with tokenizer: inout JSONTokenizer, of data: Span<UInt8>
    ) throws(JSONError) {
        var found = AnthropicUsage()
        try found.read(with: &tokenizer, of: data)
        usage = found
    }
}

extension AnthropicEvent.Kind {
    init(_ token: JSONToken, in data: Span<UInt8>) {
        if token.equals("content_block_delta", in: data) {
            self = .blockDelta
        } else if token.equals("content_block_start", in: data) {
            self = .blockStart
        } else if token.equals("content_block_stop", in: data) {
            self = .blockStop
        } else if token.equals("message_start", in: data) {
            self = .messageStart
        } else if token.equals("message_delta", in: data) {
            self = .messageDelta
        } else if token.equals("message_stop", in: data) {
            self = .messageStop
        } else if token.equals("ping", in: data) {
            self = .ping
        } else if token.equals("error", in: data) {
            self = .error
        } else {
            self = .other
        }
    }
}
