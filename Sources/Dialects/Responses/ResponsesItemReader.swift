// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes messages of the items of `input`: the items that a model said in one turn become one message.
struct ResponsesItemReader {
    private(set) var messages: [ChatMessage] = []

    /// Whether the last message is a turn of the model that further items may join.
    private var isInTurn = false
    /// Whether the turn has a message item.
    private var hasMessage = false
    /// A signature that came for the call that comes next.
    private var callSignature: OpaqueSignature?

    /// What a carrier's maker ends with when the signature belongs to the call after it.
    static let callSuffix = "-call"
    /// What it ends with when the whole reasoning is for its maker alone.
    static let redactedSuffix = "-redacted"

    mutating func read(_ value: JSONValue) throws(DialectError) {
        var fields = try JSONFields(value)
        let isMessage = value["role"] != nil
        guard let type = try fields.string("type") ?? (isMessage ? "message" : nil) else { throw .missing("type") }
        switch type {
        case "message": try readMessage(&fields)
        case "reasoning": try readReasoning(&fields)
        case "function_call", "custom_tool_call": try readCall(&fields, isCustom: type == "custom_tool_call")
        case "function_call_output", "custom_tool_call_output": try readOutput(&fields, type: type)
        default: readOther(value, type: type)
        }
    }

    private mutating func readMessage(_ fields: inout JSONFields) throws(DialectError) {
        let role: ChatMessage.Role
        switch try fields.requiredString("role") {
        case "user": role = .user
        case "system": role = .system
        case "developer": role = .developer
        case "assistant": role = .assistant
        default: throw .wrongValue("role", expected: "user, assistant, system or developer")
        }
        let content = try ResponsesContentReader.content("content", from: &fields)
        guard role == .assistant else {
            var message = ChatMessage(role: role, content: content)
            message.extras = fields.rest
            append(message)
            return
        }
        // After a call the turn goes on, or the call's result would not follow it.
        if isInTurn, hasMessage, messages.last?.toolCalls.isEmpty == true { isInTurn = false }
        let extras = fields.rest
        let isFirst = !isInTurn || !hasMessage
        changeTurn { turn in
            if turn.content == nil, case .text = content {
                turn.content = content
            } else {
                ResponsesItemReader.add(ResponsesContentReader.parts(content), to: &turn)
            }
            if isFirst { turn.extras = extras }
        }
        hasMessage = true
    }

    private mutating func readReasoning(_ fields: inout JSONFields) throws(DialectError) {
        let encrypted = try fields.string("encrypted_content")
        let texts =
            ResponsesItemReader.texts(fields.rest, "summary") + ResponsesItemReader.texts(fields.rest, "content")
        let text = texts.joined(separator: "\n\n")
        let isCarrier = encrypted?.hasPrefix(ResponsesSignature.carrierMark) == true
        var signature = encrypted.map { OpaqueSignature(reading: $0, fallback: ResponsesSignature.vendor) }
        var isRedacted = texts.isEmpty && !isCarrier
        if var carried = signature, isCarrier {
            if carried.maker.hasSuffix(Self.callSuffix) {
                carried.maker.removeLast(Self.callSuffix.count)
                callSignature = carried
                return
            }
            if carried.maker.hasSuffix(Self.redactedSuffix) {
                carried.maker.removeLast(Self.redactedSuffix.count)
                isRedacted = true
            }
            signature = carried
        }
        var part = ChatPart(.reasoning(text: text, signature: signature))
        if isRedacted, let signature { part = ChatPart(.redactedReasoning(signature)) }
        part.extras = fields.rest
        changeTurn { ResponsesItemReader.add([part], to: &$0) }
    }

    private mutating func readCall(_ fields: inout JSONFields, isCustom: Bool) throws(DialectError) {
        let id = try fields.requiredString("call_id")
        let name = try fields.requiredString("name")
        let input: ChatToolCall.Input =
            isCustom ? .text(try fields.string("input") ?? "") : .arguments(try fields.string("arguments") ?? "")
        var call = ChatToolCall(id: id, name: name, input: input)
        call.signature = callSignature
        call.extras = fields.rest
        callSignature = nil
        changeTurn { $0.toolCalls.append(call) }
    }

    private mutating func readOutput(_ fields: inout JSONFields, type: String) throws(DialectError) {
        let id = try fields.requiredString("call_id")
        var message = ChatMessage(role: .tool, content: try ResponsesContentReader.content("output", from: &fields))
        message.toolCallID = id
        // The type tells a custom tool's result even when its call is not in the conversation.
        message.extras = [JSONValue.Member("type", .string(type))] + fields.rest
        append(message)
    }

    /// Keeps an item of another type where it stands: what the vendor's own tools did is of the model's turn.
    private mutating func readOther(_ value: JSONValue, type: String) {
        var part = ChatPart(.other(value))
        part.extras = [ResponsesMark.item]
        if ResponsesForeignState.isHostedItem(type), !type.hasSuffix("_output") {
            changeTurn { ResponsesItemReader.add([part], to: &$0) }
        } else {
            append(ChatMessage(role: .user, content: .parts([part])))
        }
    }

    private mutating func append(_ message: ChatMessage) {
        messages.append(message)
        isInTurn = false
    }

    private mutating func changeTurn(_ change: (inout ChatMessage) -> Void) {
        if !isInTurn {
            messages.append(ChatMessage(role: .assistant, content: nil))
            isInTurn = true
            hasMessage = false
        }
        change(&messages[messages.count - 1])
    }

    private static func add(_ parts: [ChatPart], to turn: inout ChatMessage) {
        turn.content = .parts(ResponsesContentReader.parts(turn.content) + parts)
    }

    private static func texts(_ members: [JSONValue.Member], _ name: String) -> [String] {
        let elements = members.first { $0.key == name }?.value.elements ?? []
        return elements.compactMap { $0["text"]?.string }.filter { !$0.isEmpty }
    }
}
