// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes the members of a body of a Messages request.
struct AnthropicRequestWriter {
    private let chat: ChatRequest
    private let target: RequestTarget
    private let origin: Dialect
    /// The paths of what was left out, in the words of the request's own dialect.
    private(set) var dropped: [String] = []

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
        origin = chat.origin
    }

    /// What other dialects keep at their vendors, or what would change the answer if it were left out.
    private static let refused: Set<String> = [
        "previous_response_id", "conversation", "prompt", "cachedContent", "thread", "container", "functions", "audio",
        "response_format",
    ]

    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        let isOwn = chat.origin == .anthropic
        if let count = chat.choiceCount, count > 1 {
            throw .unsupported(origin.name(ofChatMember: "n"))
        }
        var turns = AnthropicTurns(chat, target)
        try turns.read()
        var tools = AnthropicToolWriter(chat, target)
        try tools.read()
        let thinking = AnthropicThinking(chat, target, isForced: tools.isForced, allowsBudget: turns.allowsBudget)
        dropped += turns.dropped + tools.dropped + thinking.dropped

        var object = JSONMembers()
        object.add("model", target.model)
        object.add(number: "max_tokens", String(thinking.outputLimit))
        object.add("system", turns.system)
        object.add("messages", .array(turns.values))
        if !tools.tools.isEmpty { object.add("tools", .array(tools.tools)) }
        object.add("tool_choice", tools.choice)
        if !chat.stop.isEmpty { object.add("stop_sequences", .array(chat.stop.map { .string($0) })) }
        addSampling(to: &object, isOwn: isOwn, thinks: thinking.isActive)
        object.add("thinking", thinking.value)
        try addOutput(to: &object, effort: thinking.effort)
        if let user = chat.user { object.add("metadata", .object([.init("user_id", .string(user))])) }
        if target.streams { object.add("stream", true) }
        if isOwn { addExtras(to: &object) } else { try dropForeign() }
        removeUnsupported(from: &object)
        return object.members
    }

    private mutating func addSampling(to object: inout JSONMembers, isOwn: Bool, thinks: Bool) {
        let sampling = chat.sampling
        guard !isOwn else {
            object.add(number: "temperature", sampling.temperature)
            object.add(number: "top_p", sampling.topP)
            object.add(number: "top_k", sampling.topK)
            return
        }
        if thinks {
            // Who thinks draws as the vendor will, and is refused any other wish.
            if sampling.temperature != nil { dropped.append(origin.name(ofChatMember: "temperature")) }
            if sampling.topP != nil { dropped.append(origin.name(ofChatMember: "top_p")) }
            if sampling.topK != nil { dropped.append(origin.name(ofChatMember: "top_k")) }
            return
        }
        if let temperature = sampling.temperature {
            // Others go up to 2, Anthropic to 1.
            let isTooHot = (Double(temperature) ?? 0) > 1
            object.add(number: "temperature", isTooHot ? "1" : temperature)
            // One of both is all that newer models take.
            if sampling.topP != nil { dropped.append(origin.name(ofChatMember: "top_p")) }
        } else {
            object.add(number: "top_p", sampling.topP)
        }
        object.add(number: "top_k", sampling.topK)
    }

    private mutating func addOutput(to object: inout JSONMembers, effort: String?) throws(DialectError) {
        var output = JSONMembers()
        output.add("effort", effort)
        switch chat.responseFormat {
        case nil, .text: break
        case .jsonObject:
            // OpenAI demands that the prompt says so too.
            dropped.append(origin.name(ofChatMember: "response_format"))
        case .jsonSchema(let format):
            guard let schema = format["schema"], !target.quirks.unsupported.contains("output_config") else {
                throw .unsupported(origin.name(ofChatMember: "response_format"))
            }
            output.add("format", .object([.init("type", .string("json_schema")), .init("schema", schema)]))
        }
        if !output.members.isEmpty { object.add("output_config", .object(output.members)) }
    }

    /// What else `metadata`, `thinking` and `output_config` held joins the rest of them again.
    private func addExtras(to object: inout JSONMembers) {
        for member in chat.extras {
            if let place = object.members.firstIndex(where: { $0.key == member.key }) {
                guard let known = object.members[place].value.members, let more = member.value.members else {
                    continue
                }
                object.members[place].value = .object(known + more)
            } else {
                object.members.append(member)
            }
        }
    }

    private mutating func dropForeign() throws(DialectError) {
        for member in chat.extras where Self.refused.contains(member.key) && !member.value.isNull {
            throw .unsupported(member.key)
        }
        dropped += chat.extras.map(\.key)
        if chat.sampling.frequencyPenalty != nil { dropped.append(origin.name(ofChatMember: "frequency_penalty")) }
        if chat.sampling.presencePenalty != nil { dropped.append(origin.name(ofChatMember: "presence_penalty")) }
        if chat.sampling.seed != nil { dropped.append(origin.name(ofChatMember: "seed")) }
        if chat.sampling.wantsLogprobs == true { dropped.append(origin.name(ofChatMember: "logprobs")) }
        if chat.sampling.topLogprobs != nil { dropped.append(origin.name(ofChatMember: "top_logprobs")) }
        if chat.verbosity != nil { dropped.append(origin.name(ofChatMember: "verbosity")) }
        if chat.metadata != nil { dropped.append("metadata") }
    }

    private mutating func removeUnsupported(from object: inout JSONMembers) {
        let unsupported = target.quirks.unsupported
        guard !unsupported.isEmpty else { return }
        for member in object.members where unsupported.contains(member.key) { dropped.append(member.key) }
        object.members.removeAll { unsupported.contains($0.key) }
    }
}
