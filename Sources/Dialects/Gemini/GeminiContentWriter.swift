// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes contents of messages: turns of one side merged, the user's first, all results of a batch in one.
struct GeminiContentWriter {
    private struct Turn {
        let role: String
        var parts: [JSONValue] = []
        /// How many results of calls stand at the beginning.
        var resultCount = 0
        var extras: [JSONValue.Member] = []
    }

    private let writer: GeminiRequestWriter
    private var parts: GeminiPartWriter
    private var system = Turn(role: "system")
    private var turns: [Turn] = []
    /// The names of the calls so far by their ids: Google wants the name back with a result.
    private var names: [String: String] = [:]
    /// The paths of members that were left out.
    private(set) var dropped: [String] = []

    init(_ writer: GeminiRequestWriter) {
        self.writer = writer
        parts = GeminiPartWriter(writer)
    }

    /// The system's instruction, when there is one.
    var systemInstruction: JSONValue? {
        guard !system.parts.isEmpty, !turns.isEmpty else { return nil }
        var members: [JSONValue.Member] = [.init("parts", .array(system.parts))]
        GeminiFields.merge(system.extras, into: &members)
        return .object(members)
    }

    /// The turns.
    var contents: [JSONValue] {
        var turns = turns
        // A conversation cannot be empty, nor begin with the model.
        if turns.isEmpty { turns.append(Turn(role: "user", parts: system.parts)) }
        if turns[0].role == "model" {
            turns.insert(Turn(role: "user", parts: [GeminiPartWriter.text(".")]), at: 0)
        }
        return turns.map { turn in
            var members: [JSONValue.Member] = [
                .init("role", .string(turn.role)), .init("parts", .array(turn.parts)),
            ]
            GeminiFields.merge(turn.extras, into: &members)
            return .object(members)
        }
    }

    /// Adds messages.
    mutating func read(_ messages: [ChatMessage]) throws(DialectError) {
        for (number, message) in messages.enumerated() {
            do throws(DialectError) {
                try add(message, number: number)
            } catch {
                throw error.inside("\(chat.origin.name(ofChatMember: "messages"))[\(number)]")
            }
        }
    }

    private var chat: ChatRequest { writer.chat }

    private mutating func add(_ message: ChatMessage, number: Int) throws(DialectError) {
        switch message.role {
        case .system, .developer:
            let made = try parts.values(of: message.content, isModel: false)
            if turns.isEmpty {
                system.parts += made
                addExtras(of: message, to: &system)
            } else {
                append(made, role: "user")
            }
        case .user:
            append(try parts.values(of: message.content, isModel: false), role: "user")
            addExtras(of: message)
        case .assistant:
            for call in message.toolCalls { names[call.id] = call.name }
            let made = try parts.values(of: message.content, isModel: true) + parts.calls(message.toolCalls)
            if message.content != nil || !made.isEmpty { append(made, role: "model") }
            addExtras(of: message)
        case .tool, .function:
            try addResult(message)
        }
    }

    private mutating func append(_ values: [JSONValue], role: String) {
        guard !values.isEmpty else { return }
        if turns.last?.role != role { turns.append(Turn(role: role)) }
        turns[turns.count - 1].parts += values
    }

    private mutating func addExtras(of message: ChatMessage) {
        guard writer.isGoogle, !message.extras.isEmpty, !turns.isEmpty else { return }
        addExtras(of: message, to: &turns[turns.count - 1])
    }

    private func addExtras(of message: ChatMessage, to turn: inout Turn) {
        if writer.isGoogle { GeminiFields.merge(message.extras, into: &turn.extras) }
    }

    /// Adds a result behind those of the same batch, before what else the user says.
    private mutating func addResult(_ message: ChatMessage) throws(DialectError) {
        let id = message.toolCallID ?? ""
        guard let name = names[id] ?? message.name else {
            throw DialectError(
                "No call of the conversation has this id.", parameter: "tool_call_id", code: "invalid_value")
        }
        let made = try parts.result(message, id: id, name: name)
        if turns.last?.role != "user" { turns.append(Turn(role: "user")) }
        let last = turns.count - 1
        turns[last].parts.insert(made.result, at: turns[last].resultCount)
        turns[last].resultCount += 1
        turns[last].parts += made.others
    }
}
