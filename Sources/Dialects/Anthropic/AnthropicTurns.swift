// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// The conversation as Anthropic wants it: the system apart, and the messages of one speaker in a row as one turn.
struct AnthropicTurns {
    private struct Turn {
        let role: String
        /// Results of tools, which come first.
        var results: [JSONValue] = []
        var blocks: [JSONValue] = []
        /// The text of a turn that is nothing else.
        var text: String?
        var extras: [JSONValue.Member] = []
        /// Whether a user said something in it, be it only space.
        var isSaid = false

        init(role: String) {
            self.role = role
        }

        /// Makes a block of the text, since something joins it.
        mutating func makeBlocks() {
            guard let plain = text else { return }
            text = nil
            blocks = AnthropicPartWriter.text(plain)
        }

        /// Takes over what the same speaker says next.
        mutating func join(_ next: Turn) {
            var next = next
            makeBlocks()
            next.makeBlocks()
            results += next.results
            blocks += next.blocks
            extras += next.extras
            isSaid = isSaid || next.isSaid
        }

        var isEmpty: Bool { text == nil && results.isEmpty && blocks.isEmpty }

        var value: JSONValue {
            let content: JSONValue = text.map { .string($0) } ?? .array(results + blocks)
            return .object([.init("role", .string(role)), .init("content", content)] + extras)
        }
    }

    /// What stands for a user's turn of nothing but space, which Anthropic refuses.
    private static let blank = "(empty)"

