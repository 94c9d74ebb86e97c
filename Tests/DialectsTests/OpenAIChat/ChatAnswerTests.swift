// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

@Suite("Answers for a chat client")
struct ChatAnswerTests {
    private func read(_ steps: [AnswerStep], _ context: AnswerContext = .plain()) throws -> ChatAccumulator {
        let stream = AnswerScript(steps: steps).stream(.openAIChat, context)
        let replay = try StreamReplay.replaying([Array(stream.utf8)])
        #expect(replay.malformedCount == 0 && replay.terminalCount == 1 && replay.decoder.ending == .complete)
        return replay.accumulator
    }

    @Test("lesson 46: signed reasoning comes with its signature in a carrier that names the maker")
    func signatures() throws {
        let script = AnswerScript(steps: [
            .reasoning("think "), .reasoning("hard"), .signature("c2ln+/="), .redacted("c2VjcmV0"), .text("a"),
            .reasoning("more"), .signature("two"), .text("b"), .finish(.stop),
        ])
        let context = AnswerContext.plain(maker: "anthropic")
        let details = try chatDeltas(of: script.stream(.openAIChat, context)).compactMap { $0["reasoning_details"]?[0] }
        #expect(details.map { $0["index"]?.integer } == [0, 0, 0, 1, 2, 2])
        #expect(details.compactMap { $0["text"]?.string } == ["think ", "hard", "more"])
        #expect(details.compactMap { $0["signature"]?.string } == ["slc1.anthropic.c2ln+/=", "slc1.anthropic.two"])
        #expect(details.compactMap { $0["data"]?.string } == ["slc1.anthropic.c2VjcmV0"])
        // Lesson 51: two members tell the same reasoning, which is read once.
        let again = try read(script.steps, context)
        #expect(again.choices[0].reasoning == "think hardmore" && again.choices[0].text == "ab")

        let whole = try script.whole(.openAIChat, context)["choices"]?[0]?["message"]
        #expect(whole?["reasoning_content"] == .string("think hardmore"))
        let parts = whole?["reasoning_details"]?.elements ?? []
        #expect(parts.map { $0["type"]?.string } == ["reasoning.text", "reasoning.encrypted", "reasoning.text"])
        #expect(parts[0]["text"] == .string("think hard"))
        #expect(parts[2]["signature"] == .string("slc1.anthropic.two"))
    }

    @Test("OpenAI's own signatures are bare, and reasoning that nobody signs is told once")
    func makers() {
        let steps: [AnswerStep] = [.reasoning("x"), .signature("s"), .finish(.stop)]
        #expect(AnswerScript(steps: steps).stream(.openAIChat).contains(#""signature":"s""#))
        let plain = AnswerScript(steps: [.reasoning("x"), .finish(.stop)])
        #expect(!plain.stream(.openAIChat, .plain(maker: "deepseek")).contains("reasoning_details"))
        #expect((try? plain.whole(.openAIChat).description(of: "reasoning_details")) == "")
    }

    @Test("trap 7: a signed call carries its signature where Gemini's clients look for it")
    func callSignature() throws {
        let script = AnswerScript(steps: [
            .callSignature("sig"), .call(0, id: "a", name: "f"), .arguments(0, "{}"), .call(1, id: "b", name: "g"),
            .finish(.stop),
        ])
        let context = AnswerContext.plain(maker: "gemini")
        let calls = try chatDeltas(of: script.stream(.openAIChat, context)).compactMap { $0["tool_calls"]?[0] }
        let signature = calls[0]["extra_content"]?["google"]?["thought_signature"]
        #expect(signature == .string("slc1.gemini.sig"))
        #expect(calls.dropFirst().allSatisfy { $0["extra_content"] == nil })
        let whole = try script.whole(.openAIChat, context)["choices"]?[0]?["message"]?["tool_calls"]
        #expect(whole?[0]?["extra_content"]?["google"]?["thought_signature"] == signature)
        #expect(try read(script.steps, context).choices[0].toolCalls[0].signature == "slc1.gemini.sig")
    }

    @Test("lessons 39 and 40: a call without arguments gets an object, and the turn ends in calls")
    func emptyArguments() throws {
        let answer = try read([
            .call(0, id: "", name: "f"), .call(1, id: "b", name: "g"), .arguments(1, "{\"x\":"), .arguments(1, "1}"),
            .finish(.stop),
        ])
        #expect(answer.choices[0].toolCalls.map(\.arguments) == ["{}", #"{"x":1}"#])
        #expect(answer.choices[0].toolCalls.map(\.id.count) == ["call_".count + 24, 1])
        #expect(answer.choices[0].finish == .toolCalls)
    }

