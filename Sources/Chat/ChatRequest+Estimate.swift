// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import JSON

extension ChatRequest {
    /// About how many tokens the request has, where nobody has counted them: a token for four bytes of text, a few for each message,
    /// and a round sum for an image or a file.
    package var estimatedTokens: Int {
        var bytes = 0
        var whole = 0
        for message in messages {
            whole &+= 4
            bytes &+= ChatRequest.weigh(message.content, &whole)
            for call in message.toolCalls {
                switch call.input {
                case .arguments(let text), .text(let text): bytes &+= call.name.utf8.count &+ text.utf8.count
                }
            }
        }
        for tool in tools {
            bytes &+= tool.name.utf8.count &+ (tool.description?.utf8.count ?? 0)
            switch tool.kind {
            case .function(let value?, _), .custom(let value?), .other(let value): bytes &+= ChatRequest.size(value)
            default: break
            }
        }
        return whole &+ (bytes &+ 3) / 4
    }

    private static func weigh(_ content: ChatContent?, _ whole: inout Int) -> Int {
        switch content {
        case .text(let text): return text.utf8.count
        case nil: return 0
        case .parts(let parts):
            var bytes = 0
            for part in parts {
                switch part.kind {
                case .text(let text), .refusal(let text), .reasoning(let text, _): bytes &+= text.utf8.count
                case .image: whole &+= 1000
                case .audio, .file, .redactedReasoning, .other: whole &+= 250
                }
            }
            return bytes
        }
    }

    /// The bytes of the strings and numbers of a value, with one for what stands between them.
    private static func size(_ value: JSONValue) -> Int {
        switch value {
        case .object(let members): members.reduce(0) { $0 &+ $1.key.utf8.count &+ 2 &+ size($1.value) }
        case .array(let elements): elements.reduce(0) { $0 &+ 1 &+ size($1) }
        case .string(let text), .number(let text): text.utf8.count
        case .bool, .null: 4
        }
    }
}
