// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

/// The names of members that matter in an answer.
enum GeminiKey: Equatable {
    case candidates, promptFeedback, blockReason, usage, model, responseID, error, response
    case index, content, parts, finishReason, grounding, citations, logprobs
    case text, thought, signature, functionCall, inlineData
    case id, name, args, partialArgs, willContinue, mimeType, data
    case other

    /// Finds the name by its length and first letters, which tell the names of an answer apart.
    init(_ key: JSONToken, in data: Span<UInt8>) {
        guard !key.hasEscapes else {
            let plain = key.string(in: data)
            let bytes = plain.utf8.span
            self.init(JSONToken(.key, 0..<bytes.count), in: bytes)
            return
        }
        guard let first = key.range.first.map({ data[$0] }) else {
            self = .other
            return
        }
        let (name, literal): (GeminiKey, StaticString) =
            switch (key.range.count, first) {
            case (2, UInt8(ascii: "i")): (.id, "id")
            case (4, UInt8(ascii: "t")): (.text, "text")
            case (4, UInt8(ascii: "n")): (.name, "name")
            case (4, UInt8(ascii: "a")): (.args, "args")
            case (4, UInt8(ascii: "d")): (.data, "data")
            case (5, UInt8(ascii: "p")): (.parts, "parts")
            case (5, UInt8(ascii: "i")): (.index, "index")
            case (5, UInt8(ascii: "e")): (.error, "error")
            case (7, UInt8(ascii: "c")): (.content, "content")
            case (7, UInt8(ascii: "t")): (.thought, "thought")
            case (8, UInt8(ascii: "m")): (.mimeType, "mimeType")
            case (8, UInt8(ascii: "r")): (.response, "response")
            case (10, UInt8(ascii: "c")): (.candidates, "candidates")
            case (10, UInt8(ascii: "i")): (.inlineData, "inlineData")
            case (10, UInt8(ascii: "r")): (.responseID, "responseId")
            case (11, UInt8(ascii: "p")): (.partialArgs, "partialArgs")
            case (11, UInt8(ascii: "b")): (.blockReason, "blockReason")
            case (12, UInt8(ascii: "f")):
                data[key.range.lowerBound &+ 1] == UInt8(ascii: "i")
                    ? (.finishReason, "finishReason") : (.functionCall, "functionCall")
            case (12, UInt8(ascii: "w")): (.willContinue, "willContinue")
            case (12, UInt8(ascii: "m")): (.model, "modelVersion")
            case (13, UInt8(ascii: "u")): (.usage, "usageMetadata")
            case (14, UInt8(ascii: "p")): (.promptFeedback, "promptFeedback")
            case (14, UInt8(ascii: "l")): (.logprobs, "logprobsResult")
            case (16, UInt8(ascii: "t")): (.signature, "thoughtSignature")
            case (16, UInt8(ascii: "c")): (.citations, "citationMetadata")
            case (17, UInt8(ascii: "g")): (.grounding, "groundingMetadata")
            default: (.other, "")
            }
        self = data.equals(key.range, literal.bytes) ? name : .other
    }
}
