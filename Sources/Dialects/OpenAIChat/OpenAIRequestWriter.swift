// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes the members of a chat request's body for one target; `docs/dialects/openai-chat.md` has the rules.
struct OpenAIRequestWriter {
    let chat: ChatRequest
    let target: RequestTarget
    /// The paths of the members that were left out.
    private(set) var dropped: [String] = []

    /// Whether the request came in this dialect, so that its extras are words of it.
    private var isOwn: Bool { chat.origin == .openAIChat }
    /// Whether the target is OpenAI's own API, which alone has custom tools, choices among tools and verbosity.
    private var isOpenAI: Bool { target.maker == "openai" }

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
    }

    /// Every member of the body.
    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        if !isOwn { dropped += try chat.foreignExtras() }
        var object = JSONMembers()
        object.add("model", target.model)
        var messages = OpenAIMessageWriter(chat, target)
        object.add("messages", .array(try messages.values()))
        dropped += messages.dropped
        try addTools(to: &object)
        addSampling(to: &object)
        if let limit = chat.outputLimit {
            let isWhole = limit.countsReasoning && !target.quirks.usesMaxTokens
            let tokens = max(limit.tokens, target.quirks.minimumOutputLimit)
            object.add(number: isWhole ? "max_completion_tokens" : "max_tokens", String(tokens))
        }
        if !chat.stop.isEmpty { object.add("stop", .array(chat.stop.map { .string($0) })) }
        object.add(number: "n", chat.choiceCount.map(String.init))
        object.add("response_format", chat.responseFormat.map(format))
        object.add("reasoning_effort", effort)
        if isOwn || isOpenAI {
            object.add("verbosity", chat.verbosity)
            object.add("metadata", chat.metadata.map { .object($0) })
        } else {
            if chat.verbosity != nil { dropped.append("verbosity") }
            if chat.metadata != nil { dropped.append("metadata") }
        }
        object.add("user", chat.user)
        if target.streams { object.add("stream", true) }
        addExtras(to: &object)
        return try checked(object.members)
    }

    private mutating func addSampling(to object: inout JSONMembers) {
        let sampling = chat.sampling
        object.add(number: "temperature", sampling.temperature)
        object.add(number: "top_p", sampling.topP)
        object.add(number: "frequency_penalty", sampling.frequencyPenalty)
        object.add(number: "presence_penalty", sampling.presencePenalty)
        object.add(number: "seed", sampling.seed)
        object.add("logprobs", sampling.wantsLogprobs)
        object.add(number: "top_logprobs", sampling.topLogprobs.map(String.init))
        if sampling.topK != nil { dropped.append("top_k") }
    }

    /// How hard to think, in words; a number of tokens becomes the nearest.
    private var effort: String? {
        if let effort = chat.reasoning.effort { return effort }
        guard !isOwn, chat.reasoning.isEnabled != false, let budget = chat.reasoning.budget else { return nil }
        return switch budget {
        case ..<0: nil
        case ..<4096: "low"
        case ..<16_384: "medium"
        default: "high"
        }
    }

    /// What else `stream_options` held is among the extras and joins `include_usage` again.
    private func addExtras(to object: inout JSONMembers) {
        var options = JSONMembers()
        options.add("include_usage", true)
        for member in isOwn ? chat.extras : [] {
            if member.key == "stream_options", let others = member.value.members {
                options.members += others
            } else {
                object.members.append(member)
            }
        }
        if target.streams, target.quirks.takesStreamOptions { object.add("stream_options", .object(options.members)) }
    }

    /// Leaves out what the provider refuses, unless the answer would be another without it.
    private mutating func checked(_ members: [JSONValue.Member]) throws(DialectError) -> [JSONValue.Member] {
        var kept: [JSONValue.Member] = []
        for member in members {
            guard target.quirks.unsupported.contains(member.key) else {
                kept.append(member)
                continue
            }
            let changesAnswer =
                switch member.key {
                case "stop", "tools", "response_format": true
                case "n": chat.choiceCount != 1
                default: false
                }
            if changesAnswer { throw .unsupported(chat.origin.name(ofChatMember: member.key)) }
            dropped.append(member.key)
        }
        return kept
    }

    private func format(_ format: ResponseFormat) -> JSONValue {
        var object = JSONMembers()
        switch format {
        case .text: object.add("type", "text")
        case .jsonObject: object.add("type", "json_object")
        case .jsonSchema(let schema):
            object.add("type", "json_schema")
            object.add("json_schema", schema)
        }
        return .object(object.members)
    }

    // MARK: Tools

    private mutating func addTools(to object: inout JSONMembers) throws(DialectError) {
        var choice = chat.toolChoice
        var tools = chat.tools
        if case .allowed(let names, let isRequired) = choice, !isOpenAI {
            tools.removeAll { !names.contains($0.name) }
            choice = isRequired ? .required : .auto
        }
        var values: [JSONValue] = []
        for (index, tool) in tools.enumerated() {
            if let value = value(of: tool) { values.append(value) } else { dropped.append("tools[\(index)]") }
        }
        if !values.isEmpty { object.add("tools", .array(values)) }
        guard let choice else { return }
        if !isOwn {
            // A tool that the vendor of the other dialect runs cannot be called here.
            if case .other = choice { throw .unsupported("tool_choice") }
            if case .function(let name) = choice, isHosted(name) { throw .unsupported("tool_choice") }
            // OpenAI refuses a choice among no tools.
            guard !values.isEmpty else { return }
        }
        if !target.quirks.takesToolChoice, choice != .none, choice != .auto {
            dropped.append("tool_choice")
            object.add("tool_choice", "auto")
        } else {
            object.add("tool_choice", value(of: choice))
        }
        if !values.isEmpty || isOwn { object.add("parallel_tool_calls", chat.allowsParallelCalls) }
    }

    private func isHosted(_ name: String) -> Bool {
        chat.tools.contains { tool in
            if case .other = tool.kind { tool.name == name } else { false }
        }
    }

    /// `nil` for a tool that only the vendor of another dialect has.
    private func value(of tool: ChatTool) -> JSONValue? {
        var inner = JSONMembers()
        inner.add("name", tool.name)
        var type = "function"
        switch tool.kind {
        case .other(let whole):
            return isOwn ? whole : nil
        case .function(let parameters, let isStrict):
            inner.add("description", tool.description)
            inner.add("parameters", parameters)
            inner.add("strict", isStrict)
        case .custom(let format) where isOpenAI:
            type = "custom"
            inner.add("description", tool.description)
            inner.add("format", format)
        case .custom(let format):
            inner.add("description", description(of: tool, format))
            inner.add("parameters", CustomTool.parameters)
        }
        let outer: [JSONValue.Member] = [.init("type", .string(type)), .init(type, .object(inner.members))]
        return .object(outer + (isOwn ? tool.extras : []))
    }

    /// What a model has to know of a tool whose format the provider cannot enforce.
    private func description(of tool: ChatTool, _ format: JSONValue?) -> String? {
        // Responses has the grammar's members beside the type, chat has them inside.
        let grammar = format?["grammar"] ?? format
        guard let definition = grammar?["definition"]?.string else { return tool.description }
        let syntax = grammar?["syntax"]?.string ?? "given"
        let rule = "The input must follow this \(syntax) grammar:\n\(definition)"
        return tool.description.map { "\($0)\n\n\(rule)" } ?? rule
    }

    private func value(of choice: ToolChoice) -> JSONValue {
        func named(_ name: String, isCustom: Bool) -> JSONValue {
            let type = isCustom && isOpenAI ? "custom" : "function"
            return .object([.init("type", .string(type)), .init(type, .object([.init("name", .string(name))]))])
        }
        switch choice {
        case .none: return .string("none")
        case .auto: return .string("auto")
        case .required: return .string("required")
        case .function(let name): return named(name, isCustom: false)
        case .custom(let name): return named(name, isCustom: true)
        case .allowed(let names, let isRequired):
            let customTools = chat.customToolNames
            let tools = names.map { named($0, isCustom: customTools.contains($0)) }
            let inner: [JSONValue.Member] = [
                .init("mode", .string(isRequired ? "required" : "auto")), .init("tools", .array(tools)),
            ]
            return .object([
                .init("type", .string("allowed_tools")), .init("allowed_tools", .object(inner)),
            ])
        case .other(let whole): return whole
        }
    }
}
