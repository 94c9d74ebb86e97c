// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import HTTPClient
import JSON
import Testing

@testable import Providers

@Suite("Failure classes") struct FailureClassTests {
    @Test(
        "follow from the status of an answer",
        arguments: [
            (400, .callerFault, 400), (401, .credential, 502), (402, .quota, 402), (403, .credential, 502),
            (404, .modelGone, 404), (408, .timeout, 504), (409, .callerFault, 409), (413, .callerFault, 413),
            (418, .callerFault, 400), (422, .callerFault, 422), (429, .rateLimit, 429),
            (500, .transient, 500),
            (501, .transient, 502), (502, .transient, 502), (503, .transient, 503), (504, .timeout, 504),
            (529, .transient, 503), (599, .transient, 502), (999, .transient, 502),
        ] as [(Int, FailureClass, Int)])
    func statuses(status: Int, expected: FailureClass, told: Int) {
        let failure = UpstreamFailure(
            status: status, failure: ChatFailure(status: status, message: "sk-leak", code: "c"),
            retryAfter: "7",
            provider: "p")
        #expect(failure.failureClass == expected)
        #expect(failure.failure.status == told)
        #expect(failure.retryAfter == "7")
        // What a vendor says of the gateway's key is not for its clients.
        #expect((failure.failure.message == "sk-leak") == (expected != .credential))
    }

    @Test("tell a used up account from a limit")
    func quota() {
        let told = ChatFailure(status: 429, message: "m", code: "insufficient_quota")
        let failure = UpstreamFailure(status: 429, failure: told, retryAfter: nil, provider: "p")
        #expect(failure.failureClass == .quota)
        #expect(failure.failure.code == "insufficient_quota")
    }

    @Test(
        "follow from what a transfer died of",
        arguments: [
            (.unresolved, .transient, 502), (.unreachable, .transient, 502),
            (.insecure("x"), .transient, 502),
            (.connectTimeout, .timeout, 504), (.firstByteTimeout, .timeout, 504),
            (.idleTimeout, .timeout, 504),
            (.closed, .transient, 502), (.truncated, .transient, 502), (.invalid, .transient, 502),
            (.failed(7), .transient, 502),
        ] as [(TransferError, FailureClass, Int)])
    func transfers(error: TransferError, expected: FailureClass, status: Int) {
        let failure = UpstreamFailure(error, provider: "acme")
        #expect(failure.failureClass == expected)
        #expect(failure.failure.status == status)
        #expect(failure.failure.message.contains("'acme'"))
        #expect(failure.failure.code?.hasPrefix("upstream_") == true)
    }
}

@Suite("SimulatorScript") struct SimulatorScriptTests {
    func script(
        _ model: String, _ text: String = "hi", seed: UInt64 = 1, length: Int? = nil, limit: Int? = nil,
        tools: [ChatTool] = []
    ) -> SimulatorScript? {
        var chat = ChatRequest(model: model, messages: [ChatMessage(role: .user, content: .text(text))])
        chat.tools = tools
        chat.outputLimit = limit.map { OutputLimit(tokens: $0, countsReasoning: true) }
        var generator = SeededGenerator(seed: seed)
        return SimulatorScript(chat, model: model, length: length, generator: &generator)
    }

    static let tools = ["f", "g", "h"].map { name in
        ChatTool(
            name: name,
            kind: .function(
                parameters: .object([
                    .init(
                        "properties",
                        .object([
                            .init("city \"x\"", .object([.init("type", .string("string"))])),
                            .init("days", .object([.init("type", .string("integer"))])),
                            .init("unit", .object([.init("enum", .array([.string("C"), .string("F")]))])),
                            .init("odd", .null),
                        ]))
                ]), isStrict: nil))
    }

    @Test("says the same for the same seed and something else for another", arguments: SimulatorScript.models)
    func seeds(_ model: String) {
        let first = script(model, seed: 7, tools: Self.tools)
        #expect(first != nil)
        #expect(first?.steps == script(model, seed: 7, tools: Self.tools)?.steps)
        #expect(first?.opening == script(model, seed: 7, tools: Self.tools)?.opening)
        if model == "story" || model == "think" || model == "tools" {
            #expect(first?.steps != script(model, seed: 8, tools: Self.tools)?.steps)
        }
    }

    @Test(
        "echoes the question, joined again to the letter",
        arguments: ["", " ", "a", " two  words \n\nGrüße 😀\r\nx\t"])
    func echo(_ text: String) throws {
        let steps = try #require(script("echo", text)).steps
        let joined = steps.map { step in if case .text(let piece) = step { piece } else { "?" } }.joined()
        #expect(joined == text)
    }

    @Test("echoes a question of very many words in a bounded number of pieces")
    func longEcho() throws {
        let text = String(repeating: "a ", count: 300_000)
        let script = try #require(self.script("echo", text))
        #expect(script.steps.count <= SimulatorScript.longestStory && script.inputTokens == 300_000)
        let joined = script.steps.map { step in if case .text(let piece) = step { piece } else { "?" } }.joined()
        #expect(joined == text)
    }

    @Test(
        "calls tools with arguments that are JSON and name every property",
        arguments: [("tools", 1), ("parallel-tools", 2)])
    func arguments(model: String, count: Int) throws {
        let script = try #require(self.script(model, tools: Self.tools))
        #expect(script.finishReason == .toolCalls)
        var arguments: [String] = []
        for step in script.steps {
            switch step {
            case .toolCall(let number, _, let name, _):
                #expect(number == arguments.count)
                #expect(name == Self.tools[number].name)
                arguments.append("")
            case .toolArguments(let number, let piece): arguments[number] += piece
            default: Issue.record("\(step) is no part of a call")
            }
        }
        #expect(arguments.count == count)
        for text in arguments {
            let value = try JSONValue(parsing: Array(text.utf8).span)
            #expect(value.members?.map(\.key) == ["city \"x\"", "days", "unit", "odd"])
            #expect(value["unit"] == .string("C"))
            #expect(value["days"] == .number("7"))
        }
    }

    @Test("stops at the limit, and keeps no more in memory than it must")
    func limits() throws {
        let cut = try #require(script("story", length: 50, limit: 10))
        #expect(cut.steps.count == 10 && cut.finishReason == .length && cut.outputTokens == 10)
        let asked = try #require(script("story", limit: Int(Int32.max)))
        #expect(asked.steps.count == SimulatorScript.longestStory)
        #expect(script("story", length: 5000)?.steps.count == 5000)
        #expect(script("unheard-of") == nil)
    }
}
