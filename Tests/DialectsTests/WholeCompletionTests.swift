// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

/// A whole answer read by one dialect.
func wholeAnswer(_ body: String, of codec: any DialectCodec) throws -> ChatAccumulator {
    let bytes = Array(body.utf8)
    var event = DecodedEvent()
    try codec.decodeWhole(bytes.span, into: &event)
    var answer = ChatAccumulator()
    answer.append(event, from: bytes.span)
    return answer
}

extension AnswerContext {
    /// What an answer is written for where the test says nothing of it.
    static func plain(_ chat: ChatRequest? = nil, maker: String = "openai") -> AnswerContext {
        let chat = chat ?? ChatRequest(model: "mine", messages: [])
        return AnswerContext(chat: chat, seed: "abcdefghijklmnopqrstuvwx", created: 7, maker: maker)
    }
}

@Suite("Whole completions")
struct WholeCompletionTests {
    static let completion = #"""
        {"id":"c1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[
        {"index":0,"message":{"role":"assistant","content":"a \"b\"\n\u00e9","refusal":null},"finish_reason":"stop"},
        {"index":1,"message":{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
        {"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
        {"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}
        """#

    private func check(_ answer: ChatAccumulator) {
        #expect(answer.choices.map(\.index) == [0, 1])
        #expect(answer.choices.map(\.text) == ["a \"b\"\né", ""])
        #expect(answer.choices.map(\.reasoning) == ["", "hm"])
        #expect(answer.choices.map(\.finish) == [.stop, .toolCalls])
        #expect(answer.choices.flatMap(\.toolCalls).map(\.id) == ["t1", "t2"])
        #expect(answer.choices.flatMap(\.toolCalls).map(\.arguments) == [#"{"x":1}"#, "{}"])
        #expect(answer.usage == TokenUsage(input: 5, output: 6))
    }

    @Test("are read as one event")
    func decode() throws {
        let body = Array(Self.completion.utf8)
        var event = DecodedEvent()
        try OpenAIChatCodec().decodeWhole(body.span, into: &event)
        #expect(event.modelRange.map { String(decoding: body[$0], as: UTF8.self) } == "m")
        check(try wholeAnswer(Self.completion, of: OpenAIChatCodec()))
    }

    @Test("become a stream, and a stream becomes a completion that says the same")
    func thereAndBack() throws {
        let body = Array(Self.completion.utf8)
        var event = DecodedEvent()
        try OpenAIChatCodec().decodeWhole(body.span, into: &event)
        var encoder = OpenAIChatCodec().streamEncoder(.plain())
        var stream = ByteBuffer()
        encoder.encode(event, from: body.span, into: &stream)
        encoder.finish(into: &stream)
        let replay = try StreamReplay.replaying([stream.storage])
        #expect(replay.malformedCount == 0 && replay.decoder.ending == .complete)
        #expect(replay.accumulator.choices.map(\.finish) == [.stop, .toolCalls])

        var whole = ByteBuffer()
        OpenAIChatCodec().writeAnswer(try wholeAnswer(Self.completion, of: OpenAIChatCodec()), .plain(), into: &whole)
        check(try wholeAnswer(whole.text, of: OpenAIChatCodec()))
        let value = try JSONValue(parsing: whole.storage.span)
        #expect(value["object"] == .string("chat.completion"))
        #expect(value["id"] == .string("chatcmpl-abcdefghijklmnopqrstuvwx"))
        #expect(value["model"] == .string("mine"))
        #expect(value["choices"]?[1]?["message"]?["content"] == .null)
        #expect(value["choices"]?[0]?["message"]?["refusal"] == .null)
    }

    @Test("are not what is none", arguments: ["", "[]", "{}", "null", "[1]", #"{"choices":5}"#, "<html>"])
    func none(body: String) {
        #expect(throws: MalformedEvent.self) { try wholeAnswer(body, of: OpenAIChatCodec()) }
    }

    @Test("that give no reason to end are ended by what they say")
    func reasonless() throws {
        let text = try wholeAnswer(
            #"{"choices":[{"index":0,"message":{"content":"a"}}],"retrieval":{}}"#, of: OpenAIChatCodec())
        #expect(text.choices.map(\.finish) == [.stop])
        let call = try wholeAnswer(
            #"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":""}}]},"finish_reason":null}]}"#,
            of: OpenAIChatCodec())
        #expect(call.choices.map(\.finish) == [.toolCalls])
        var whole = ByteBuffer()
        OpenAIChatCodec().writeAnswer(call, .plain(), into: &whole)
        let written = try JSONValue(parsing: whole.storage.span)["choices"]?[0]?["message"]?["tool_calls"]?[0]
        // Lesson 39: a client parses the arguments. Without an id no result could refer to the call.
        #expect(written?["id"]?.string?.hasPrefix("call_") == true)
        #expect(written?["function"]?["arguments"] == .string("{}"))
    }

    @Test("that are an error are a failure")
    func failure() throws {
        let answer = try wholeAnswer(#"{"error":{"message":"no","code":429}}"#, of: OpenAIChatCodec())
        #expect(answer.failure?.status == 429)
    }
}
