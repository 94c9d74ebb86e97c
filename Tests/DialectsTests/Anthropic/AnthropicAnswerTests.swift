// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

@Suite("Anthropic answers and errors")
struct AnthropicAnswerTests {
    private func read(_ body: String) throws -> (ChatAccumulator, DecodedEvent) {
        let bytes = Array(body.utf8)
        var event = DecodedEvent()
        try AnthropicCodec().decodeWhole(bytes.span, into: &event)
        var said = ChatAccumulator()
        said.append(event, of: bytes.span)
        return (said, event)
    }

    static let body = #"""
        {"id":"msg_1","type":"message","role":"assistant","model":"claude-\u0078","content":[
        {"type":"thinking","thinking":"hm\n","signature":"c2ln"},{"type":"redacted_thinking","data":"cmVk"},
        {"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}},
        {"type":"text","text":"hi","citations":[{"type":"web_search_result_location","url":"http://u","title":"T"}]},
        {"type":"tool_use","id":"toolu_1","name":"f","input":{"a":["x",1.50]}},
        {"type":"tool_use","id":"toolu_2","name":"g","input":{}}],
        "stop_reason":"tool_use","stop_sequence":null,
        "usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":7}}
        """#

    @Test("a whole answer is read, and written again says the same")
    func whole() throws {
        let (said, event) = try read(Self.body)
        let choice = try #require(said.choices.first)
        #expect(!event.isTerminal)
        #expect(choice.text == "hi" && choice.reasoning == "hm\n")
        #expect(choice.toolCalls.map(\.text) == [#"{"a":["x",1.50]}"#, "{}"])
        #expect(choice.parts.map(\.kind).contains(.citation(url: "http://u", title: "T")))
        #expect(choice.parts.first?.signature == "c2ln")
        #expect(choice.finish == .toolCalls)
        #expect(said.usage == TokenUsage(input: 15, output: 7, cached: 5))
        let range = try #require(event.modelRange)
        #expect(String(decoding: Array(Self.body.utf8)[range], as: UTF8.self) == #"claude-\u0078"#)

        var buffer = ByteBuffer()
        AnthropicCodec().writeAnswer(said, DialectReplay.context(.anthropic), into: &buffer)
        let (again, _) = try read(buffer.text)
        #expect(again.choices.first?.parts.map(\.kind) == choice.parts.map(\.kind))
        #expect(again.choices.first?.parts.map(\.text) == choice.parts.map(\.text))
        #expect(again.choices.first?.parts.map(\.signature) == choice.parts.map(\.signature))
        #expect(again.choices.first?.finish == choice.finish && again.usage == said.usage)
        let message = try JSONValue(parsing: buffer.bytes)
        #expect(message["id"]?.string == "msg_abcdefghijklmnopqrstuvwx")
        #expect(message["model"]?.string == "client-model" && message["type"]?.string == "message")
    }

    @Test("a last call whose input is empty has none when the answer was cut (lesson 41)", arguments: [true, false])
    func cut(isCut: Bool) throws {
        let reason = isCut ? "max_tokens" : "tool_use"
        let body =
            #"{"content":[{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"g","input":{}}],"stop_reason":"R"}"#
        let (whole, _) = try read(body.replacingOccurrences(of: "R\"", with: reason + "\""))
        #expect(whole.choices[0].toolCalls.map(\.text) == (isCut ? ["{}", ""] : ["{}", "{}"]))
        var replay = DialectReplay(from: .anthropic, to: .openAIChat, maker: "anthropic")
        replay.feed(#"{"type":"message_start","message":{"id":"m","role":"assistant","content":[]}}"#)
        for (index, name) in ["f\\u0041", "g"].enumerated() {
            replay.feed(
                #"{"type":"content_block_start","index":\#(index),"content_block":{"type":"tool_use","id":"a\#(index)","name":"\#(name)","input":{}}}"#
            )
            replay.feed(#"{"type":"content_block_stop","index":\#(index)}"#)
        }
        replay.feed(#"{"type":"message_delta","delta":{"stop_reason":"\#(reason)"}}"#)
        replay.feed(#"{"type":"message_stop"}"#)
        replay.end()
        let calls = try chatDeltas(of: replay.output.text).compactMap { $0["tool_calls"]?[0] }
        #expect(calls.compactMap { $0["function"]?["name"]?.string } == ["fA", "g"])
        #expect(calls.compactMap { $0["id"]?.string } == ["a0", "a1"])
        let arguments = calls.compactMap { $0["function"]?["arguments"]?.string }.filter { !$0.isEmpty }
        #expect(arguments == (isCut ? ["{}"] : ["{}", "{}"]))
    }

    @Test("an answer of more values than are held at once is malformed, and such input stays text")
    func values() {
        let ones = "1" + String(repeating: ",1", count: JSONValue.valueLimit)
        #expect(throws: MalformedEvent.self) { try read(#"{"content":[\#(ones)],"stop_reason":"end_turn"}"#) }
        let input = #"{"x":[\#(ones)]}"#
        #expect(ToolInput.object(input) == .object([.init("_raw", .string(input))]))
    }

    @Test("signatures of another maker travel in a carrier, and a call's right before it")
    func carriers() throws {
        let text = Array("thinksigfid".utf8)
        var said = ChatAccumulator()
        for delta: ChatDelta in [
            .reasoning(choice: 0, 0..<5), .reasoningSignature(choice: 0, 5..<8), .callSignature(choice: 0, 5..<8),
            .toolCall(choice: 0, call: 0, id: 9..<11, name: 8..<9), .finish(choice: 0, .stop),
        ] { said.append(delta, from: text.span) }
        var buffer = ByteBuffer()
        AnthropicCodec().writeAnswer(said, DialectReplay.context(.anthropic, maker: "gemini", estimate: 9), into: &buffer)
        let message = try JSONValue(parsing: buffer.bytes)
        #expect(message["content"]?[0]?["signature"]?.string == "slc1.gemini.sig")
        #expect(message["content"]?[1]?["data"]?.string == "slc1.gemini-call.sig")
        #expect(message["content"]?[2]?["input"] == .object([]))
        #expect(message["stop_reason"]?.string == "tool_use")
        #expect(message["usage"]?["input_tokens"]?.integer == 9)
    }

    @Test("arguments that are no object are kept as text, and an answer without choices is empty")
    func odd() throws {
        let text = Array(#"f{\"a"#.utf8)
        var said = ChatAccumulator()
        said.append(.toolCall(choice: 0, call: 0, id: 0..<0, name: 0..<1), from: text.span)
        said.append(.toolArguments(choice: 0, call: 0, 1..<text.count), from: text.span)
        said.append(.finish(choice: 0, .length), from: text.span)
        var buffer = ByteBuffer()
        AnthropicCodec().writeAnswer(said, DialectReplay.context(.anthropic), into: &buffer)
        let message = try JSONValue(parsing: buffer.bytes)
        #expect(message["content"]?[0]?["input"]?["_raw"]?.string == "{\"a")
        #expect(message["stop_reason"]?.string == "max_tokens")
        buffer.removeAll()
        AnthropicCodec().writeAnswer(ChatAccumulator(), DialectReplay.context(.anthropic), into: &buffer)
        #expect(try JSONValue(parsing: buffer.bytes)["content"] == .array([]))
    }

    @Test("what is no answer is refused, and an error is one")
    func noAnswer() throws {
        for body in ["", "[]", "{}", "5", #"{"type":"message"}"#, #"{"content":5}"#] {
            #expect(throws: MalformedEvent.self) { try read(body) }
        }
        for bare in [#"{"error":{"message":"m"}}"#, #"{"error":"m","content":[]}"#] {
            #expect(try read(bare).0.failure?.status == 502)
        }
        let (said, event) = try read(#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#)
        #expect(event.isTerminal && said.failure?.status == 529)
        let (refused, _) = try read(#"{"type":"message","content":[],"stop_reason":"refusal"}"#)
        #expect(refused.choices.first?.finish == .refusal(nil))
    }

    @Test(
        "the type of an error is that of its status (trap 22)",
        arguments: [
            (400, nil, "invalid_request_error"), (401, "invalid_request_error", "authentication_error"),
            (402, nil, "billing_error"), (403, nil, "permission_error"), (404, nil, "not_found_error"),
            (408, nil, "timeout_error"), (409, nil, "conflict_error"), (413, nil, "request_too_large"),
            (418, nil, "invalid_request_error"), (429, "tokens", "rate_limit_error"), (500, nil, "api_error"),
            (500, "server_error", "api_error"), (502, nil, "api_error"), (503, nil, "overloaded_error"),
            (504, nil, "timeout_error"), (529, "api_error", "overloaded_error"), (400, "billing_error", "billing_error"),
            (502, "overloaded_error", "overloaded_error"),
        ] as [(Int, String?, String)])
    func errorTypes(status: Int, type: String?, expected: String) throws {
        var buffer = ByteBuffer()
        let failure = ChatFailure(status: status, message: "m\n\"", type: type, parameter: "messages[0]")
        AnthropicCodec().writeError(failure, requestID: "req-1", into: &buffer)
        let body = try JSONValue(parsing: buffer.bytes)
        #expect(body["type"]?.string == "error")
        #expect(body["error"]?["type"]?.string == expected)
        #expect(body["error"]?["message"]?.string == "messages[0]: m\n\"")
        #expect(body["request_id"]?.string == "req-1")
        #expect(AnthropicCodec().status(of: failure) == status)
        let again = AnthropicCodec().readError(buffer.bytes, status: status)
        #expect(again.status == status && again.type == expected)
    }

    @Test("a refused thread is told by the words on which the vendor's SDK goes on without one")
    func refusedThread() throws {
        let asked = try request(
            #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}],"thread":{"type":"create"}}"#,
            .anthropic)
        for dialect in [Dialect.openAIChat, .gemini, .ollama, .straico] {
            let error = #expect(throws: DialectError.self) { try written(asked, dialect) }
            var buffer = ByteBuffer()
            let failure = ChatFailure(
                status: 400, message: error?.message ?? "", type: "invalid_request_error", parameter: error?.parameter)
            AnthropicCodec().writeError(failure, requestID: "", into: &buffer)
            let details = try JSONValue(parsing: buffer.bytes)["error"]?["details"]
            #expect(details?["error_code"]?.string == "thread_unsupported_request")
            #expect(details?["unsupported"]?[0]?.string == "thread")
        }
    }

    @Test("error bodies of any kind are read")
    func errorBodies() {
        func read(_ body: String) -> ChatFailure {
            let bytes = Array(body.utf8)
            return AnthropicCodec().readError(bytes.span, status: 404)
        }
        let own = read(#"{"error":{"message":"model: x","type":"not_found_error"},"request_id":"r","type":"error"}"#)
        #expect(own == ChatFailure(status: 404, message: "model: x", type: "not_found_error"))
        #expect(read("<html>").status == 404 && read("").message.contains("404"))
        #expect(read("plain words").message == "plain words")
    }
}
