// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// The names of members that matter in a chunk.
enum ChunkKey: Equatable {
    case model, choices, usage, error, groq, padding
    case index, delta, message, finishReason
    case role, content, refusal, reasoning, reasoningDetails, toolCalls, functionCall
    case images, annotations, logprobs
    case text, thinking
    case id, function, custom, name, arguments, input, extraContent
    case other

    /// Finds the name by its length and first letter, which tell most names of a chunk apart.
    init(_ key: JSONToken, in data: Span<UInt8>) {
        guard !key.hasEscapes else {
            // Nobody escapes these names but to deceive; who does is read like anybody else.
            let plain = key.string(in: data)
            let bytes = plain.utf8.span
            self.init(JSONToken(.key, 0..<bytes.count), in: bytes)
            return
        }
        guard let first = key.range.first.map({ data[$0] }) else {
            self = .other
            return
        }
        let (name, literal): (ChunkKey, StaticString) =
            switch (key.range.count, first) {
            case (1, UInt8(ascii: "p")): (.padding, "p")
            case (2, UInt8(ascii: "i")): (.id, "id")
            case (4, UInt8(ascii: "r")): (.role, "role")
            case (4, UInt8(ascii: "t")): (.text, "text")
            case (4, UInt8(ascii: "n")): (.name, "name")
            case (5, UInt8(ascii: "i")):
                data[key.range.lowerBound &+ 2] == UInt8(ascii: "d") ? (.index, "index") : (.input, "input")
            case (5, UInt8(ascii: "d")): (.delta, "delta")
            case (5, UInt8(ascii: "m")): (.model, "model")
            case (5, UInt8(ascii: "u")): (.usage, "usage")
            case (5, UInt8(ascii: "e")): (.error, "error")
            case (6, UInt8(ascii: "x")): (.groq, "x_groq")
            case (6, UInt8(ascii: "c")): (.custom, "custom")
            case (6, UInt8(ascii: "i")): (.images, "images")
            case (7, UInt8(ascii: "c")):
                data[key.range.lowerBound &+ 1] == UInt8(ascii: "o")
                    ? (.content, "content") : (.choices, "choices")
            case (7, UInt8(ascii: "m")): (.message, "message")
            case (7, UInt8(ascii: "r")): (.refusal, "refusal")
            case (8, UInt8(ascii: "f")): (.function, "function")
            case (8, UInt8(ascii: "t")): (.thinking, "thinking")
            case (8, UInt8(ascii: "l")): (.logprobs, "logprobs")
            case (9, UInt8(ascii: "a")): (.arguments, "arguments")
            case (9, UInt8(ascii: "r")): (.reasoning, "reasoning")
            case (10, UInt8(ascii: "t")): (.toolCalls, "tool_calls")
            case (11, UInt8(ascii: "o")): (.padding, "obfuscation")
            case (11, UInt8(ascii: "a")): (.annotations, "annotations")
            case (13, UInt8(ascii: "e")): (.extraContent, "extra_content")
            case (13, UInt8(ascii: "f")):
                data[key.range.lowerBound &+ 1] == UInt8(ascii: "i")
                    ? (.finishReason, "finish_reason") : (.functionCall, "function_call")
            case (17, UInt8(ascii: "r")):
                data[key.range.lowerBound &+ 10] == UInt8(ascii: "d")
                    ? (.reasoningDetails, "reasoning_details") : (.reasoning, "reasoning_content")
            default: (.other, "")
            }
        self = data.equals(key.range, literal.bytes) ? name : .other
    }
}