    private let chat: ChatRequest
    private let origin: Dialect
    private var parts: AnthropicPartWriter
    private var turns: [Turn] = []
    private var index = 0
    /// The `system` member.
    private(set) var system: JSONValue?
    private(set) var otherDropped: [String] = []

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        origin = chat.origin
        parts = AnthropicPartWriter(origin: chat.origin, target)
    }

    /// The `messages`.
    var values: [JSONValue] { turns.map(\.value) }

    /// The paths of what was left out.
    var dropped: [String] { otherDropped + parts.dropped }

    /// Whether the model may be given a budget for thinking: a turn that called tools must begin with thinking then.
    var allowsBudget: Bool {
        guard let last = turns.last(where: { $0.role == "assistant" }),
            last.blocks.contains(where: { $0["type"]?.string == "tool_use" })
        else { return true }
        let first = last.blocks.first?["type"]?.string
        return first == "thinking" || first == "redacted_thinking"
    }

    /// Reads the request's messages.
    mutating func read() throws(DialectError) {
        try readSystem()
        while index < chat.messages.count {
            try add(chat.messages[index])
            index += 1
        }
        turns.removeAll { $0.isEmpty && !$0.isSaid }
        joinNeighbours()
        // Without the user's turn the model would go on with its own, or there would be none at all.
        for place in turns.indices where turns[place].isEmpty { turns[place].text = Self.blank }
        trimEnd()
        guard !turns.isEmpty else {
            throw DialectError(
                "The conversation says nothing but to the system.", parameter: origin.name(ofChatMember: "messages"),
                code: "invalid_value")
        }
    }

    private mutating func readSystem() throws(DialectError) {
        var blocks: [JSONValue] = []
        var text: String?
        while index < chat.messages.count, chat.messages[index].isToSystem {
            let message = chat.messages[index]
            if let plain = message.plainText, blocks.isEmpty, text == nil {
                text = plain
            } else {
                if let text { blocks += AnthropicPartWriter.text(text) }
                text = nil
                blocks += try parts.blocks(of: message, at: index)
            }
            index += 1
        }
        if let text {
            system = AnthropicPartWriter.text(text).isEmpty ? nil : .string(text)
        } else if !blocks.isEmpty {
            system = .array(blocks)
        }
    }

    private mutating func add(_ message: ChatMessage) throws(DialectError) {
        let isOwn = chat.origin == .anthropic
        if message.name != nil, message.role != .function { otherDropped.append(origin.path(ofMessage: index) + ".name") }
        switch message.role {
        case .system, .developer:
            // Only an Anthropic client knows whether the model takes orders in the middle.
            try append(message, as: isOwn ? "system" : "user")
        case .user:
            try append(message, as: "user")
        case .tool:
            add(result: try result(of: message, to: message.toolCallID ?? ""))
        case .function:
            guard let call = call(of: message.name) else {
                throw .unsupported(origin.path(ofMessage: index))
            }
            add(result: try result(of: message, to: call))
        case .assistant:
            try append(message, as: "assistant")
            let last = turns.count - 1
            guard !message.toolCalls.isEmpty else { return }
            turns[last].makeBlocks()
            turns[last].blocks += message.toolCalls.map { call in
                .object(
                    [
                        .init("type", .string("tool_use")), .init("id", .string(AnthropicCallID.fit(call.id))),
                        .init("name", .string(call.name)), .init("input", call.object),
                    ] + (isOwn ? call.extras : []))
            }
        }
    }

    /// Adds what a message says to the turn of its speaker.
    private mutating func append(_ message: ChatMessage, as role: String) throws(DialectError) {
        var turn = Turn(role: role)
        turn.blocks = try parts.blocks(of: message, at: index)
        if let text = message.plainText, !turn.blocks.isEmpty {
            turn.text = text
            turn.blocks = []
        }
        turn.isSaid = message.role == .user && message.content != nil
        if chat.origin == .anthropic { turn.extras = message.extras }
        add(turn)
    }

    private mutating func add(result: JSONValue) {
        var turn = Turn(role: "user")
        turn.results = [result]
        add(turn)
    }

    private mutating func add(_ turn: Turn) {
        if turns.last?.role == turn.role {
            turns[turns.count - 1].join(turn)
        } else {
            turns.append(turn)
        }
    }

    /// Joins turns between which one said nothing.
    private mutating func joinNeighbours() {
        var joined: [Turn] = []
        for turn in turns {
            if joined.last?.role == turn.role {
                joined[joined.count - 1].join(turn)
            } else {
                joined.append(turn)
            }
        }
        turns = joined
    }

    private mutating func result(of message: ChatMessage, to id: String) throws(DialectError) -> JSONValue {
        let isOwn = chat.origin == .anthropic
        var object = JSONMembers()
        object.add("type", "tool_result")
        object.add("tool_use_id", AnthropicCallID.fit(id))
        if let text = message.plainText {
            object.add("content", text)
        } else if message.content != nil {
            object.add("content", .array(try parts.blocks(of: message, at: index)))
        }
        if message.isError { object.add("is_error", true) }
        return .object(object.members + (isOwn ? message.extras : []))
    }

    /// The call that a legacy result answers: the last one of its name.
    private func call(of name: String?) -> String? {
        for message in chat.messages[..<index].reversed() {
            for call in message.toolCalls.reversed() where call.name == name { return call.id }
        }
        return nil
    }

    /// Anthropic refuses space at the end of what the model is to go on with.
    private mutating func trimEnd() {
        guard let last = turns.last, last.role == "assistant" else { return }
        let place = turns.count - 1
        if let text = last.text {
            turns[place].text = AnthropicPartWriter.trimmed(text)
        } else if let block = last.blocks.last, block["type"]?.string == "text", var members = block.members,
            let text = members.firstIndex(where: { $0.key == "text" }), let string = members[text].value.string
        {
            members[text].value = .string(AnthropicPartWriter.trimmed(string))
            turns[place].blocks[last.blocks.count - 1] = .object(members)
        }
    }
}

extension ChatMessage {
    fileprivate var isToSystem: Bool { role == .system || role == .developer }

    /// The text of a message that is not in parts.
    fileprivate var plainText: String? {
        if case .text(let text) = content { text } else { nil }
    }
}

extension Dialect {
    /// The path of a message in a request of this dialect.
    fileprivate func path(ofMessage index: Int) -> String { name(ofChatMember: "messages") + "[\(index)]" }
}
