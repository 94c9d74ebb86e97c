// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads messages in their order: calls may have no ids here, and a result then means the next call of its name.
struct OllamaMessageReader {
    /// The calls without a result so far.
    private var open: [(id: String, name: String)] = []

    mutating func message(_ value: JSONValue, at index: Int) throws(DialectError) -> ChatMessage {
        var fields = try JSONFields(value)
        let word = try fields.requiredString("role")
        guard let role = ChatMessage.Role(rawValue: word), role != .developer, role != .function else {
            throw .wrongValue("role", expected: "system, user, assistant or tool")
        }
        let text = try fields.string("content") ?? ""
        var parts: [ChatPart] = []
        if let thinking = try fields.string("thinking"), !thinking.isEmpty {
            parts.append(ChatPart(.reasoning(text: thinking, signature: nil)))
        }
        let images = try (fields.array("images") ?? []).mapInside("images") { (image) throws(DialectError) in
            guard let base64 = image.string else { throw .wrongType(nil, expected: "a string of base64") }
            return ChatPart(.image(url: DataURL(mediaType: Self.mediaType(base64), base64: base64).text, detail: nil))
        }
        if !text.isEmpty || parts.isEmpty && images.isEmpty { parts.append(ChatPart(.text(text))) }
        parts += images
        let isPlain = parts.count == 1 && images.isEmpty && parts[0].kind == .text(text)
        var message = ChatMessage(role: role, content: isPlain ? .text(text) : .parts(parts))
        if role == .assistant {
            message.toolCalls = try calls(from: &fields, at: index)
            if isPlain, text.isEmpty, !message.toolCalls.isEmpty { message.content = nil }
        }
        if role == .tool {
            let name = try fields.string("tool_name")
            message.name = if let name { name } else { try fields.string("name") }
            let id = try fields.string("tool_call_id")
            message.toolCallID = resultID(id, name: message.name, at: index)
        }
        message.extras = fields.rest
        return message
    }

    private mutating func calls(
        from fields: inout JSONFields, at index: Int
    ) throws(DialectError) -> [ChatToolCall] {
        open.removeAll()
        var number = 0
        var made: [ChatToolCall] = []
        for value in try fields.array("tool_calls") ?? [] {
            do throws(DialectError) {
                var call = try JSONFields(value)
                let given = try call.string("id")
                var function = try call.requiredObject("function")
                let name = try function.requiredString("name")
                let input = try function.value("arguments") ?? .object([])
                // What Ollama writes is an object; some clients send back the text of one.
                let text = input.string ?? ToolInput.text(input)
                _ = try function.value("index")
                let id = given ?? "call_\(index)_\(number)"
                var read = ChatToolCall(id: id, name: name, input: .arguments(text))
                read.extras = call.rest.filter { $0.key != "type" }
                made.append(read)
                open.append((id, name))
            } catch {
                throw error.inside("tool_calls[\(number)]")
            }
            number += 1
        }
        return made
    }

    private mutating func resultID(_ given: String?, name: String?, at index: Int) -> String {
        let place =
            given.flatMap { id in open.firstIndex { $0.id == id } }
            ?? (given == nil ? open.firstIndex { name == nil || $0.name == name } ?? open.indices.first : nil)
        let id = given ?? place.map { open[$0].id } ?? "call_\(index)"
        if let place { open.remove(at: place) }
        return id
    }

    /// The type of an image by how its base64 begins, since Ollama's clients do not say.
    private static func mediaType(_ base64: String) -> String {
        if base64.hasPrefix("/9j/") { return "image/jpeg" }
        if base64.hasPrefix("R0lG") { return "image/gif" }
        if base64.hasPrefix("UklG") { return "image/webp" }
        return "image/png"
    }
}
