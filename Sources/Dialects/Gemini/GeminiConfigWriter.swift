// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes `generationConfig`.
struct GeminiConfigWriter {
    private let writer: GeminiRequestWriter
    /// The paths of members that were left out.
    private(set) var dropped: [String] = []

    init(_ writer: GeminiRequestWriter) {
        self.writer = writer
    }

    private var chat: ChatRequest { writer.chat }
    private var model: String { writer.target.model }

    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        guard chat.stop.count <= 5 || writer.isGoogle else {
            throw GeminiRequestWriter.unsupported(chat.origin.name(ofChatMember: "stop"), "it takes at most 5")
        }
        var object = JSONMembers()
        object.add(number: "temperature", chat.sampling.temperature)
        object.add(number: "topP", chat.sampling.topP)
        object.add(number: "topK", chat.sampling.topK)
        object.add(number: "candidateCount", chat.choiceCount.map(String.init))
        if let limit = chat.outputLimit {
            object.add(number: "maxOutputTokens", String(max(limit.tokens, writer.target.quirks.minimumOutputLimit)))
        }
        if !chat.stop.isEmpty { object.add("stopSequences", .array(chat.stop.map { .string($0) })) }
        object.add(number: "presencePenalty", chat.sampling.presencePenalty)
        object.add(number: "frequencyPenalty", chat.sampling.frequencyPenalty)
        object.add(number: "seed", chat.sampling.seed)
        object.add("responseLogprobs", chat.sampling.wantsLogprobs)
        object.add(number: "logprobs", chat.sampling.topLogprobs.map(String.init))
        addFormat(to: &object)
        let thinking = self.thinking()
        if !thinking.isEmpty { object.add("thinkingConfig", .object(thinking)) }
        object.members.removeAll { writer.target.quirks.unsupported.contains($0.key) }
        return object.members
    }

    private func addFormat(to object: inout JSONMembers) {
        switch chat.responseFormat {
        case nil: break
        case .text: if writer.isGoogle { object.add("responseMimeType", "text/plain") }
        case .jsonObject: object.add("responseMimeType", "application/json")
        case .jsonSchema(let format):
            object.add("responseMimeType", "application/json")
            guard let schema = format["schema"] else { return }
            if writer.cleansSchemas {
                object.add("responseSchema", GeminiSchema.cleaned(schema))
            } else {
                object.add("responseJsonSchema", schema)
            }
        }
    }

    // MARK: Thinking

    /// Whether the model thinks by level; others are told a budget.
    private var takesLevel: Bool {
        !model.contains("gemini-2") && !model.contains("gemini-1") && !model.contains("claude")
    }

    private var neverThinks: Bool { model.contains("gemini-1") || model.contains("gemini-2.0") }

    /// The members of `thinkingConfig`.
    private mutating func thinking() -> [JSONValue.Member] {
        let wish = chat.reasoning
        var object = JSONMembers()
        if writer.isGoogle {
            object.add("includeThoughts", wish.display.map { $0 != "omitted" })
            object.add(number: "thinkingBudget", wish.budget.map(String.init))
            object.add("thinkingLevel", wish.effort.map { $0.uppercased() })
            return object.members
        }
        guard wish != ReasoningSettings() else { return [] }
        guard !neverThinks else {
            dropped.append("reasoning")
            return []
        }
        let isOff = wish.isEnabled == false || wish.effort == "none" || wish.budget == 0
        if isOff {
            addOff(to: &object)
        } else if takesLevel, let effort = wish.effort {
            object.add("thinkingLevel", level(of: effort))
        } else if let budget = wish.budget ?? wish.effort.map(budget) {
            object.add(number: "thinkingBudget", String(budget < 0 ? -1 : min(budget, largestBudget)))
        } else if !takesLevel, wish.isEnabled == true {
            object.add(number: "thinkingBudget", "-1")
        }
        if !isOff { object.add("includeThoughts", wish.display != "omitted") }
        return object.members
    }

    /// The least thinking that there is: not every model can do without.
    private func addOff(to object: inout JSONMembers) {
        if takesLevel {
            object.add("thinkingLevel", model.contains("flash") ? "MINIMAL" : "LOW")
        } else {
            object.add(number: "thinkingBudget", model.contains("pro") ? "128" : "0")
        }
    }

    private func level(of effort: String) -> String {
        switch effort {
        case "minimal": model.contains("flash") ? "MINIMAL" : "LOW"
        case "low": "LOW"
        case "medium": "MEDIUM"
        default: "HIGH"
        }
    }

    /// The budget that Google itself takes an effort for, in its endpoint for OpenAI's clients.
    private func budget(of effort: String) -> Int {
        switch effort {
        case "minimal", "low": 1024
        case "medium": 8192
        default: 24_576
        }
    }

    private var largestBudget: Int { model.contains("pro") ? 32_768 : model.contains("claude") ? .max : 24_576 }
}
