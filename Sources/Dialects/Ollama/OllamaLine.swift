// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// One line of a stream, or one whole answer, read for its syntax alone.
struct OllamaLine: Sendable {
    /// A tool call, which comes whole.
    struct Call: Sendable {
        var id = 0..<0
        var name = 0..<0
        /// The arguments as they stand: an object, or a string's inside when `isEscaped`.
        var arguments = 0..<0
        var isEscaped = false
    }

    private(set) var hasMessage = false
    private(set) var text = 0..<0
    private(set) var thinking = 0..<0
    private(set) var calls: [Call] = []
    /// The elements of the array of log probabilities.
    private(set) var logprobs = 0..<0
    private(set) var isDone = false
    private(set) var reason: JSONToken?
    private(set) var usage = TokenUsage()
    private(set) var modelRange: Range<Int>?
    /// The value of an `error` that is not `null`.
    private(set) var error: Range<Int>?

    private var tokenizer = JSONTokenizer()

    /// Reads a line, forgetting the one before.
    mutating func read(_ data: Span<UInt8>) throws(JSONError) {
        hasMessage = false
        text = 0..<0
        thinking = 0..<0
        calls.removeAll(keepingCapacity: true)
        logprobs = 0..<0
        isDone = false
        reason = nil
        usage = TokenUsage()
        modelRange = nil
        error = nil
        tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let first = try tokenizer.next(in: data)
        guard first.kind == .beginObject else { throw JSONError(.unexpectedByte, at: first.range.lowerBound) }
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { break }
            let value = try tokenizer.next(in: data)
            if key.equals("message", in: data), value.kind == .beginObject {
                hasMessage = true
                try readMessage(of: data)
                continue
            }
            let range = try tokenizer.skip(value, in: data)
            readMember(key, value, range, of: data)
        }
        _ = try tokenizer.next(in: data)
    }

    private mutating func readMember(_ key: JSONToken, _ value: JSONToken, _ range: Range<Int>, of data: Span<UInt8>) {
        switch value.kind {
        case .string:
            if key.equals("model", in: data) {
                modelRange = value.range
            } else if key.equals("done_reason", in: data), !value.range.isEmpty {
                reason = value
            } else if key.equals("response", in: data) {
                // The older API of completions says text alone.
                hasMessage = true
                text = value.range
            } else if key.equals("thinking", in: data) {
                thinking = value.range
            } else if key.equals("error", in: data) {
                error = range
            }
        case .true:
            if key.equals("done", in: data) { isDone = true }
        case .beginObject:
            if key.equals("error", in: data) { error = range }
        case .beginArray:
            if key.equals("logprobs", in: data) { logprobs = range.lowerBound &+ 1..<range.upperBound &- 1 }
        default:
            guard let number = value.integer(in: data), number >= 0 else { return }
            if key.equals("prompt_eval_count", in: data) { usage.input = number }
            if key.equals("eval_count", in: data) { usage.output = number }
        }
    }

    private mutating func readMessage(of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if value.kind == .beginArray, key.equals("tool_calls", in: data) {
                try readCalls(of: data)
                continue
            }
            if value.kind == .string {
                if key.equals("content", in: data) { text = value.range }
                if key.equals("thinking", in: data) { thinking = value.range }
            }
            _ = try tokenizer.skip(value, in: data)
        }
    }

    private mutating func readCalls(of data: Span<UInt8>) throws(JSONError) {
        while true {
            let token = try tokenizer.next(in: data)
            guard token.kind != .endArray else { return }
            guard token.kind == .beginObject else {
                _ = try tokenizer.skip(token, in: data)
                continue
            }
            var call = Call()
            while true {
                let key = try tokenizer.next(in: data)
                guard key.kind == .key else { break }
                let value = try tokenizer.next(in: data)
                if value.kind == .beginObject, key.equals("function", in: data) {
                    try readFunction(into: &call, of: data)
                    continue
                }
                if value.kind == .string, key.equals("id", in: data) { call.id = value.range }
                _ = try tokenizer.skip(value, in: data)
            }
            calls.append(call)
        }
    }

    private mutating func readFunction(into call: inout Call, of data: Span<UInt8>) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            let range = try tokenizer.skip(value, in: data)
            if value.kind == .string, key.equals("name", in: data) { call.name = value.range }
            guard key.equals("arguments", in: data) else { continue }
            if value.kind == .string {
                call.arguments = value.range
                call.isEscaped = true
            } else if value.kind == .beginObject {
                call.arguments = range
            }
        }
    }
}
