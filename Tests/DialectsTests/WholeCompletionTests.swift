// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Whole completions")
struct WholeCompletionTests {
    static let completion = #"""
        {"id":"c1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[
        {"index":0,"message":{"role":"assistant","content":"a\n\u00e9","refusal":null},
        "finish_reason":"stop"},
        {"index":1,"message":{"role":"assistant","content":null,"refusal":null,
        "reasoning_content":"hm","tool_calls":[
        {"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
        {"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},
        "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}
        """#

    private func fold(_ events: [[UInt8]]) throws -> ChatAccumulator {
        var replay = StreamReplay()
        for event in events { replay.feed(String(decoding: event, as: UTF8.self)) }
        try #require(replay.malformedCount == 0)
        #expect(replay.decoder.ending == .complete)
        return replay.accumulator
    }

    private func check(_ answer: ChatAccumulator) {
        #expect(answer.choices.map(\.index) == [0, 1])
        #expect(answer.choices.map(\.text) == ["a\né", ""])
        #expect(answer.choices.map(\.reasoning) == ["", "hm"])
        #expect(answer.choices.map(\.finish) == [.stop, .toolCalls])
        #expect(answer.choices.flatMap(\.toolCalls).map(\.id) == ["t1", "t2"])
        #expect(answer.choices.flatMap(\.toolCalls).map(\.arguments) == [#"{"x":1}"#, "{}"])
        #expect(answer.usage == TokenUsage(input: 5, output: 6))
    }

    @Test("are read as one event")
    func decode() throws {
        let body = Array(Self.completion.utf8)
        var decoder = OpenAIChatStreamDecoder(isWhole: true)
        var event = DecodedEvent()
        try decoder.decode(body.span, named: Span<UInt8>(), into: &event)
        var answer = ChatAccumulator()
        for delta in event.deltas { answer.append(delta, from: body.span) }
        check(answer)
        #expect(event.modelRange.map { String(decoding: body[$0], as: UTF8.self) } == "m")
        #expect(decoder.ending == .complete)
    }

    @Test("become the chunks of a stream")
    func replay() throws {
        let body = Array(Self.completion.utf8)
        let chunks = OpenAIChatReplay.chunks(of: body.span)
        check(try fold(chunks))
    }

    /// The completion that a stream of these chunks makes.
    private func assemble(_ chunks: [String]) throws -> JSONValue? {
        var assembly = OpenAIChatAssembly()
        var decoder = OpenAIChatStreamDecoder()
        var event = DecodedEvent()
        for chunk in chunks {
            let bytes = Array(chunk.utf8)
            try decoder.decode(bytes.span, named: Span<UInt8>(), into: &event)
            assembly.append(event, bytes.span)
        }
        return try assembly.body().map { body throws in try JSONValue(parsing: body.span) }
    }

    @Test("are member by member the same after a time as a stream")
    func members() throws {
        let original = try JSONValue(parsing: Array(Self.completion.utf8).span)
        let chunks = OpenAIChatReplay.chunks(of: Array(Self.completion.utf8).span)
        let again = try #require(try assemble(chunks.map { String(decoding: $0, as: UTF8.self) }))
        for name in ["id", "object", "created", "model", "system_fingerprint", "usage"] {
            #expect(again[name] == original[name], "\(name)")
        }
        for index in 0..<2 {
            let (first, second) = (original["choices"]?[index], again["choices"]?[index])
            #expect(second?["finish_reason"] == first?["finish_reason"])
            for name in ["role", "content", "refusal", "reasoning_content", "tool_calls"] {
                #expect(second?["message"]?[name] == first?["message"]?[name], "\(name) of \(index)")
            }
        }
    }

    @Test("take their id from the first event that says something of it")
    func firstID() throws {
        let body = try assemble([
            #"{"id":"","model":"","object":"","created":0,"choices":[],"prompt_filter_results":[]}"#,
            #"{"id":"c9","model":"m","choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
        ])
        #expect(body?["id"] == .string("c9"))
        #expect(body?["model"] == .string("m"))
    }

    @Test("give a call without id one that a result can refer to")
    func missingID() throws {
        let call = #"{"function":{"name":"f","arguments":""}}"#
        let choice = try assemble([#"{"choices":[{"index":0,"delta":{"tool_calls":[\#(call)]}}]}"#])?[
            "choices"]?[0]
        #expect(choice?["message"]?["tool_calls"]?[0]?["id"] == .string("call_0"))
        #expect(choice?["finish_reason"] == .null)
    }

    @Test(
        "are not made of what is none",
        arguments: ["", "[]", "{}", "null", "[1]", #"{"choices":5}"#, "<html>"])
    func none(body: String) throws {
        #expect(OpenAIChatReplay.chunks(of: Array(body.utf8).span).isEmpty)
        #expect(OpenAIChatAssembly().body() == nil)
        #expect(try assemble([#"{"choices":[]}"#, "[DONE]"]) == nil)
    }
}
