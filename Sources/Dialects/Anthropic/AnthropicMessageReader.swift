// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads messages; one may become several, since the hub has a message for each result of a tool.
enum AnthropicMessageReader {
    static func messages(_ value: JSONValue) throws(DialectError) -> [ChatMessage] {
        var fields = try JSONFields(value)
        let role = try fields.requiredString("role")
        guard fields.rest.contains(where: { $0.key == "content" }) else { throw .missing("content") }
        switch role {
        case "assistant":
            return [try assistant(from: &fields)]
        case "user":
            return try user(from: &fields)
        case "system":
            var message = ChatMessage(role: .system, content: try content("content", from: &fields))
            message.extras = fields.rest
            return [message]
        default:
            throw .wrongValue("role", expected: "user, assistant or system")
        }
    }

    /// Takes content: text, or blocks.
    static func content(_ name: String, from fields: inout JSONFields) throws(DialectError) -> ChatContent? {
        guard let value = try fields.value(name) else { return nil }
        if let text = value.string { return .text(text) }
        return .parts(
            try elements(value, name).mapInside(name) { (block) throws(DialectError) in
                try AnthropicPartReader.part(block)
            })
    }

    private static func elements(_ value: JSONValue, _ name: String) throws(DialectError) -> [JSONValue] {
        guard let elements = value.elements else {
            throw .wrongType(name, expected: "a string or an array of blocks")
        }
        return elements
    }

    /// The results of tools come first: in every dialect they follow the calls that they answer.
    private static func user(from fields: inout JSONFields) throws(DialectError) -> [ChatMessage] {
        var message = ChatMessage(role: .user, content: nil)
        guard let value = try fields.value("content") else { throw .missing("content") }
        if let text = value.string {
            message.content = .text(text)
            message.extras = fields.rest
            return [message]
        }
        var results: [ChatMessage] = []
        var parts: [ChatPart] = []
        for (place, block) in try elements(value, "content").enumerated() {
            do throws(DialectError) {
                if block["type"]?.string == "tool_result" {
                    results.append(try result(block))
                } else {
                    parts.append(try AnthropicPartReader.part(block))
                }
            } catch {
                throw error.inside("content[\(place)]")
            }
        }
        message.extras = fields.rest
        guard results.isEmpty || !parts.isEmpty else { return results }
        message.content = .parts(parts)
        return results + [message]
    }

    private static func result(_ block: JSONValue) throws(DialectError) -> ChatMessage {
        var fields = try JSONFields(block)
        _ = try fields.string("type")
        var message = ChatMessage(role: .tool, content: nil)
        message.toolCallID = try fields.requiredString("tool_use_id")
        message.content = try content("content", from: &fields)
        let isError = try fields.bool("is_error")
        message.isError = isError ?? false
        if isError == false { fields.putBack("is_error", .bool(false)) }
        message.extras = fields.rest
        return message
    }

    private static func assistant(from fields: inout JSONFields) throws(DialectError) -> ChatMessage {
        var message = ChatMessage(role: .assistant, content: nil)
        guard let value = try fields.value("content") else { throw .missing("content") }
        if let text = value.string {
            message.content = .text(text)
            message.extras = fields.rest
            return message
        }
        var parts: [ChatPart] = []
        /// The signature that travelled before its call.
        var signature: OpaqueSignature?
        for (place, block) in try elements(value, "content").enumerated() {
            do throws(DialectError) {
                if block["type"]?.string == "tool_use" {
                    var call = try AnthropicToolReader.call(block)
                    call.signature = signature
                    signature = nil
                    message.toolCalls.append(call)
                    continue
                }
                let part = try AnthropicPartReader.part(block)
                if case .redactedReasoning(let carried) = part.kind, carried.maker.hasSuffix("-call") {
                    signature = carried
                    signature?.maker.removeLast("-call".count)
                } else {
                    parts.append(part)
                }
            } catch {
                throw error.inside("content[\(place)]")
            }
        }
        if !parts.isEmpty || message.toolCalls.isEmpty { message.content = .parts(parts) }
        message.extras = fields.rest
        return message
    }
}
