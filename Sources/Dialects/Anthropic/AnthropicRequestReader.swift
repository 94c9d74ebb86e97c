// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes a chat request of the members of a body.
enum AnthropicRequestReader {
    static func read(
        _ members: [JSONValue.Member], asksAnswer: Bool
    ) throws(DialectError) -> ChatRequest {
        var fields = JSONFields(members)
        let model = try ModelName.read(from: &fields)
        guard let elements = try fields.array("messages") else { throw .missing("messages") }
        guard !elements.isEmpty else {
            throw .wrongValue("messages", expected: "an array of at least one message")
        }
        var messages: [ChatMessage] = []
        if let system = try AnthropicMessageReader.content("system", from: &fields) {
            messages.append(ChatMessage(role: .system, content: system))
        }
        messages += try elements.mapInside("messages") { (value) throws(DialectError) in
            try AnthropicMessageReader.messages(value)
        }.flatMap { $0 }
        var chat = ChatRequest(model: model, messages: messages, origin: .anthropic)
        chat.outputLimit = try fields.integer("max_tokens", in: 1...Int(Int32.max))
            .map { OutputLimit(tokens: $0, countsReasoning: true) }
        guard chat.outputLimit != nil || !asksAnswer else { throw .missing("max_tokens") }
        chat.tools = try (fields.array("tools") ?? []).mapInside("tools") { (value) throws(DialectError) in
            try AnthropicToolReader.tool(value)
        }
        try readToolChoice(from: &fields, into: &chat)
        chat.sampling.temperature = try fields.number("temperature")
        chat.sampling.topP = try fields.number("top_p")
        chat.sampling.topK = try fields.number("top_k")
        chat.stop = try (fields.array("stop_sequences") ?? []).mapInside("stop_sequences") {
            (value) throws(DialectError) in
            guard let text = value.string else { throw .wrongType(nil, expected: "a string") }
            return text
        }
        try readThinking(from: &fields, into: &chat)
        try readOutput(from: &fields, into: &chat)
        try readMetadata(from: &fields, into: &chat)
        chat.streams = try fields.bool("stream") ?? false
        // Messages always tells usage.
        chat.includesUsage = true
        chat.extras = fields.rest
        return chat
    }

    private static func readToolChoice(
        from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        guard let value = try fields.value("tool_choice") else { return }
        do throws(DialectError) {
            var choice = try JSONFields(value)
            let type = try choice.requiredString("type")
            chat.allowsParallelCalls = try choice.bool("disable_parallel_tool_use").map { !$0 }
            chat.toolChoice =
                switch type {
                case "auto": .auto
                case "any": .required
                case "none": ToolChoice.none
                case "tool": .function(name: try choice.requiredString("name"))
                default: .other(value)
                }
        } catch {
            throw error.inside("tool_choice")
        }
    }

    private static func readThinking(
        from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        guard let whole = try fields.object("thinking") else { return }
        var thinking = whole
        do throws(DialectError) {
            switch try thinking.requiredString("type") {
            case "enabled":
                chat.reasoning.isEnabled = true
                chat.reasoning.budget = try thinking.integer("budget_tokens", in: 1...Int(Int32.max))
                guard chat.reasoning.budget != nil else { throw .missing("budget_tokens") }
                chat.reasoning.display = try thinking.string("display")
            case "adaptive":
                chat.reasoning.isEnabled = true
                chat.reasoning.display = try thinking.string("display")
            case "disabled":
                chat.reasoning.isEnabled = false
            default:
                // Kinds that are to come are kept whole.
                fields.putBack("thinking", .object(whole.rest))
                return
            }
        } catch {
            throw error.inside("thinking")
        }
        if !thinking.rest.isEmpty { fields.putBack("thinking", .object(thinking.rest)) }
    }

    private static func readOutput(
        from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        if var output = try fields.object("output_config") {
            do throws(DialectError) {
                chat.reasoning.effort = try output.string("effort")
                try readFormat("format", from: &output, into: &chat)
            } catch {
                throw error.inside("output_config")
            }
            if !output.rest.isEmpty { fields.putBack("output_config", .object(output.rest)) }
        }
        // Its name before it was part of `output_config`.
        if chat.responseFormat == nil { try readFormat("output_format", from: &fields, into: &chat) }
    }

    private static func readFormat(
        _ name: String, from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        guard let format = try fields.object(name) else { return }
        var known = format
        do throws(DialectError) {
            if try known.requiredString("type") == "json_schema" {
                let schema = try known.requiredObject("schema")
                guard known.rest.isEmpty else { return fields.putBack(name, .object(format.rest)) }
                // The hub's form has a name, which other vendors demand.
                chat.responseFormat = .jsonSchema(
                    .object([.init("name", .string("answer")), .init("schema", .object(schema.rest))]))
                return
            }
        } catch {
            throw error.inside(name)
        }
        fields.putBack(name, .object(format.rest))
    }

    private static func readMetadata(
        from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        guard var metadata = try fields.object("metadata") else { return }
        do throws(DialectError) {
            chat.user = try metadata.string("user_id")
        } catch {
            throw error.inside("metadata")
        }
        if !metadata.rest.isEmpty { fields.putBack("metadata", .object(metadata.rest)) }
    }
}
