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
        {"index":0,"message":{"role":"assistant","content":"a\n\u00e9","refusal":null},"finish_reason":"stop"},
        {"index":1,"message":{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
        {"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
        {"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}
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

    @Test("become the chunks of a stream, and such chunks a completion")
    func thereAndBack() throws {
        let body = Array(Self.completion.utf8)
        let chunks = OpenAIChatReplay.chunks(of: body.span)
        check(try fold(chunks))

        var decoder = OpenAIChatStreamDecoder()
        var event = DecodedEvent()
        var assembly = OpenAIChatAssembly()
        for chunk in chunks {
            try decoder.decode(chunk.span, named: Span<UInt8>(), into: &event)
            assembly.append(event, chunk.span)
        }
        let assembled = try #require(assembly.body())
        let value = try JSONValue(parsing: assembled.span)
        #expect(value["object"] == .string("chat.completion"))
        #expect(value["id"] == .string("c1"))
        #expect(value["system_fingerprint"] == .string("fp"))
        check(try fold(OpenAIChatReplay.chunks(of: assembled.span)))
    }

    @Test("are not made of what is none", arguments: ["", "[]", "{}", #"{"choices":5}"#, "<html>"])
    func none(body: String) {
        #expect(OpenAIChatReplay.chunks(of: Array(body.utf8).span).isEmpty)
        #expect(OpenAIChatAssembly().body() == nil)
    }
}
