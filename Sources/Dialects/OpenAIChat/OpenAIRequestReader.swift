// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes a chat request of the members of a body.
enum OpenAIRequestReader {
    static func read(_ members: [JSONValue.Member]) throws(DialectError) -> ChatRequest {
        var fields = JSONFields(members)
        let model = try ModelName.read(from: &fields)
        guard let elements = try fields.array("messages") else { throw .missing("messages") }
        guard !elements.isEmpty else {
            throw .wrongValue("messages", expected: "an array of at least one message")
        }
        let messages = try elements.mapInside("messages") { (value) throws(DialectError) in
            try OpenAIMessageReader.message(value)
        }
        var chat = ChatRequest(model: model, messages: messages)
        chat.tools = try (fields.array("tools") ?? []).mapInside("tools") { (value) throws(DialectError) in
            try OpenAIToolReader.tool(value)
        }
        chat.tools += try (fields.array("functions") ?? []).mapInside("functions") { (value) throws(DialectError) in
            try OpenAIToolReader.legacyTool(value)
        }
        chat.toolChoice = try toolChoice(from: &fields)
        chat.allowsParallelCalls = try fields.bool("parallel_tool_calls")
        chat.sampling = try sampling(from: &fields)
        chat.outputLimit = try outputLimit(from: &fields)
        chat.stop = try stop(from: &fields)
        chat.choiceCount = try fields.integer("n", in: 1...128)
        chat.responseFormat = try responseFormat(from: &fields)
        chat.verbosity = try fields.string("verbosity")
        chat.reasoning.effort = try fields.string("reasoning_effort")
        chat.streams = try fields.bool("stream") ?? false
        chat.includesUsage = try includesUsage(from: &fields)
        chat.user = try fields.string("user")
        chat.metadata = try fields.object("metadata")?.rest
        chat.extras = fields.rest
        return chat
    }

    private static func sampling(from fields: inout JSONFields) throws(DialectError) -> SamplingSettings {
        var sampling = SamplingSettings()
        sampling.temperature = try fields.number("temperature")
        sampling.topP = try fields.number("top_p")
        sampling.frequencyPenalty = try fields.number("frequency_penalty")
        sampling.presencePenalty = try fields.number("presence_penalty")
        if let seed = try fields.value("seed") {
            guard case .number(let raw) = seed, seed.integer != nil else {
                throw .wrongValue("seed", expected: "a whole number of 64 bits")
            }
            sampling.seed = raw
        }
        sampling.wantsLogprobs = try fields.bool("logprobs")
        sampling.topLogprobs = try fields.integer("top_logprobs", in: 0...20)
        return sampling
    }

    private static func outputLimit(from fields: inout JSONFields) throws(DialectError) -> OutputLimit? {
        let range = 1...Int(Int32.max)
        let visible = try fields.integer("max_tokens", in: range)
        guard let whole = try fields.integer("max_completion_tokens", in: range) else {
            return visible.map { OutputLimit(tokens: $0, countsReasoning: false) }
        }
        // Both bind at OpenAI; the older one is kept among the members that are not known.
        if let visible { fields.putBack("max_tokens", .number(String(visible))) }
        return OutputLimit(tokens: whole, countsReasoning: true)
    }

    private static func stop(from fields: inout JSONFields) throws(DialectError) -> [String] {
        guard let value = try fields.value("stop") else { return [] }
        if let text = value.string { return [text] }
        guard let elements = value.elements else {
            throw .wrongType("stop", expected: "a string or an array of strings")
        }
        return try elements.mapInside("stop") { (element) throws(DialectError) in
            guard let text = element.string else { throw .wrongType(nil, expected: "a string") }
            return text
        }
    }

    private static func includesUsage(from fields: inout JSONFields) throws(DialectError) -> Bool {
        guard var options = try fields.object("stream_options") else { return false }
        do throws(DialectError) {
            let includesUsage = try options.bool("include_usage") ?? false
            if !options.rest.isEmpty { fields.putBack("stream_options", .object(options.rest)) }
            return includesUsage
        } catch {
            throw error.inside("stream_options")
        }
    }

    private static func responseFormat(from fields: inout JSONFields) throws(DialectError) -> ResponseFormat? {
        let name = "response_format"
        guard let format = try fields.object(name) else { return nil }
        var known = format
        do throws(DialectError) {
            switch try known.requiredString("type") {
            case "text" where known.rest.isEmpty:
                return .text
            case "json_object" where known.rest.isEmpty:
                return .jsonObject
            case "json_schema":
                let schema = try known.requiredObject("json_schema")
                if known.rest.isEmpty { return .jsonSchema(.object(schema.rest)) }
            default:
                break
            }
        } catch {
            throw error.inside(name)
        }
        // A form of another vendor is kept whole.
        fields.putBack(name, .object(format.rest))
        return nil
    }

    private static func toolChoice(from fields: inout JSONFields) throws(DialectError) -> ToolChoice? {
        if let value = try fields.value("function_call") {
            do throws(DialectError) {
                return try OpenAIToolReader.legacyChoice(value)
            } catch {
                throw error.inside("function_call")
            }
        }
        guard let value = try fields.value("tool_choice") else { return nil }
        do throws(DialectError) {
            return try OpenAIToolReader.choice(value)
        } catch {
            throw error.inside("tool_choice")
        }
    }
}
