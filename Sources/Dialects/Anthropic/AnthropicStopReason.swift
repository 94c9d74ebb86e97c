// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// Why an answer ended, between the hub's words and Anthropic's.
struct AnthropicStopReason: Equatable, Sendable {
    /// The `stop_reason`.
    var name: String
    /// The text of the request that was met.
    var sequence: String?
    /// Why the model declined.
    var explanation: String?

    /// What a client is told: what the answer holds counts more than what upstream said, unless it was cut.
    init(_ finish: FinishReason?, hasCalls: Bool, hasRefusal: Bool) {
        let natural = hasCalls ? "tool_use" : hasRefusal ? "refusal" : "end_turn"
        switch finish {
        case .length: name = "max_tokens"
        case .contextFull: name = "model_context_window_exceeded"
        case .contentFilter: name = "refusal"
        case .refusal(let text):
            name = "refusal"
            explanation = text
        case .stopSequence(let text):
            name = hasCalls ? "tool_use" : "stop_sequence"
            sequence = hasCalls ? nil : text
        case .pause: name = "pause_turn"
        case .stop, .toolCalls, .malformedCall, .other, nil: name = natural
        }
    }

    /// Writes the members of a message, or of the delta that ends it.
    func writeMembers(with json: inout JSONWriter) {
        json.member("stop_reason", name)
        json.member("stop_sequence", sequence.map { .string($0) } ?? .null)
        guard name == "refusal" else { return }
        json.member(
            "stop_details",
            object: { json in
                json.member("type", literal: "refusal")
                json.member("category", .null)
                json.member("explanation", explanation.map { .string($0) } ?? .null)
            })
    }
}

extension FinishReason {
    /// Reads Anthropic's words.
    init(anthropic name: String, sequence: String?, explanation: String?) {
        self =
            switch name {
            case "end_turn": .stop
            case "max_tokens": .length
            case "tool_use": .toolCalls
            case "stop_sequence": .stopSequence(sequence)
            case "pause_turn": .pause
            case "refusal": .refusal(explanation)
            case "model_context_window_exceeded": .contextFull
            default: .other(name)
            }
    }

    init(_ piece: AnthropicPiece, _ reason: JSONToken, in data: Span<UInt8>) {
        self.init(
            anthropic: reason.string(in: data),
            sequence: piece.stopSequence.isEmpty ? nil : data.jsonText(piece.stopSequence),
            explanation: piece.explanation.isEmpty ? nil : data.jsonText(piece.explanation))
    }
}
