// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

@Suite("PassthroughStreamEncoder")
struct PassthroughStreamEncoderTests {
    private func pass(
        _ data: String, named name: String = "", model: String = "m", wantsUsage: Bool = true
    ) -> String {
        var replay = StreamReplay(clientModel: model, wantsUsage: wantsUsage)
        replay.feed(data, named: name)
        return replay.output.text
    }

    @Test("puts the client's name for the model in place of upstream's")
    func model() {
        let data = #"{"id" : "model","model": "m-2024","choices":[{"delta":{"content":"\"model\":"}}]}"#
        #expect(pass(data) == "data: \(data)\n\n")
        #expect(
            pass(data, model: "a\"b")
                == #"data: {"id" : "model","model": "a\"b","choices":[{"delta":{"content":"\"model\":"}}]}"#
                + "\n\n")
    }

    @Test(
        "takes usage out that was not asked for",
        arguments: [
            (#"{"id":"x", "usage":null, "choices":[]}"#, #"{"id":"x", "choices":[]}"#),
            (#"{"usage":null, "id":"x"}"#, #"{"id":"x"}"#),
            (#"{ "usage" : null }"#, "{  }"),
            (
                #"{"id":"x","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}"#,
                #"{"id":"x","choices":[{"delta":{"content":"a"}}]}"#
            ),
        ])
    func unwantedUsage(data: String, expected: String) {
        #expect(pass(data) == "data: \(data)\n\n")
        #expect(pass(data, wantsUsage: false) == "data: \(expected)\n\n")
    }

    @Test("drops an event that only reports usage nobody asked for")
    func usageOnly() {
        let data = #"{"model":"m","choices":[],"usage":{"prompt_tokens":1}}"#
        #expect(pass(data, wantsUsage: false).isEmpty)
        #expect(pass(data) == "data: \(data)\n\n")
    }

    @Test("changes model, usage and a repeated end in one event, in any order")
    func severalEdits() {
        var replay = StreamReplay(clientModel: "c", wantsUsage: false)
        replay.feed(#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#)
        replay.output.removeAll()
        replay.feed(
            #"{"usage":{"prompt_tokens":1},"choices":[{"delta":{},"finish_reason":"stop"}],"model":"m"}"#)
        #expect(
            replay.output.text
                == "data: {\"choices\":[{\"delta\":{},\"finish_reason\":null}],\"model\":\"c\"}\n\n")
    }

    @Test("keeps the name of an event, and its data on one line")
    func framing() {
        #expect(pass(#"{"id":"x"}"#, named: "ping") == "event: ping\ndata: {\"id\":\"x\"}\n\n")
        #expect(pass("{\"id\":\n\"x\"}") == "data: {\"id\": \"x\"}\n\n")
    }

    @Test("ends once, whoever asks how often")
    func ends() {
        var encoder = PassthroughStreamEncoder(upstreamModel: "m", clientModel: "m", wantsUsage: true)
        var output = ByteBuffer()
        encoder.heartbeat(into: &output)
        encoder.finish(into: &output)
        encoder.finish(into: &output)
        encoder.fail(ChatFailure(status: 502, message: "x"), requestID: "r", into: &output)
        encoder.heartbeat(into: &output)
        #expect(output.text == "\ndata: [DONE]\n\n")
    }

    @Test("ends with an error event and no [DONE]")
    func fails() throws {
        var encoder = PassthroughStreamEncoder(upstreamModel: "m", clientModel: "m", wantsUsage: true)
        var output = ByteBuffer()
        encoder.fail(
            ChatFailure(status: 502, message: "cut \"off\"\n", code: "c"), requestID: "", into: &output)
        encoder.finish(into: &output)
        #expect(
            output.text
                == #"data: {"error":{"message":"cut \"off\"\n","type":"server_error","param":null,"code":"c"}}"#
                + "\n\n")
    }
}

@Suite("OpenAIChatStreamEncoder")
struct OpenAIChatStreamEncoderTests {
    /// Decodes events, writes them anew from their deltas, and returns the payloads.
    private func rewrite(_ events: [String], wantsUsage: Bool = true) throws -> [String] {
        var decoder = OpenAIChatStreamDecoder()
        var encoder = OpenAIChatStreamEncoder(
            id: "chatcmpl-1", created: 7, model: "m", wantsUsage: wantsUsage)
        var event = DecodedEvent()
        var output = ByteBuffer()
        for text in events {
            let data = Array(text.utf8)
            try decoder.decode(data.span, named: Span<UInt8>(), into: &event)
            encoder.encode(event, from: data.span, into: &output)
        }
        encoder.finish(into: &output)
        return output.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map {
            String($0.dropFirst(6))
        }
    }

    private static let turn = [
        #"{"choices":[{"delta":{"reasoning":"hm"}}]}"#, #"{"choices":[{"delta":{"content":"a\n"}}]}"#,
        #"{"choices":[{"delta":{"tool_calls":[{"index":5,"id":"i","function":{"name":"f","arguments":"{}"}}]}}]}"#,
        #"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#,
        "[DONE]",
    ]

    @Test("writes chunks with the same id, time and model")
    func chunks() throws {
        let start =
            #"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":["#
        func choice(_ delta: String, _ finish: String = "null") -> String {
            start + #"{"index":0,"delta":{\#(delta)},"finish_reason":\#(finish)}],"usage":null}"#
        }
        #expect(
            try rewrite(Self.turn) == [
                choice(#""role":"assistant","content":"""#),
                choice(
                    #""reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","index":0}]"#),
                choice(#""content":"a\n""#),
                choice(
                    #""tool_calls":[{"index":0,"id":"i","type":"function","function":{"name":"f","arguments":""}}]"#
                ),
                choice(#""tool_calls":[{"index":0,"function":{"arguments":"{}"}}]"#),
                // A turn that called a tool did not just stop.
                choice("", #""tool_calls""#),
                start + #"],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}"#, "[DONE]",
            ])
    }

    @Test("reports no usage that was not asked for")
    func unwantedUsage() throws {
        #expect(try rewrite(Self.turn, wantsUsage: false).contains { $0.contains("usage") } == false)
    }

    @Test("writes what decodes to the same answer")
    func roundTrip() throws {
        var first = StreamReplay()
        var second = StreamReplay()
        for event in Self.turn { first.feed(event) }
        for event in try rewrite(Self.turn) { second.feed(event) }
        #expect(second.malformedCount == 0)
        #expect(second.decoder.ending == .complete)
        #expect(second.accumulator.text == first.accumulator.text)
        #expect(second.accumulator.choices.map(\.reasoning) == ["hm"])
        #expect(second.accumulator.choices[0].toolCalls.map(\.arguments) == ["{}"])
        #expect(second.accumulator.usage == first.accumulator.usage)
    }
}
