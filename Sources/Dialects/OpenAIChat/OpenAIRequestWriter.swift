// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Makes the members of a body of a chat request.
enum OpenAIRequestWriter {
    /// Every member but model and messages.
    static func members(of chat: ChatRequest) -> [JSONValue.Member] {
        var object = JSONMembers()
        if !chat.tools.isEmpty { object.add("tools", .array(chat.tools.map(tool))) }
        object.add("tool_choice", chat.toolChoice.map(choice))
        object.add("parallel_tool_calls", chat.allowsParallelCalls)
        object.add(number: "temperature", chat.sampling.temperature)
        object.add(number: "top_p", chat.sampling.topP)
        object.add(number: "frequency_penalty", chat.sampling.frequencyPenalty)
        object.add(number: "presence_penalty", chat.sampling.presencePenalty)
        object.add(number: "seed", chat.sampling.seed)
        object.add("logprobs", chat.sampling.wantsLogprobs)
        object.add(number: "top_logprobs", chat.sampling.topLogprobs.map(String.init))
        if let limit = chat.outputLimit {
            let name = limit.countsReasoning ? "max_completion_tokens" : "max_tokens"
            object.add(number: name, String(limit.tokens))
        }
        if !chat.stop.isEmpty { object.add("stop", .array(chat.stop.map { .string($0) })) }
        object.add(number: "n", chat.choiceCount.map(String.init))
        object.add("response_format", chat.responseFormat.map(format))
        object.add("reasoning_effort", chat.reasoning.effort)
        if chat.streams { object.add("stream", true) }
        object.add("user", chat.user)
        object.add("metadata", chat.metadata.map { .object($0) })
        addExtras(of: chat, to: &object)
        return object.members
    }

    /// What else `stream_options` held is among the extras and joins `include_usage` again.
    private static func addExtras(of chat: ChatRequest, to object: inout JSONMembers) {
        var options = JSONMembers()
        if chat.includesUsage { options.add("include_usage", true) }
        for member in chat.extras {
            if member.key == "stream_options", let others = member.value.members {
                options.members += others
            } else {
                object.members.append(member)
            }
        }
        if !options.members.isEmpty { object.add("stream_options", .object(options.members)) }
    }

    private static func format(_ format: ResponseFormat) -> JSONValue {
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

    private static func tool(_ tool: ChatTool) -> JSONValue {
        var inner = JSONMembers()
        inner.add("name", tool.name)
        inner.add("description", tool.description)
        let type: String
        switch tool.kind {
        case .other(let whole):
            return whole
        case .function(let parameters, let isStrict):
            type = "function"
            inner.add("parameters", parameters)
            inner.add("strict", isStrict)
        case .custom(let format):
            type = "custom"
            inner.add("format", format)
        }
        return .object(
            [.init("type", .string(type)), .init(type, .object(inner.members))] + tool.extras)
    }

    private static func choice(_ choice: ToolChoice) -> JSONValue {
        func named(_ type: String, _ name: String) -> JSONValue {
            .object([.init("type", .string(type)), .init(type, .object([.init("name", .string(name))]))])
        }
        return switch choice {
        case .none: .string("none")
        case .auto: .string("auto")
        case .required: .string("required")
        case .function(let name): named("function", name)
        case .custom(let name): named("custom", name)
        case .allowed(let names, let isRequired):
            .object([
                .init("type", .string("allowed_tools")),
                .init(
                    "allowed_tools",
                    .object([
                        .init("mode", .string(isRequired ? "required" : "auto")),
                        .init("tools", .array(names.map { named("function", $0) })),
                    ])),
            ])
        case .other(let whole): whole
        }
    }
}
