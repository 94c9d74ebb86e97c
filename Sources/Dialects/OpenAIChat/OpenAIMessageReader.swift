// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads messages and the parts of their content.
enum OpenAIMessageReader {
    static func message(_ value: JSONValue) throws(DialectError) -> ChatMessage {
        var fields = try JSONFields(value)
        let word = try fields.requiredString("role")
        guard let role = ChatMessage.Role(rawValue: word) else {
            throw .wrongValue("role", expected: "developer, system, user, assistant, tool or function")
        }
        var message = ChatMessage(role: role, content: try content(from: &fields))
        message.toolCalls = try (fields.array("tool_calls") ?? []).mapInside("tool_calls") {
            (call) throws(DialectError) in try OpenAIToolReader.call(call)
        }
        message.toolCallID = try fields.string("tool_call_id")
        guard role != .tool || message.toolCallID != nil else { throw .missing("tool_call_id") }
        message.name = try fields.string("name")
        message.extras = fields.rest
        return message
    }

    private static func content(from fields: inout JSONFields) throws(DialectError) -> ChatContent? {
        guard let value = try fields.value("content") else { return nil }
        if let text = value.string { return .text(text) }
        guard let elements = value.elements else {
            throw .wrongType("content", expected: "a string or an array of parts")
        }
        return .parts(
            try elements.mapInside("content") { (element) throws(DialectError) in try part(element) })
    }

    private static func part(_ value: JSONValue) throws(DialectError) -> ChatPart {
        var fields = try JSONFields(value)
        let kind: ChatPart.Kind
        switch try fields.requiredString("type") {
        case "text":
            kind = .text(try fields.requiredString("text"))
        case "image_url":
            var image = try fields.requiredObject("image_url")
            do throws(DialectError) {
                kind = .image(url: try image.requiredString("url"), detail: try image.string("detail"))
            } catch {
                throw error.inside("image_url")
            }
            guard image.rest.isEmpty else { return ChatPart(.other(value)) }
        case "input_audio":
            var audio = try fields.requiredObject("input_audio")
            do throws(DialectError) {
                kind = .audio(
                    base64: try audio.requiredString("data"), format: try audio.requiredString("format"))
            } catch {
                throw error.inside("input_audio")
            }
            guard audio.rest.isEmpty else { return ChatPart(.other(value)) }
        case "file":
            var file = try fields.requiredObject("file")
            do throws(DialectError) {
                kind = .file(
                    id: try file.string("file_id"), data: try file.string("file_data"),
                    name: try file.string("filename"))
            } catch {
                throw error.inside("file")
            }
            guard file.rest.isEmpty else { return ChatPart(.other(value)) }
        default:
            return ChatPart(.other(value))
        }
        var part = ChatPart(kind)
        part.extras = fields.rest
        return part
    }
}
