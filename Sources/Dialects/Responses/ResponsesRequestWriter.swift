// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes the members of a request's body.
struct ResponsesRequestWriter {
    private let chat: ChatRequest
    private let target: RequestTarget
    /// Whether the request came in this dialect, so that what is not known is written again.
    private let isOwn: Bool
    /// The paths of what was left out.
    private(set) var dropped: [String] = []

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
        isOwn = chat.origin == .openAIResponses
    }

    /// Every member of the body.
    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        if !isOwn { try checkForeign() }
        var object = JSONMembers()
        object.add("model", target.model)
        var items = ResponsesItemWriter(chat, target)
        try items.write()
        dropped += items.dropped
        object.add("instructions", items.instructions)
        if !items.items.isEmpty || !isOwn { object.add("input", .array(items.items)) }
        addTools(to: &object)
        try addToolChoice(to: &object)
        object.add("parallel_tool_calls", chat.tools.isEmpty && !isOwn ? nil : chat.allowsParallelCalls)
        object.add(number: "temperature", chat.sampling.temperature)
        object.add(number: "top_p", chat.sampling.topP)
        object.add(number: "top_logprobs", chat.sampling.topLogprobs.map(String.init))
        object.add(
            number: "max_output_tokens",
            chat.outputLimit.map { String(max($0.tokens, target.quirks.minimumOutputLimit)) })
        object.add("text", text())
        object.add("reasoning", reasoning())
        addKeeping(to: &object)
        if target.streams { object.add("stream", true) }
        object.add("user", chat.user)
        object.add("metadata", chat.metadata.map { .object($0) })
        if isOwn { addExtras(to: &object) } else { dropped += chat.extras.map(\.key) }
        return object.members.filter { member in
            guard target.quirks.unsupported.contains(member.key) else { return true }
            dropped.append(member.key)
            return false
        }
    }

    /// Refuses what would change the answer, and notes what is only let go.
    private mutating func checkForeign() throws(DialectError) {
        try ResponsesForeignState.check(chat)
        guard chat.stop.isEmpty else { throw .unsupported(chat.origin.name(ofChatMember: "stop")) }
        guard chat.choiceCount ?? 1 == 1 else { throw .unsupported(chat.origin.name(ofChatMember: "n")) }
        let unsaid = [
            ("top_k", chat.sampling.topK), ("frequency_penalty", chat.sampling.frequencyPenalty),
            ("presence_penalty", chat.sampling.presencePenalty), ("seed", chat.sampling.seed),
        ]
        for (name, value) in unsaid where value != nil { dropped.append(chat.origin.name(ofChatMember: name)) }
    }

    private mutating func addTools(to object: inout JSONMembers) {
        var tools: [JSONValue] = []
        for (index, tool) in chat.tools.enumerated() {
            if let value = ResponsesToolWriter.value(of: tool, isOwn: isOwn) {
                tools.append(value)
            } else {
                dropped.append("tools[\(index)]")
            }
        }
        if !tools.isEmpty { object.add("tools", .array(tools)) }
    }

    private func addToolChoice(to object: inout JSONMembers) throws(DialectError) {
        guard let choice = chat.toolChoice else { return }
        if !isOwn, case .other = choice { throw .unsupported(chat.origin.name(ofChatMember: "tool_choice")) }
        guard isOwn || !chat.tools.isEmpty else { return }
        var value = ResponsesToolWriter.value(of: choice, customNames: chat.customToolNames)
        if !target.quirks.takesToolChoice, choice != .none { value = .string("auto") }
        object.add("tool_choice", value)
    }

    private func text() -> JSONValue? {
        var text = JSONMembers()
        text.add("format", chat.responseFormat.map(ResponsesToolWriter.value))
        text.add("verbosity", chat.verbosity)
        return joined(text, with: "text")
    }

    private func reasoning() -> JSONValue? {
        var reasoning = JSONMembers()
        reasoning.add("effort", ResponsesEffort(chat.reasoning)?.name)
        switch chat.reasoning.display {
        case "omitted", "none": break
        case "summarized": reasoning.add("summary", "auto")
        case let display?: reasoning.add("summary", display)
        case nil:
            // Anthropic and Google show what was thought unless told not to.
            let shows = chat.origin == .anthropic || chat.origin == .gemini || chat.origin == .antigravity
            if shows, chat.reasoning.isEnabled == true { reasoning.add("summary", "auto") }
        }
        return joined(reasoning, with: "reasoning")
    }

    /// An object with what else the client's own had.
    private func joined(_ object: JSONMembers, with name: String) -> JSONValue? {
        let others = isOwn ? chat.extras.first { $0.key == name }?.value.members ?? [] : []
        let members = object.members + others
        return members.isEmpty ? nil : .object(members)
    }

    /// Nothing is kept upstream for clients that do not know of it, so reasoning has to come back encrypted to be sent again.
    private func addKeeping(to object: inout JSONMembers) {
        guard !isOwn else { return }
        object.add("store", false)
        var include: [JSONValue] = []
        // Models that do not think refuse to include what they thought.
        let thinks =
            chat.reasoning.isEnabled == true || chat.reasoning.display != nil
            || ResponsesEffort(chat.reasoning).map { $0.name != "none" } ?? false
        if thinks { include.append(.string("reasoning.encrypted_content")) }
        if chat.sampling.wantsLogprobs == true { include.append(.string("message.output_text.logprobs")) }
        if !include.isEmpty { object.add("include", .array(include)) }
    }

    private func addExtras(to object: inout JSONMembers) {
        for member in chat.extras where member.key != "text" && member.key != "reasoning" {
            object.members.append(member)
        }
    }
}

/// How much a model is to think, in the dialect's words.
struct ResponsesEffort {
    let name: String

    /// The effort as it was said, or one that fits the bound on the tokens of reasoning; `nil` leaves it to the model.
    init?(_ settings: ReasoningSettings) {
        if let effort = settings.effort {
            name = effort
        } else if settings.isEnabled == false || settings.budget == 0 {
            name = "none"
        } else if let budget = settings.budget, budget > 0 {
            name = budget < 4096 ? "low" : budget < 16_384 ? "medium" : "high"
        } else {
            return nil
        }
    }
}
