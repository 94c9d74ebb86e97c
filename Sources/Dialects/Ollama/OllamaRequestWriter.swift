// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes the members of a body of `POST /api/chat`; `docs/dialects/ollama.md` has the rules.
struct OllamaRequestWriter {
    let chat: ChatRequest
    let target: RequestTarget
    /// The paths of the members that were left out.
    private(set) var dropped: [String] = []

    private var isOwn: Bool { chat.origin == .ollama }

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
    }

    /// Every member of the body.
    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        if !isOwn { dropped += try chat.foreignExtras() }
        if let count = chat.choiceCount, count > 1 { throw .unsupported(chat.origin.name(ofChatMember: "n")) }
        var object = JSONMembers()
        object.add("model", target.model)
        object.add("messages", .array(try messages()))
        addTools(to: &object)
        object.add("stream", target.streams)
        switch chat.responseFormat {
        case .jsonObject?: object.add("format", "json")
        case .jsonSchema(let schema)?: object.add("format", schema["schema"] ?? .string("json"))
        case .text?, nil: break
        }
        object.add("think", thinking)
        object.add("logprobs", chat.sampling.wantsLogprobs)
        object.add(number: "top_logprobs", chat.sampling.topLogprobs.map(String.init))
        addOptions(to: &object)
        if isOwn { object.members += chat.extras.filter { $0.key != "options" } }
        if chat.allowsParallelCalls == false { dropped.append("parallel_tool_calls") }
        if chat.verbosity != nil { dropped.append("verbosity") }
        if chat.user != nil { dropped.append("user") }
        if chat.metadata != nil { dropped.append("metadata") }
        return object.members.filter { !target.quirks.unsupported.contains($0.key) }
    }

    private var thinking: JSONValue? {
        let reasoning = chat.reasoning
        if reasoning.isEnabled == false || reasoning.effort == "none" { return .bool(false) }
        switch reasoning.effort {
        case "minimal"?: return .string("low")
        case "xhigh"?: return .string("high")
        case let effort?: return .string(effort)
        case nil: return reasoning.isEnabled == true || (reasoning.budget ?? 0) > 0 ? .bool(true) : nil
        }
    }

    private func addOptions(to object: inout JSONMembers) {
        var options = JSONMembers()
        let sampling = chat.sampling
        options.add(number: "temperature", sampling.temperature)
        options.add(number: "top_p", sampling.topP)
        options.add(number: "top_k", sampling.topK)
        options.add(number: "seed", sampling.seed)
        options.add(number: "frequency_penalty", sampling.frequencyPenalty)
        options.add(number: "presence_penalty", sampling.presencePenalty)
        if let limit = chat.outputLimit {
            options.add(number: "num_predict", String(max(limit.tokens, target.quirks.minimumOutputLimit)))
        }
        if !chat.stop.isEmpty { options.add("stop", .array(chat.stop.map { .string($0) })) }
        if isOwn { options.members += chat.extras.first { $0.key == "options" }?.value.members ?? [] }
        if !options.members.isEmpty { object.add("options", .object(options.members)) }
    }

    // MARK: Tools

    /// A model cannot be made to call a tool here; one that it must not call is not shown to it.
    private mutating func addTools(to object: inout JSONMembers) {
        var tools = chat.tools
        switch chat.toolChoice {
        case nil, .auto?: break
        case ToolChoice.none?: tools = []
        case .function(let name)?, .custom(let name)?:
            tools.removeAll { $0.name != name }
            dropped.append("tool_choice")
        case .allowed(let names, let isRequired)?:
            tools.removeAll { !names.contains($0.name) }
            if isRequired { dropped.append("tool_choice") }
        case .required?, .other?: dropped.append("tool_choice")
        }
        var values: [JSONValue] = []
        for (index, tool) in tools.enumerated() {
            if let value = value(of: tool) { values.append(value) } else { dropped.append("tools[\(index)]") }
        }
        if !values.isEmpty { object.add("tools", .array(values)) }
    }

    private func value(of tool: ChatTool) -> JSONValue? {
        var inner = JSONMembers()
        inner.add("name", tool.name)
        inner.add("description", tool.description)
        switch tool.kind {
        case .other(let whole): return isOwn ? whole : nil
        case .function(let parameters, let isStrict):
            inner.add("parameters", parameters ?? .object([.init("type", .string("object"))]))
            if isOwn { inner.add("strict", isStrict) }
        case .custom: inner.add("parameters", CustomTool.parameters)
        }
        return .object(
            [.init("type", .string("function")), .init("function", .object(inner.members))]
                + (isOwn ? tool.extras : []))
    }

    // MARK: Messages

    private mutating func messages() throws(DialectError) -> [JSONValue] {
        var values: [JSONValue] = []
        for (index, message) in chat.messages.enumerated() {
            let path = "\(chat.origin.name(ofChatMember: "messages"))[\(index)]"
            values.append(try value(of: message, path))
        }
        return values
    }

    private mutating func value(of message: ChatMessage, _ path: String) throws(DialectError) -> JSONValue {
        var object = JSONMembers()
        let role: ChatMessage.Role =
            switch message.role {
            case .developer: .system
            case .function: .tool
            default: message.role
            }
        object.add("role", role.rawValue)
        try addContent(of: message, path, to: &object)
        if !message.toolCalls.isEmpty { object.add("tool_calls", .array(message.toolCalls.enumerated().map(value))) }
        if role == .tool {
            object.add("tool_name", message.toolCallID.flatMap { chat.toolName(ofCall: $0) } ?? message.name)
            object.add("tool_call_id", message.toolCallID)
        }
        return .object(object.members + (isOwn ? message.extras : []))
    }

    private mutating func addContent(
        of message: ChatMessage, _ path: String, to object: inout JSONMembers
    ) throws(DialectError) {
        guard case .parts(let parts) = message.content else {
            object.add("content", message.text)
            return
        }
        var texts: [String] = []
        var thoughts: [String] = []
        var images: [JSONValue] = []
        for (index, part) in parts.enumerated() {
            let path = "\(path).content[\(index)]"
            switch part.kind {
            case .text(let text), .refusal(let text): texts.append(text)
            case .reasoning(let text, let signature):
                // What another vendor signed is meant for it alone.
                if signature == nil || signature?.maker == target.maker {
                    thoughts.append(text)
                } else {
                    dropped.append(path)
                }
            case .redactedReasoning: dropped.append(path)
            case .image(let url, _):
                guard let image = DataURL(url) else { throw .unsupported(path) }
                images.append(.string(image.base64))
            case .audio, .file, .other: throw .unsupported(path)
            }
        }
        object.add("content", texts.joined(separator: message.role == .assistant ? "" : "\n"))
        if !thoughts.isEmpty { object.add("thinking", thoughts.joined(separator: "\n\n")) }
        if !images.isEmpty { object.add("images", .array(images)) }
    }

    private func value(_ index: Int, of call: ChatToolCall) -> JSONValue {
        .object(
            [
                .init("id", .string(call.id)),
                .init(
                    "function",
                    .object([
                        .init("index", .number(String(index))), .init("name", .string(call.name)),
                        .init("arguments", call.object),
                    ])),
            ] + (isOwn ? call.extras : []))
    }
}
