// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

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
        #"{"choices":[{"delta":{"tool_calls":[{"index":5,"id":"i","#
            + #""function":{"name":"f","arguments":"{}"}}]}}]}"#,
        #"{"choices":[{"delta":{},"finish_reason":"stop"}],"#
            + #""usage":{"prompt_tokens":2,"completion_tokens":3}}"#,
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
                    #""tool_calls":[{"index":0,"id":"i","type":"function","#
                        + #""function":{"name":"f","arguments":""}}]"#
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
