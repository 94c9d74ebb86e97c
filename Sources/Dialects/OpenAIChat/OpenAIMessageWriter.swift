// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes JSON of messages and the parts of their content.
enum OpenAIMessageWriter {
    static func value(of message: ChatMessage) -> JSONValue {
        var object = JSONMembers()
        object.add("role", message.role.rawValue)
        switch message.content {
        case .text(let text): object.add("content", text)
        case .parts(let parts): object.add("content", .array(parts.map(value)))
        case nil: object.add("content", .null)
        }
        if !message.toolCalls.isEmpty { object.add("tool_calls", .array(message.toolCalls.map(value))) }
        object.add("tool_call_id", message.toolCallID)
        object.add("name", message.name)
        return .object(object.members + message.extras)
    }

    private static func value(of call: ChatToolCall) -> JSONValue {
        let (type, name, text) =
            switch call.input {
            case .arguments(let json): ("function", "arguments", json)
            case .text(let text): ("custom", "input", text)
            }
        let inner: [JSONValue.Member] = [.init("name", .string(call.name)), .init(name, .string(text))]
        return .object(
            [.init("id", .string(call.id)), .init("type", .string(type)), .init(type, .object(inner))]
                + call.extras)
    }

    private static func value(of part: ChatPart) -> JSONValue {
        var object = JSONMembers()
        var inner = JSONMembers()
        switch part.kind {
        case .other(let whole):
            return whole
        case .text(let text):
            object.add("type", "text")
            object.add("text", text)
        case .refusal(let text):
            object.add("type", "refusal")
            object.add("refusal", text)
        case .reasoning, .redactedReasoning:
            return .object([])
        case .image(let url, let detail):
            inner.add("url", url)
            inner.add("detail", detail)
            object.add("type", "image_url")
            object.add("image_url", .object(inner.members))
        case .audio(let base64, let format):
            inner.add("data", base64)
            inner.add("format", format)
            object.add("type", "input_audio")
            object.add("input_audio", .object(inner.members))
        case .file(let id, let data, let name):
            inner.add("file_id", id)
            inner.add("file_data", data)
            inner.add("filename", name)
            object.add("type", "file")
            object.add("file", .object(inner.members))
        }
        return .object(object.members + part.extras)
    }
}
