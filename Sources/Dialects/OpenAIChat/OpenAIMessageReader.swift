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
        if role == .assistant {
            var parts = try OpenAIReasoningReader.parts(from: &fields)
            let refusal = try fields.string("refusal")
            switch message.content {
            case .text(let text) where !parts.isEmpty || refusal != nil: parts.append(ChatPart(.text(text)))
            case .parts(let others): parts += others
            default: break
            }
            if let refusal { parts.append(.member("refusal", .refusal(refusal))) }
            if !parts.isEmpty { message.content = .parts(parts) }
        }
        message.toolCalls = try (fields.array("tool_calls") ?? []).mapInside("tool_calls") {
            (call) throws(DialectError) in try OpenAIToolReader.call(call)
        }
        if let call = try fields.object("function_call") {
            do throws(DialectError) {
                message.toolCalls.append(try OpenAIToolReader.legacyCall(call))
            } catch {
                throw error.inside("function_call")
            }
        }
        message.toolCallID = try fields.string("tool_call_id")
        guard role != .tool || message.toolCallID != nil else { throw .missing("tool_call_id") }
        message.name = try fields.string("name")
        // A result in the legacy form names the function, of which there was one call at most.
        if role == .function, let name = message.name { message.toolCallID = OpenAIToolReader.legacyID(name) }
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
        case "refusal":
            kind = .refusal(try fields.requiredString("refusal"))
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

extension ChatPart {
    /// The member of a message in which a part stands that is not part of its content.
    static let memberKey = "message"

    /// A part that is a message's member of that name.
    static func member(_ name: String, _ kind: Kind) -> ChatPart {
        var part = ChatPart(kind)
        part.extras = [JSONValue.Member(memberKey, .string(name))]
        return part
    }

    /// The name of the message's member that the part is; `nil` when it is part of the content.
    var member: String? {
        guard extras.first?.key == ChatPart.memberKey else { return nil }
        return extras.first?.value.string
    }
}