    @Test(
        "arguments that cannot be kept until their call ends make a failure, not a call that lacks some",
        arguments: [Dialect.openAIChat, .ollama, .anthropic])
    func overfull(dialect: Dialect) throws {
        var context = AnswerContext.plain()
        context.chat.tools = [ChatTool(name: "p", kind: .custom(format: nil))]
        // Two calls whose pieces come in turn: each dialect has to keep at least the second.
        let piece = AnswerStep.arguments(1, String(repeating: "x", count: 1 << 20))
        let begin: [AnswerStep] = [
            .call(0, id: "a", name: "f"), .arguments(0, "{"), .call(1, id: "b", name: "p"),
            .arguments(1, #"{\"input\":\""#),
        ]
        let end: [AnswerStep] = [.finish(.toolCalls), .usage(TokenUsage(input: 1, output: 1))]
        let small = AnswerScript(steps: begin + [piece] + end).stream(dialect, context)
        #expect(!small.contains("too large"))
        let large = AnswerScript(steps: begin + Array(repeating: piece, count: 33) + end).stream(dialect, context)
        #expect(large.contains("too large"))
        for success in ["finish_reason\":\"", "message_stop", "\"done\":true", "[DONE]"] {
            #expect(!large.contains(success))
        }
    }

    @Test("lesson 41: a call cut by the limit stays cut")
    func cutCall() throws {
        let answer = try read([.call(0, id: "a", name: "f"), .arguments(0, "{\"x"), .finish(.length)])
        #expect(answer.choices[0].finish == .length)
        #expect(answer.choices[0].toolCalls.map(\.arguments) == ["{\"x"])
    }

    @Test(
        "a call cut before its arguments does not look whole (lesson 41)",
        arguments: [FinishReason.length, .contextFull, .contentFilter, .toolCalls])
    func cutBeforeArguments(reason: FinishReason) throws {
        let isCut = reason != .toolCalls
        let script = AnswerScript(steps: [
            .call(0, id: "a", name: "f"), .call(1, id: "b", name: "g"), .finish(reason),
        ])
        let expected = isCut ? ["", ""] : ["{}", "{}"]
        #expect(try read(script.steps).choices[0].toolCalls.map(\.arguments) == expected)
        let chat = try script.whole(.openAIChat)["choices"]?[0]?["message"]?["tool_calls"]?.elements ?? []
        #expect(chat.map { $0["function"]?["arguments"]?.string } == expected)
        // Where input is an object, one that says that there was no text stands for it.
        let object = JSONValue.object(isCut ? [.init("_raw", .string(""))] : [])
        let message = try script.whole(.anthropic)["content"]?.elements ?? []
        #expect(message.map { $0["input"] } == [object, object])
        let stream = script.stream(.anthropic)
        #expect(stream.contains("content_block_stop") && stream.contains("input_json_delta") == !isCut)
        let plain = try script.whole(.ollama)["message"]?["tool_calls"]?.elements ?? []
        #expect(plain.map { $0["function"]?["arguments"] } == [object, object])
        #expect(script.stream(.ollama).contains(#""arguments":{"_raw":""}"#) == isCut)
    }

    @Test("text of a custom tool that was cut is left open for an Anthropic client")
    func cutText() {
        let steps: [AnswerStep] = [.custom(0, id: "a", name: "f"), .arguments(0, "te")]
        let cut = AnswerScript(steps: steps + [.finish(.length)]).stream(.anthropic)
        #expect(cut.contains(#"{\"input\":\"te"}}"#) && !cut.contains(#""partial_json":"\"}""#))
        let whole = AnswerScript(steps: steps + [.finish(.toolCalls)]).stream(.anthropic)
        #expect(whole.contains(#""partial_json":"\"}""#))
    }

    @Test("a tool that the client declared as custom is called with text, however upstream knew it")
    func customTool() throws {
        var chat = ChatRequest(model: "mine", messages: [])
        chat.tools = [ChatTool(name: "patch", kind: .custom(format: nil))]
        let script = AnswerScript(steps: [
            .call(0, id: "a", name: "patch"), .call(1, id: "b", name: "f"), .arguments(0, "{\"input\":\"line \\"),
            .arguments(1, "{\"k\":1}"), .arguments(0, "\"1\\\"\\n\"}"), .finish(.toolCalls),
        ])
        let calls = try read(script.steps, .plain(chat)).choices[0].toolCalls
        #expect(calls[0].kind == .customCall(number: 0, id: "a", name: "patch"))
        #expect(calls[0].text == "line \"1\"\n")
        #expect(calls[1].kind == .toolCall(number: 1, id: "b", name: "f") && calls[1].text == "{\"k\":1}")
        let whole = try script.whole(.openAIChat, .plain(chat))["choices"]?[0]?["message"]?["tool_calls"]
        #expect(whole?[0]?["type"] == .string("custom"))
        #expect(whole?[0]?["custom"]?["input"] == .string("line \"1\"\n"))
        #expect(whole?[1]?["type"] == .string("function"))
        // Upstream's own custom call needs no unwrapping.
        let own = try read([.custom(0, id: "c", name: "patch"), .arguments(0, "raw"), .finish(.stop)], .plain(chat))
        #expect(own.choices[0].toolCalls[0].kind == .customCall(number: 0, id: "c", name: "patch"))
        #expect(own.choices[0].toolCalls[0].text == "raw")
    }

    @Test("sources, images and log probabilities have their members")
    func extras() throws {
        let element = #"{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}"#
        let script = AnswerScript(steps: [
            .logprobs(text: "héa", element), .citation(url: "https://e.org/\"x", title: "T"),
            .image(type: "image/png", base64: "AAAA"), .finish(.stop),
        ])
        let answer = try read(script.steps).choices[0]
        #expect(answer.text == "héa")
        #expect(answer.logprobs.text == element)
        #expect(answer.parts.map(\.kind).contains(.citation(url: "https://e.org/\"x", title: "T")))
        #expect(answer.parts.map(\.kind).contains(.image(mediaType: "image/png")))
        #expect(answer.parts.last?.text == "AAAA")
        let stream = script.stream(.openAIChat)
        #expect(stream.components(separatedBy: "\"logprobs\"").count == 2)

        let choice = try script.whole(.openAIChat)["choices"]?[0]
        let citation = choice?["message"]?["annotations"]?[0]?["url_citation"]
        #expect(citation?["url"] == .string("https://e.org/\"x"))
        #expect(citation?["end_index"]?.integer == 3)
        #expect(choice?["message"]?["images"]?[0]?["image_url"]?["url"] == .string("data:image/png;base64,AAAA"))
        #expect(choice?["logprobs"]?["content"]?[0]?["token"] == .string("a"))
    }

    @Test(
        "a refusal is explained and ends as filtered",
        arguments: [
            ([AnswerStep.finish(.refusal("not this"))], "not this"),
            ([.refusal("I won't"), .finish(.refusal("not this"))], "I won't"),
            ([.finish(.refusal(nil))], ""),
        ])
    func refusal(steps: [AnswerStep], text: String) throws {
        let answer = try read(steps)
        #expect(answer.choices[0].refusal == text)
        #expect(answer.choices[0].finish == .contentFilter)
        let choice = try AnswerScript(steps: steps).whole(.openAIChat)["choices"]?[0]
        #expect(choice?["message"]?["refusal"] == (text.isEmpty ? .null : .string(text)))
        #expect(choice?["finish_reason"] == .string("content_filter"))
    }

    @Test(
        "reasons of other vendors become ones that OpenAI has",
        arguments: [
            (FinishReason.stopSequence("x"), "stop"), (.pause, "stop"), (.other("CONTINUATION"), "stop"),
            (.contextFull, "length"), (.contentFilter, "content_filter"), (.malformedCall, "error"),
        ])
    func reasons(reason: FinishReason, name: String) throws {
        let stream = AnswerScript(steps: [.text("a"), .finish(reason), .finish(.stop)]).stream(.openAIChat)
        // Trap 21: one end for each choice.
        #expect(stream.components(separatedBy: #""finish_reason":"\#(name)""#).count == 2)
        #expect(stream.components(separatedBy: #""finish_reason":""#).count == 2)
    }

    @Test("trap 9: a choice that upstream left open is ended with the stream")
    func unfinished() throws {
        #expect(try read([.text("a")]).choices[0].finish == .stop)
        #expect(try read([.call(0, id: "a", name: "f")]).choices[0].finish == .toolCalls)
    }

    @Test("lessons 56, 61 and 73: usage comes last and to who asked, and the first delta tells the role")
    func usage() throws {
        var chat = ChatRequest(model: "mine", messages: [])
        let script = AnswerScript(steps: [
            .usage(TokenUsage(input: 5)), .text("a"), .finish(.stop), .usage(TokenUsage(output: 2)),
        ])
        #expect(!script.stream(.openAIChat, .plain(chat)).contains("usage"))
        chat.includesUsage = true
        let chunks = payloads(of: script.stream(.openAIChat, .plain(chat)))
        #expect(chunks.filter { $0.hasSuffix(#""usage":null}"#) }.count == chunks.count - 2)
        let last = try JSONValue(parsing: chunks[chunks.count - 2].utf8.span)
        #expect(last["choices"] == .array([]))
        #expect(last["usage"]?["total_tokens"]?.integer == 7)
        #expect(chunks[0].contains(#""delta":{"role":"assistant""#))
        #expect(chunks.filter { $0.contains("role") }.count == 1)
        // Lesson 75: the same id throughout.
        #expect(chunks.dropLast().allSatisfy { $0.hasPrefix(#"{"id":"chatcmpl-abcdefghijklmnopqrstuvwx","#) })
    }
}

extension JSONValue {
    /// The member of the first choice's message as text; empty when there is none.
    fileprivate func description(of member: String) -> String {
        guard let value = self["choices"]?[0]?["message"]?[member] else { return "" }
        return String(describing: value)
    }
}
