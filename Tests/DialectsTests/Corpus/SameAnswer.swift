// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

@testable import Dialects

/// Whether what a client reads is what the provider said, as far as the client's dialect can say it.
enum SameAnswer {
    /// Where the two differ; empty when they say the same.
    static func differences(_ said: ChatAccumulator, _ read: ChatAccumulator, in client: Dialect) -> [String] {
        var found: [String] = []
        func same<Value: Equatable>(_ name: String, _ read: Value, _ said: Value) {
            if read != said { found.append("\(name): said \(short(said)), read \(short(read))") }
        }
        let hasOneChoice = client == .anthropic || client == .openAIResponses
        let choices = hasOneChoice ? Array(said.choices.prefix(1)) : said.choices.sorted { $0.index < $1.index }
        let readChoices = read.choices.sorted { $0.index < $1.index }
        if !choices.isEmpty || client == .openAIChat { same("choices", readChoices.count, choices.count) }
        for (said, read) in zip(choices, readChoices) {
            switch client {
            // These have no refusals, only text.
            case .anthropic, .gemini: same("text", read.text, visible(said))
            default:
                same("text", read.text, said.text)
                if said.refusal.isEmpty, case .refusal = said.finish {} else { same("refusal", read.refusal, said.refusal) }
            }
            // The parts of a summary are told apart by blank lines in some dialects.
            same("reasoning", joined(read.reasoning), joined(said.reasoning))
            var names = said.toolCalls.map(\.name)
            // Gemini's calls are objects: one that was cut off is none.
            if client == .gemini, said.finish == .length { names = Array(names.prefix(read.toolCalls.count)) }
            same("names", read.toolCalls.map(\.name), names)
            for (saidCall, readCall) in zip(said.toolCalls, read.toolCalls) {
                let isText = saidCall.isCustom || readCall.isCustom
                same("input", input(readCall, isText: isText), input(saidCall, isText: isText))
            }
            let ids = said.toolCalls.map { client == .anthropic ? AnthropicCallID.fit($0.id) : $0.id }
            for (saidID, readID) in zip(ids, read.toolCalls.map(\.id)) {
                if said.toolCalls.allSatisfy({ !$0.id.isEmpty }) { same("call id", readID, saidID) }
            }
            same("finish", read.finish, finish(of: said, in: client))
            if client != .anthropic {
                same("images", read.parts.filter(\.isImage).map(\.text), said.parts.filter(\.isImage).map(\.text))
            }
            // Anthropic has no place for sources but in a text.
            if client == .anthropic {
                same("citations", urls(read).subtracting(urls(said)), [])
            } else {
                same("citations", urls(read), urls(said))
            }
        }
        same("usage", read.usage, usage(of: said, in: client))
        return found
    }

    private static func short(_ value: some Any) -> String { String(String(describing: value).prefix(300)) }

    /// The text and the refusal in their order.
    private static func visible(_ choice: AccumulatedChoice) -> String {
        choice.parts.filter { $0.kind == .text || $0.kind == .refusal }.map(\.text).joined()
    }

    private static func joined(_ text: String) -> String { text.filter { $0 != "\n" } }

    private static func urls(_ choice: AccumulatedChoice) -> Set<String> {
        Set(
            choice.parts.compactMap { part in
                if case .citation(let url, _) = part.kind { url } else { nil }
            })
    }

    /// A call's input as a value; as a text when one of the two sides knows the tool as one that takes text.
    private static func input(_ part: AccumulatedPart, isText: Bool) -> JSONValue {
        guard isText else { return sorted(ToolInput.object(part.text)) }
        return .string(part.isCustom ? part.text : CustomTool.input(part.text))
    }

    /// The same value with the members of its objects in the order of their names.
    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(members.map { .init($0.key, sorted($0.value)) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }

    /// How a client of a dialect is told that an answer ended, in the hub's words.
    static func finish(of said: AccumulatedChoice, in client: Dialect) -> FinishReason? {
        let hasCalls = !said.toolCalls.isEmpty
        let finish = said.finish ?? .stop
        let natural: FinishReason = hasCalls ? .toolCalls : .stop
        switch (client, finish) {
        case (_, .length): return .length
        case (.anthropic, .contextFull): return .contextFull
        case (_, .contextFull): return .length
        case (.anthropic, .contentFilter): return .refusal(nil)
        // A refusal in words is an answer that is complete.
        case (.openAIResponses, .refusal(let text)):
            return !said.refusal.isEmpty || text != nil ? natural : .contentFilter
        case (.anthropic, .refusal): return finish
        // Google's reasons do not say more than that calls were made.
        case (.gemini, .contentFilter), (.gemini, .refusal): return hasCalls ? .toolCalls : .contentFilter
        case (_, .contentFilter), (_, .refusal): return .contentFilter
        case (.anthropic, .stopSequence(let text)): return hasCalls ? .toolCalls : .stopSequence(text)
        case (.anthropic, .pause): return .pause
        case (.gemini, .pause): return hasCalls ? .toolCalls : .pause
        case (.openAIChat, .malformedCall): return .malformedCall
        case (.gemini, .malformedCall): return hasCalls ? .toolCalls : .malformedCall
        case (.gemini, .other(let name)) where name.uppercased() == name: return hasCalls ? .toolCalls : finish
        case (.gemini, .other): return hasCalls ? .toolCalls : .other("OTHER")
        case (.anthropic, _) where !hasCalls && !said.refusal.isEmpty: return .refusal(nil)
        default: return natural
        }
    }

    /// The counts that a client of a dialect reads: what was not told is 0 where the dialect must say something.
    static func usage(of said: ChatAccumulator, in client: Dialect) -> TokenUsage? {
        switch client {
        case .openAIChat:
            return said.usage.map {
                TokenUsage(
                    input: $0.input ?? 0, output: $0.output ?? 0, cached: $0.cached, cacheWritten: $0.cacheWritten,
                    reasoning: $0.reasoning)
            }
        case .openAIResponses:
            return said.usage.map {
                TokenUsage(
                    input: $0.input ?? 0, output: $0.output ?? 0, cached: $0.cached ?? 0,
                    cacheWritten: $0.cacheWritten ?? 0, reasoning: $0.reasoning ?? 0)
            }
        case .anthropic:
            var usage = said.usage ?? TokenUsage()
            usage.input = max(usage.input ?? 7, TokenUsage(input: usage.cached ?? 0, output: usage.cacheWritten).total)
            usage.output = usage.output ?? 0
            return usage
        default:
            return said.usage.map {
                TokenUsage(
                    input: $0.input ?? 0, output: $0.output ?? ($0.reasoning.map { _ in 0 }), cached: $0.cached,
                    reasoning: $0.reasoning.map { [output = $0.output] in min($0, output ?? 0) })
            }
        }
    }
}

extension AccumulatedPart {
    var isImage: Bool {
        if case .image = kind { true } else { false }
    }

    var isCustom: Bool {
        if case .customCall = kind { true } else { false }
    }
}
