// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes the members of a body for Straico, which takes text and little else; `docs/dialects/straico.md` has the rules.
struct StraicoRequestWriter {
    let chat: ChatRequest
    let target: RequestTarget
    /// The paths of the members that were left out.
    private(set) var dropped: [String] = []

    private var isOwn: Bool { chat.origin == .straico }

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
    }

    /// Every member of the body; none asks for a stream.
    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        try refuseWhatMatters()
        dropWhatDoesNot()
        if !isOwn { dropped += try chat.foreignExtras() }
        var object = JSONMembers()
        object.add("model", target.model)
        let root = chat.origin.name(ofChatMember: "messages")
        var messages: [JSONValue] = []
        for (index, message) in chat.messages.enumerated() {
            messages.append(try value(of: message, "\(root)[\(index)]"))
        }
        object.add("messages", .array(messages))
        object.add(number: "temperature", chat.sampling.temperature)
        if let limit = chat.outputLimit {
            object.add(number: "max_tokens", String(max(limit.tokens, target.quirks.minimumOutputLimit)))
        }
        if isOwn { object.members += chat.extras }
        return object.members.filter { !target.quirks.unsupported.contains($0.key) }
    }

    /// Refuses what the answer would be another without.
    private func refuseWhatMatters() throws(DialectError) {
        let hasTools = chat.tools.contains { tool in
            if case .other = tool.kind { false } else { true }
        }
        if hasTools, chat.toolChoice != ToolChoice.none { throw .unsupported("tools") }
        if let choice = chat.toolChoice, choice != .none, choice != .auto { throw .unsupported("tool_choice") }
        if let format = chat.responseFormat, format != .text {
            throw .unsupported(chat.origin.name(ofChatMember: "response_format"))
        }
        if !chat.stop.isEmpty { throw .unsupported(chat.origin.name(ofChatMember: "stop")) }
        if let count = chat.choiceCount, count > 1 { throw .unsupported(chat.origin.name(ofChatMember: "n")) }
    }

    private mutating func dropWhatDoesNot() {
        let sampling = chat.sampling
        let given: [(String, Bool)] = [
            ("tools", !chat.tools.isEmpty), ("parallel_tool_calls", chat.allowsParallelCalls != nil),
            ("top_p", sampling.topP != nil), ("top_k", sampling.topK != nil), ("seed", sampling.seed != nil),
            ("frequency_penalty", sampling.frequencyPenalty != nil),
            ("presence_penalty", sampling.presencePenalty != nil), ("logprobs", sampling.wantsLogprobs == true),
            ("reasoning", chat.reasoning != ReasoningSettings()), ("verbosity", chat.verbosity != nil),
            ("user", chat.user != nil), ("metadata", chat.metadata != nil),
        ]
        dropped += given.filter(\.1).map(\.0)
    }

    private mutating func value(of message: ChatMessage, _ path: String) throws(DialectError) -> JSONValue {
        guard message.toolCalls.isEmpty else { throw .unsupported("\(path).tool_calls") }
        let role: ChatMessage.Role = message.role == .developer ? .system : message.role
        guard role != .tool, role != .function else { throw .unsupported(path) }
        let texts = try texts(of: message, path)
        let content: JSONValue =
            role == .assistant
            ? .string(texts.joined())
            : .array(texts.map { .object([.init("type", .string("text")), .init("text", .string($0))]) })
        return .object([.init("role", .string(role.rawValue)), .init("content", content)])
    }

    private mutating func texts(of message: ChatMessage, _ path: String) throws(DialectError) -> [String] {
        guard case .parts(let parts) = message.content else { return [message.text] }
        var texts: [String] = []
        for (index, part) in parts.enumerated() {
            switch part.kind {
            case .text(let text), .refusal(let text): texts.append(text)
            case .reasoning, .redactedReasoning: dropped.append("\(path).content[\(index)]")
            case .image, .audio, .file, .other: throw .unsupported("\(path).content[\(index)]")
            }
        }
        return texts
    }
}
