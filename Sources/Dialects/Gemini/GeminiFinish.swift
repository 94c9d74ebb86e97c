// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

extension FinishReason {
    /// Reads Google's spelling. Google has no word for calls, so that a choice that made one ended for it, unless it was cut.
    init(google token: JSONToken, in data: Span<UInt8>, hasCalls: Bool) {
        let name = token.string(in: data)
        if name == "MAX_TOKENS" {
            self = .length
            return
        }
        guard !hasCalls else {
            self = .toolCalls
            return
        }
        switch name {
        case "STOP": self = .stop
        case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
            "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER":
            self = .contentFilter
        case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE":
            self = .malformedCall
        case "CONTINUATION": self = .pause
        default: self = .other(String(name.prefix(64)))
        }
    }

    /// Google's spelling; a word that is not one of Google's kind is `OTHER`.
    var googleName: String {
        switch self {
        case .stop, .stopSequence, .toolCalls: "STOP"
        case .length, .contextFull: "MAX_TOKENS"
        case .contentFilter, .refusal: "SAFETY"
        case .malformedCall: "MALFORMED_FUNCTION_CALL"
        case .pause: "CONTINUATION"
        case .other(let name): GeminiErrorBody.isGoogleWord(name) ? name : "OTHER"
        }
    }
}
