// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Reads `generationConfig`; what is not known of it is put back.
enum GeminiConfigReader {
    static func read(from fields: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        guard var config = try fields.googleObject("generationConfig") else { return }
        do throws(DialectError) {
            chat.sampling.temperature = try config.number("temperature")
            chat.sampling.topP = try config.number("topP")
            chat.sampling.topK = try config.number("topK")
            chat.sampling.presencePenalty = try config.number("presencePenalty")
            chat.sampling.frequencyPenalty = try config.number("frequencyPenalty")
            chat.sampling.seed = try config.number("seed")
            chat.sampling.wantsLogprobs = try config.bool("responseLogprobs")
            chat.sampling.topLogprobs = try config.integer("logprobs", in: 0...20)
            chat.choiceCount = try config.integer("candidateCount", in: 1...128)
            chat.outputLimit = try config.integer("maxOutputTokens", in: 1...Int(Int32.max)).map {
                OutputLimit(tokens: $0, countsReasoning: true)
            }
            chat.stop = try (config.array("stopSequences") ?? []).mapInside("stopSequences") {
                (value) throws(DialectError) in
                guard let text = value.string else { throw .wrongType(nil, expected: "a string") }
                return text
            }
            try readThinking(from: &config, into: &chat)
            try readFormat(from: &config, into: &chat)
        } catch {
            throw error.inside("generationConfig")
        }
        if !config.rest.isEmpty { fields.putBack("generationConfig", .object(config.rest)) }
    }

    private static func readThinking(from config: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        guard var thinking = try config.googleObject("thinkingConfig") else { return }
        do throws(DialectError) {
            chat.reasoning.display = try thinking.bool("includeThoughts").map { $0 ? "auto" : "omitted" }
            chat.reasoning.budget = try thinking.integer("thinkingBudget", in: -1...Int(Int32.max))
            if let budget = chat.reasoning.budget { chat.reasoning.isEnabled = budget != 0 }
            if let level = try thinking.string("thinkingLevel"), level.uppercased() != "THINKING_LEVEL_UNSPECIFIED" {
                chat.reasoning.effort = level.lowercased()
            }
        } catch {
            throw error.inside("thinkingConfig")
        }
        if !thinking.rest.isEmpty { config.putBack("thinkingConfig", .object(thinking.rest)) }
    }

    private static func readFormat(from config: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        let type = try config.string("responseMimeType")
        let plain = try config.object("responseSchema").map { GeminiSchema.standard(.object($0.rest)) }
        let standard = try config.object("responseJsonSchema").map { JSONValue.object($0.rest) }
        switch (type, standard ?? plain) {
        case ("application/json", let schema?):
            chat.responseFormat = .jsonSchema(
                .object([.init("name", .string("response")), .init("schema", schema)]))
        case ("application/json", nil): chat.responseFormat = .jsonObject
        case ("text/plain", nil): chat.responseFormat = .text
        case (let type, let schema):
            // Another type, such as that of an enumeration, is Google's own matter.
            if let type { config.putBack("responseMimeType", .string(type)) }
            if let standard {
                config.putBack("responseJsonSchema", standard)
            } else if let schema {
                config.putBack("responseSchema", schema)
            }
        }
    }
}
