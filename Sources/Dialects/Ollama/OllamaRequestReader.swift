// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes a chat request of the members of a body of `POST /api/chat`.
enum OllamaRequestReader {
    static func read(_ members: [JSONValue.Member]) throws(DialectError) -> ChatRequest {
        var fields = JSONFields(members)
        let model = try ModelName.read(from: &fields)
        guard let elements = try fields.array("messages") else { throw .missing("messages") }
        guard !elements.isEmpty else {
            throw .wrongValue("messages", expected: "an array of at least one message")
        }
        var reader = OllamaMessageReader()
        var messages: [ChatMessage] = []
        for (index, element) in elements.enumerated() {
            do throws(DialectError) {
                messages.append(try reader.message(element, at: index))
            } catch {
                throw error.inside("messages[\(index)]")
            }
        }
        var chat = ChatRequest(model: model, messages: messages, origin: .ollama)
        chat.tools = try (fields.array("tools") ?? []).mapInside("tools") { (value) throws(DialectError) in
            try OpenAIToolReader.tool(value)
        }
        // Without a word about it, the answer is a stream.
        chat.streams = try fields.bool("stream") ?? true
        chat.includesUsage = true
        chat.sampling.wantsLogprobs = try fields.bool("logprobs")
        chat.sampling.topLogprobs = try fields.integer("top_logprobs", in: 0...20)
        try readThinking(from: &fields, into: &chat)
        try readFormat(from: &fields, into: &chat)
        if let options = try fields.object("options") {
            do throws(DialectError) {
                try readOptions(options, from: &fields, into: &chat)
            } catch {
                throw error.inside("options")
            }
        }
        chat.extras = fields.rest
        return chat
    }

    private static func readThinking(
        from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        switch try fields.value("think") {
        case nil: break
        case .bool(let isOn)?: chat.reasoning.isEnabled = isOn
        case .string(let effort)?:
            chat.reasoning.isEnabled = true
            chat.reasoning.effort = effort
        default: throw .wrongType("think", expected: "true, false or a string")
        }
    }

    private static func readFormat(from fields: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        switch try fields.value("format") {
        case nil, .string("")?: break
        case .string("json")?: chat.responseFormat = .jsonObject
        case .object(let schema)?:
            chat.responseFormat = .jsonSchema(
                .object([.init("name", .string("answer")), .init("schema", .object(schema))]))
        default: throw .wrongType("format", expected: "'json' or a JSON schema")
        }
    }

    private static func readOptions(
        _ known: JSONFields, from fields: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        var options = known
        chat.sampling.temperature = try options.number("temperature")
        chat.sampling.topP = try options.number("top_p")
        chat.sampling.topK = try options.number("top_k")
        chat.sampling.seed = try options.number("seed")
        chat.sampling.frequencyPenalty = try options.number("frequency_penalty")
        chat.sampling.presencePenalty = try options.number("presence_penalty")
        if let limit = try options.value("num_predict") {
            guard let tokens = limit.integer else { throw .wrongType("num_predict", expected: "a whole number") }
            // -1 and -2 mean no bound, which is what saying nothing means elsewhere.
            if (1...Int(Int32.max)).contains(tokens) {
                chat.outputLimit = OutputLimit(tokens: tokens, countsReasoning: true)
            } else {
                options.putBack("num_predict", limit)
            }
        }
        if let stop = try options.value("stop") {
            if let text = stop.string {
                chat.stop = [text]
            } else {
                chat.stop = try (stop.elements ?? []).mapInside("stop") { (element) throws(DialectError) in
                    guard let text = element.string else { throw .wrongType(nil, expected: "a string") }
                    return text
                }
            }
        }
        if !options.rest.isEmpty { fields.putBack("options", .object(options.rest)) }
    }
}
