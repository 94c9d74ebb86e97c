// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// What the reader of a Responses request notes among the extras, for the writer of the same dialect alone.
enum ResponsesMark {
    /// On the message that stood in `instructions` rather than in `input`.
    static let instructions = JSONValue.Member("instructions", .bool(true))
    /// On a part that is a whole item of `input` rather than a part of a message's content.
    static let item = JSONValue.Member("item", .bool(true))
}

/// Makes a chat request of the members of a body.
enum ResponsesRequestReader {
    static func read(_ members: [JSONValue.Member]) throws(DialectError) -> ChatRequest {
        var fields = JSONFields(members)
        let model = try ModelName.read(from: &fields)
        var messages: [ChatMessage] = []
        if let instructions = try fields.string("instructions") {
            var message = ChatMessage(role: .system, content: .text(instructions))
            message.extras = [ResponsesMark.instructions]
            messages.append(message)
        }
        messages += try input(from: &fields)
        var chat = ChatRequest(model: model, messages: messages, origin: .openAIResponses)
        chat.tools = try (fields.array("tools") ?? []).mapInside("tools") { (value) throws(DialectError) in
            try ResponsesToolReader.tool(value)
        }
        if let choice = try fields.value("tool_choice") {
            do throws(DialectError) {
                chat.toolChoice = try ResponsesToolReader.choice(choice)
            } catch {
                throw error.inside("tool_choice")
            }
        }
        chat.allowsParallelCalls = try fields.bool("parallel_tool_calls")
        chat.sampling.temperature = try fields.number("temperature")
        chat.sampling.topP = try fields.number("top_p")
        chat.sampling.topLogprobs = try fields.integer("top_logprobs", in: 0...20)
        if asksForLogprobs(fields) { chat.sampling.wantsLogprobs = true }
        chat.outputLimit = try fields.integer("max_output_tokens", in: 1...Int(Int32.max)).map {
            OutputLimit(tokens: $0, countsReasoning: true)
        }
        try readText(from: &fields, into: &chat)
        try readReasoning(from: &fields, into: &chat)
        chat.streams = try fields.bool("stream") ?? false
        // A response always tells its usage.
        chat.includesUsage = true
        chat.user = try fields.string("user")
        chat.metadata = try fields.object("metadata")?.rest
        chat.extras = fields.rest
        return chat
    }

    /// The items, or one message for a string. Only a request that continues what is kept elsewhere needs none.
    private static func input(from fields: inout JSONFields) throws(DialectError) -> [ChatMessage] {
        guard let input = try fields.value("input") else {
            let isContinued = fields.rest.contains { member in
                !member.value.isNull && ["previous_response_id", "conversation", "prompt"].contains(member.key)
            }
            guard isContinued else { throw .missing("input") }
            return []
        }
        if let text = input.string { return [ChatMessage(role: .user, content: .text(text))] }
        guard let elements = input.elements else {
            throw .wrongType("input", expected: "a string or an array of items")
        }
        var reader = ResponsesItemReader()
        for index in elements.indices {
            do throws(DialectError) {
                try reader.read(elements[index])
            } catch {
                throw error.inside("input[\(index)]")
            }
        }
        return reader.messages
    }

    private static func asksForLogprobs(_ fields: JSONFields) -> Bool {
        fields.rest.contains { member in
            member.key == "include"
                && member.value.elements?.contains(.string("message.output_text.logprobs")) == true
        }
    }

    private static func readText(from fields: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        guard var text = try fields.object("text") else { return }
        do throws(DialectError) {
            chat.verbosity = try text.string("verbosity")
            if let value = try text.value("format") {
                do throws(DialectError) {
                    chat.responseFormat = try format(value)
                } catch {
                    throw error.inside("format")
                }
                if chat.responseFormat == nil { text.putBack("format", value) }
            }
        } catch {
            throw error.inside("text")
        }
        if !text.rest.isEmpty { fields.putBack("text", .object(text.rest)) }
    }

    /// The form; `nil` for one that is not known.
    private static func format(_ value: JSONValue) throws(DialectError) -> ResponseFormat? {
        var format = try JSONFields(value)
        switch try format.requiredString("type") {
        case "text" where format.rest.isEmpty:
            return .text
        case "json_object" where format.rest.isEmpty:
            return .jsonObject
        case "json_schema":
            // Its other members are those that the chat dialect has one level deeper.
            let schema = JSONValue.object(format.rest)
            _ = try format.requiredString("name")
            return .jsonSchema(schema)
        default:
            return nil
        }
    }

    private static func readReasoning(from fields: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        guard var reasoning = try fields.object("reasoning") else { return }
        do throws(DialectError) {
            chat.reasoning.effort = try reasoning.string("effort")
            if chat.reasoning.effort == "none" { chat.reasoning.isEnabled = false }
            chat.reasoning.display = try reasoning.string("summary")
        } catch {
            throw error.inside("reasoning")
        }
        if !reasoning.rest.isEmpty { fields.putBack("reasoning", .object(reasoning.rest)) }
    }
}
