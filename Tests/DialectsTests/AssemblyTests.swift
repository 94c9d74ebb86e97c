// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Streams and whole answers") struct AssemblyTests {
    static let completion = #"""
        {"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant",
        "content":"a \"b\"\n","refusal":null,"reasoning_content":"why"},"finish_reason":"stop"},{"index":1,"message":{
        "role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"x","type":"function","function":{"name":"f",
        "arguments":"{\"k\":1}"}},{"id":"y","type":"function","function":{"name":"g","arguments":"{}"}}]},
        "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}
        """#

    func assemble(_ chunks: [String]) throws -> JSONValue? {
        var assembly = OpenAIChatAssembly()
        var decoder = OpenAIChatStreamDecoder()
        var event = DecodedEvent()
        for chunk in chunks {
            let bytes = Array(chunk.utf8)
            try decoder.decode(bytes.span, named: [UInt8]().span, into: &event)
            assembly.append(event, bytes.span)
        }
        guard let body = assembly.body() else { return nil }
        return try JSONValue(parsing: body.span)
    }

    @Test("told as a stream and put together again, an answer is the same")
    func roundTrip() throws {
        let original = try JSONValue(parsing: Array(Self.completion.utf8).span)
        let chunks = OpenAIChatReplay.chunks(of: Array(Self.completion.utf8).span).map { String(decoding: $0, as: UTF8.self) }
        #expect(chunks.count == 5)
        let again = try #require(try assemble(chunks))
        for name in ["id", "object", "created", "model", "usage"] { #expect(again[name] == original[name]) }
        for index in 0..<2 {
            let (first, second) = (original["choices"]?[index], again["choices"]?[index])
            #expect(second?["finish_reason"] == first?["finish_reason"])
            for name in ["role", "content", "refusal", "reasoning_content", "tool_calls"] {
                #expect(second?["message"]?[name] == first?["message"]?[name], "\(name) of \(index)")
            }
        }
    }

    @Test("what is no completion is told as nothing", arguments: ["", "{}", "null", "[1]", #"{"choices":5}"#, "<html>"])
    func noCompletion(_ body: String) {
        #expect(OpenAIChatReplay.chunks(of: Array(body.utf8).span).isEmpty)
    }

    @Test("an answer takes its id from the first event that says something of it")
    func azure() throws {
        let body = try assemble([
            #"{"id":"","model":"","object":"","created":0,"choices":[],"prompt_filter_results":[]}"#,
            #"{"id":"c9","model":"m","created":5,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
        ])
        #expect(body?["id"] == .string("c9"))
        #expect(body?["model"] == .string("m"))
    }

    @Test("a call without id gets one that a result can refer to")
    func missingID() throws {
        let body = try assemble([#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]}"#])
        #expect(body?["choices"]?[0]?["message"]?["tool_calls"]?[0]?["id"] == .string("call_0"))
        #expect(body?["choices"]?[0]?["finish_reason"] == .null)
    }

    @Test("nothing is put together of nothing")
    func nothing() throws {
        #expect(try assemble([#"{"choices":[]}"#, "[DONE]"]) == nil)
    }
}
