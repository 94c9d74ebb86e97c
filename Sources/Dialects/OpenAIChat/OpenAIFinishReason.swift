// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

extension FinishReason {
    /// Reads the spelling of chat completions, or that of another vendor which a server put into their form.
    init(_ token: JSONToken, in data: Span<UInt8>) {
        if token.equals("stop", in: data) {
            self = .stop
        } else if token.equals("tool_calls", in: data) {
            self = .toolCalls
        } else {
            self.init(openAIName: token.string(in: data))
        }
    }

    /// Reads a spelling of chat completions or of another vendor.
    init(openAIName name: String) {
        switch name.lowercased() {
        case "stop", "end_turn", "eos", "eos_token", "end", "complete", "completed": self = .stop
        case "stop_sequence": self = .stopSequence(nil)
        case "length", "max_tokens", "max_output_tokens": self = .length
        case "model_context_window_exceeded", "model_length": self = .contextFull
        case "tool_calls", "function_call", "tool_use", "tool_call": self = .toolCalls
        case "content_filter", "sensitive", "safety", "recitation", "blocklist", "prohibited_content", "spii":
            self = .contentFilter
        case "refusal": self = .refusal(nil)
        case "pause_turn": self = .pause
        case "error", "malformed_function_call": self = .malformedCall
        default: self = .other(name)
        }
    }

    /// The spelling of chat completions for a choice that called tools or did not.
    ///
    /// Clients act on calls when the reason says so, whatever upstream said; a call that was cut off stays cut off. Names that
    /// OpenAI does not have would break clients that know them all.
    func openAIName(hasCalls: Bool) -> String {
        switch self {
        case .stop, .stopSequence, .pause, .other: hasCalls ? "tool_calls" : "stop"
        case .length, .contextFull: "length"
        case .toolCalls: "tool_calls"
        case .contentFilter, .refusal: "content_filter"
        case .malformedCall: "error"
        }
    }
}
