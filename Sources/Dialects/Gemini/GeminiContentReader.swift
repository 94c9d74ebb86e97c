// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Reads contents into messages, remembering the calls that wait for their results.
struct GeminiContentReader {
    /// The calls so far without a result, oldest first.
    private var waiting: [(id: String, name: String)] = []
    /// How many calls and results there were, which makes ids for those without.
    private var count = 0

    /// Reads `systemInstruction`: a content, or a text as some clients send it.
    static func system(_ value: JSONValue) throws(DialectError) -> ChatMessage {
        if let text = value.string { return ChatMessage(role: .system, content: .text(text)) }
        var fields = try JSONFields(google: value)
        let parts = try (fields.array("parts") ?? []).mapInside("parts") { (part) throws(DialectError) in
            try GeminiPartReader.part(part)
        }
        var message = ChatMessage(role: .system, content: content(parts))
        message.extras = fields.rest
        return message
    }

    /// Reads a content: a message, and one more for each result of a call.
    mutating func messages(_ value: JSONValue) throws(DialectError) -> [ChatMessage] {
        var fields = try JSONFields(google: value)
        let role: ChatMessage.Role
        switch try fields.string("role") ?? "user" {
        case "user", "function", "tool", "": role = .user
        case "model", "assistant": role = .assistant
        case "system": role = .system
        default: throw .wrongValue("role", expected: "'user' or 'model'")
        }
        var messages: [ChatMessage] = []
        var parts: [ChatPart] = []
        var calls: [ChatToolCall] = []
        for (number, part) in (try fields.array("parts") ?? []).enumerated() {
            do throws(DialectError) {
                var inside = try JSONFields(google: part)
                if let call = try inside.googleObject("functionCall") {
                    guard role == .assistant else { throw .wrongValue("functionCall", expected: "in a turn of the model") }
                    calls.append(try self.call(call, in: inside))
                } else if let response = try inside.googleObject("functionResponse") {
                    guard role == .user else { throw .wrongValue("functionResponse", expected: "in a turn of the user") }
                    if !parts.isEmpty { messages.append(ChatMessage(role: .user, content: Self.content(parts))) }
                    parts = []
                    messages.append(try result(response, in: inside))
                } else {
                    Self.add(try GeminiPartReader.parts(part), to: &parts)
                }
            } catch {
                throw error.inside("parts[\(number)]")
            }
        }
        guard !parts.isEmpty || messages.isEmpty || !calls.isEmpty else { return messages }
        let isBare = parts.isEmpty && !calls.isEmpty
        var message = ChatMessage(role: role, content: isBare ? nil : Self.content(parts))
        message.toolCalls = calls
        message.extras = fields.rest
        messages.append(message)
        return messages
    }

    /// Adds parts; a signature alone is that of the reasoning before it.
    private static func add(_ new: [ChatPart], to parts: inout [ChatPart]) {
        for part in new {
            if case .reasoning("", let signature?) = part.kind, let last = parts.last,
                case .reasoning(let text, nil) = last.kind
            {
                parts[parts.count - 1].kind = .reasoning(text: text, signature: signature)
            } else {
                parts.append(part)
            }
        }
    }

    private static func content(_ parts: [ChatPart]) -> ChatContent {
        if parts.isEmpty { return .text("") }
        if parts.count == 1, case .text(let text) = parts[0].kind, parts[0].extras.isEmpty { return .text(text) }
        return .parts(parts)
    }

    // MARK: Calls

    private mutating func call(_ call: JSONFields, in part: JSONFields) throws(DialectError) -> ChatToolCall {
        var part = part
        var call = call
        do throws(DialectError) {
            let name = try call.requiredString("name")
            let arguments = try call.object("args")?.rest ?? []
            count += 1
            var id = try call.string("id") ?? ""
            if id.isEmpty { id = GeminiCallID.make("call/\(count)/\(name)") }
            waiting.append((id, name))
            let text = ToolInput.text(.object(arguments))
            var result = ChatToolCall(id: id, name: name, input: .arguments(text))
            result.signature = try part.string("thoughtSignature").map { GeminiSignature.read($0).signature }
            result.extras = part.rest + GeminiFields.leftover("functionCall", call.rest)
            return result
        } catch {
            throw error.inside("functionCall")
        }
    }

    /// The result of a call, which is found by its id, or else is that of the oldest call of the same name that waits.
    private mutating func result(_ response: JSONFields, in part: JSONFields) throws(DialectError) -> ChatMessage {
        var response = response
        do throws(DialectError) {
            let name = try response.requiredString("name")
            count += 1
            var id = try response.string("id") ?? ""
            if id.isEmpty {
                let call = waiting.first { $0.name == name } ?? waiting.first
                id = call?.id ?? GeminiCallID.make("result/\(count)/\(name)")
            }
            if let place = waiting.firstIndex(where: { $0.id == id }) { waiting.remove(at: place) }
            let value = try response.object("response")?.rest ?? []
            let (text, isError) = Self.output(value)
            var parts: [ChatPart] = []
            for inner in try response.array("parts") ?? [] { parts += try GeminiPartReader.parts(inner) }
            var message = ChatMessage(role: .tool, content: .text(text))
            if !parts.isEmpty { message.content = .parts([ChatPart(.text(text))] + parts) }
            message.toolCallID = id
            message.name = name
            message.isError = isError
            message.extras = part.rest + GeminiFields.leftover("functionResponse", response.rest)
            return message
        } catch {
            throw error.inside("functionResponse")
        }
    }

    /// What a result says: the one string in it, or else the whole object as JSON.
    private static func output(_ members: [JSONValue.Member]) -> (text: String, isError: Bool) {
        func text(_ value: JSONValue) -> String { value.string ?? ToolInput.text(value) }
        if members.count == 1 {
            if members[0].key == "error" { return (text(members[0].value), true) }
            if members[0].key == "result" || members[0].key == "output", let plain = members[0].value.string {
                return (plain, false)
            }
        }
        return (ToolInput.text(.object(members)), false)
    }
}
