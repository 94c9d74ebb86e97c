// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Streams of the Responses dialect, written")
struct ResponsesStreamEncoderTests {
    /// A stream of chat chunks with these deltas, the last of which ends for a reason.
    static func chat(_ deltas: [String], finish: String? = "stop") -> String {
        var text = deltas.map { "data: {\"choices\":[{\"index\":0,\"delta\":\($0)}]}\n\n" }.joined()
        if let finish { text += "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"\(finish)\"}]}\n\n" }
        text += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5}}\n\n"
        return text + "data: [DONE]\n\n"
    }

    private static func replay(
        _ deltas: [String], finish: String? = "stop", _ context: AnswerContext = .responses(maker: "gemini")
    ) throws -> ResponsesReplay {
        try .of(chat(deltas, finish: finish), from: .openAIChat, to: .openAIResponses, context)
    }

    private static func call(_ index: Int, _ arguments: String, id: String? = nil, name: String = "f") -> String {
        let head = id.map { "\"id\":\"\($0)\",\"type\":\"function\"," } ?? ""
        let named = id == nil ? "" : "\"name\":\"\(name)\","
        return "{\"tool_calls\":[{\"index\":\(index),\(head)\"function\":{\(named)\"arguments\":\"\(arguments)\"}}]}"
    }

    static let everything = chat(
        [
            #"{"role":"assistant","reasoning_content":"thin"}"#, #"{"reasoning_content":"k \"é"}"#, #"{"content":"He"}"#,
            #"{"content":"llo \u2028"}"#, call(0, "", id: "c1"), call(0, #"{\"a\":"#), call(0, "1}"), call(1, "{}", id: "c2"),
        ], finish: "tool_calls")

    @Test("have every event that clients wait for, in its order")
    func order() throws {
        let replay = try ResponsesReplay.of(Self.everything, from: .openAIChat, to: .openAIResponses, .responses())
        #expect(
            replay.types == [
                "response.created", "response.in_progress",
                "response.output_item.added", "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
                "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
                "response.reasoning_summary_part.done", "response.output_item.done",
                "response.output_item.added", "response.content_part.added", "response.output_text.delta",
                "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                "response.output_item.done",
                "response.output_item.added", "response.function_call_arguments.delta",
                "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
                "response.output_item.added", "response.function_call_arguments.delta",
                "response.function_call_arguments.done", "response.output_item.done",
                "response.completed",
            ])
        let events = replay.written
        #expect(events.compactMap { $0["sequence_number"]?.integer } == Array(0..<events.count))
        for event in events {
            #expect(replay.output.text.contains("event: \(event["type"]?.string ?? "")\n"))
        }
        // One identity for the response, and one for each item from its beginning to the whole.
        #expect(Set(events.compactMap { $0["response"]?["id"]?.string }).count == 1)
        let output = try #require(events.last?["response"]?["output"]?.elements)
        let done = events.filter { $0["type"] == .string("response.output_item.done") }.compactMap { $0["item"] }
        #expect(done == output)
        for (index, item) in output.enumerated() {
            let own = events.filter { $0["output_index"]?.integer == index }
            #expect(own.allSatisfy { ($0["item_id"] ?? $0["item"]?["id"]) == item["id"] })
            #expect(own.first?["item"]?["status"] == .string("in_progress") && item["status"] == .string("completed"))
        }
        #expect(output.map { $0["id"]?.string?.prefix(3) } == ["rs_", "msg", "fc_", "fc_"])
        #expect(output.compactMap { $0["call_id"]?.string } == ["c1", "c2"])
        #expect(output[0]["summary"]?[0]?["text"] == .string("think \"é"))
        #expect(output[1]["content"]?[0]?["text"] == .string("Hello \u{2028}"))
        #expect(replay.output.text.contains(#"llo \u2028"#) && !replay.output.text.contains("\u{2028}"))
        #expect(output[2]["arguments"] == .string(#"{"a":1}"#))
        #expect(events.last?["response"]?["usage"]?["total_tokens"] == .number("14"))
    }

    @Test("are the same wherever the upstream's bytes are cut")
    func cuts() throws {
        let bytes = Array(Self.everything.utf8)
        let whole = try ResponsesReplay.of(Self.everything, from: .openAIChat, to: .openAIResponses, .responses())
        for cut in stride(from: 1, to: bytes.count, by: 1) {
            var replay = ResponsesReplay(from: .openAIChat, to: .openAIResponses, .responses())
            try replay.feed(chunks: [Array(bytes[..<cut]), Array(bytes[cut...])])
            guard replay.output.text != whole.output.text else { continue }
            Issue.record("A cut at byte \(cut) changes the output.")
        }
    }

    @Test("hold back what comes before a call is whole (lessons 37, 38)")
    func interleaved() throws {
        let replay = try Self.replay(
            [
                Self.call(0, "{", id: "c1"), Self.call(1, "{", id: "c2"), #"{"content":"late"}"#, Self.call(1, "}"),
                Self.call(0, "}"), #"{"content":"r"}"#,
            ], finish: "tool_calls")
        let output = replay.written.last?["response"]?["output"]?.elements ?? []
        #expect(output.compactMap { $0["type"]?.string } == ["function_call", "function_call", "message"])
        #expect(output.compactMap { $0["arguments"]?.string } == ["{}", "{}"])
        #expect(output.last?["content"]?[0]?["text"] == .string("later"))
        var open: Int?
        for event in replay.written {
            guard let index = event["output_index"]?.integer else { continue }
            if event["type"] == .string("response.output_item.added") {
                #expect(open == nil)
                open = index
            }
            #expect(open == index)
            if event["type"] == .string("response.output_item.done") { open = nil }
        }
    }

    @Test("give a call without arguments an empty object (lesson 39)")
    func emptyArguments() throws {
        let replay = try Self.replay([Self.call(0, "", id: "c1"), Self.call(1, "", id: "")], finish: "tool_calls")
        let output = replay.written.last?["response"]?["output"]?.elements ?? []
        #expect(output.compactMap { $0["arguments"]?.string } == ["{}", "{}"])
        #expect(output.last?["call_id"]?.string?.hasPrefix("call_") == true)
    }

    @Test(
        "end as the answer ended (lessons 41, 65)",
        arguments: [
            ("length", "response.incomplete", "max_output_tokens"), ("content_filter", "response.incomplete", "content_filter"),
            ("stop", "response.completed", nil), ("tool_calls", "response.completed", nil),
        ])
    func finish(reason: String, type: String, details: String?) throws {
        let replay = try Self.replay([#"{"content":"x"}"#, Self.call(0, #"{\"a\":"#, id: "c")], finish: reason)
        let last = try #require(replay.written.last)
        #expect(last["type"]?.string == type && replay.types.count { $0 == type } == 1)
        #expect(last["response"]?["incomplete_details"]?["reason"]?.string == details)
        let output = last["response"]?["output"]?.elements ?? []
        #expect(output.first?["status"] == .string("completed"))
        #expect(output.last?["status"] == .string(details == nil ? "completed" : "incomplete"))
    }

    @Test("unwrap the text of a tool that the client declared custom")
    func customTools() throws {
        let context = AnswerContext.responses { chat in
            chat.tools = [
                ChatTool(name: "patch", kind: .custom(format: nil)),
                ChatTool(name: "f", kind: .function(parameters: nil, isStrict: nil)),
            ]
        }
        let replay = try Self.replay(
            [Self.call(0, #"{\"input\":\"a\\n"#, id: "c1", name: "patch"), Self.call(0, #"b\"}"#), Self.call(1, "{}", id: "c2")],
            finish: "tool_calls", context)
        let output = replay.written.last?["response"]?["output"]?.elements ?? []
        #expect(output.first?["type"] == .string("custom_tool_call") && output.first?["input"] == .string("a\nb"))
        #expect(output.first?["id"]?.string?.hasPrefix("ctc_") == true)
        #expect(replay.types.contains("response.custom_tool_call_input.done"))
        // The other way round, a function that is called with plain text.
        let custom = try ResponsesReplay.of(
            responsesStream(
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"custom_tool_call","call_id":"c","name":"f","#
                    + #""input":"x"}}"#,
                #"{"type":"response.completed","response":{"status":"completed","output":[]}}"#),
            to: .openAIResponses, context)
        let item = custom.written.last?["response"]?["output"]?[0]
        #expect(item?["type"] == .string("function_call") && item?["arguments"] == .string(#"{"input":"x"}"#))
    }

    @Test("fail with the nested error and response.failed, and with nothing after")
    func failure() throws {
        var encoder = ResponsesStreamEncoder(.responses())
        var event = DecodedEvent()
        var output = ByteBuffer()
        event.deltas = [.start(choice: 0), .text(choice: 0, 0..<1)]
        encoder.encode(event, of: Array("x".utf8).span, into: &output)
        encoder.heartbeat(into: &output)
        #expect(output.text.hasSuffix("\n\n\n"))
        encoder.fail(ChatFailure(status: 429, message: "Slow \"down\""), requestID: "req1", into: &output)
        let length = output.count
        encoder.finish(into: &output)
        encoder.encode(event, of: Array("x".utf8).span, into: &output)
        encoder.heartbeat(into: &output)
        #expect(output.count == length)
        var replay = try ResponsesReplay.of(output.text)
        #expect(replay.accumulator.failure?.status == 429 && replay.accumulator.failure?.message == "Slow \"down\"")
        #expect(replay.terminalCount == 1 && replay.malformedCount == 0)
        replay.output = output
        let numbers = replay.written.compactMap { $0["sequence_number"]?.integer }
        #expect(numbers == Array(0..<numbers.count) && replay.types.suffix(2) == ["error", "response.failed"])
        #expect(replay.written.last?["response"]?["error"]?["code"] == .string("rate_limit_exceeded"))
        var plain = ByteBuffer()
        ResponsesCodec().appendFailure(
            ChatFailure(status: 500, message: "M"), requestID: "r", sequence: 7, to: &plain)
        replay.output = plain
        #expect(replay.written.compactMap { $0["sequence_number"]?.integer } == [7, 8])
    }

    @Test("carry other makers' signatures in reasoning items, and take them back (lessons 45 to 47)")
    func signatures() throws {
        for maker in ["openai", "anthropic"] {
            var encoder = ResponsesStreamEncoder(.responses(maker: maker))
            var output = ByteBuffer()
            let text = Array("tSRCidname{}".utf8)
            var event = DecodedEvent()
            event.deltas = [
                .start(choice: 0), .reasoning(choice: 0, 0..<1), .reasoningSignature(choice: 0, 1..<2),
                .redactedReasoning(choice: 0, 2..<3), .callSignature(choice: 0, 3..<4),
                .toolCall(choice: 0, call: 0, id: 4..<6, name: 6..<10), .toolArguments(choice: 0, call: 0, 10..<12),
                .finish(choice: 0, .toolCalls),
            ]
            encoder.encode(event, of: text.span, into: &output)
            encoder.finish(into: &output)
            var replay = ResponsesReplay(from: .openAIResponses, to: .openAIChat, .responses())
            replay.output = output
            let items = replay.written.last?["response"]?["output"]?.elements ?? []
            let isOwn = maker == "openai"
            #expect(
                items.compactMap { $0["encrypted_content"]?.string } == [
                    isOwn ? "S" : "slc1.anthropic.S", isOwn ? "R" : "slc1.anthropic-redacted.R", "slc1.\(maker)-call.C",
                ])
            let body = ByteBuffer.jsonText(.object([.init("model", .string("m")), .init("input", .array(items))]))
            let turn = try #require(try ResponsesCodec().decodeRequest(body.bytes).chat.messages.first)
            guard case .parts(let parts) = turn.content else {
                Issue.record("The turn has no parts.")
                continue
            }
            #expect(
                parts.map(\.kind) == [
                    .reasoning(text: "t", signature: OpaqueSignature(maker: maker, payload: "S")),
                    .redactedReasoning(OpaqueSignature(maker: maker, payload: "R")),
                ])
            #expect(turn.toolCalls.first?.signature == OpaqueSignature(maker: maker, payload: "C"))
        }
    }

    @Test("repeat the request as a response does")
    func echo() throws {
        let body =
            #"{"model":"m","instructions":"I","input":"q","tools":[{"type":"function","name":"f","parameters":{},"strict":true}],"#
            + #""tool_choice":{"type":"function","name":"f"},"temperature":0.5,"max_output_tokens":8,"store":true,"#
            + #""text":{"verbosity":"low"},"reasoning":{"effort":"low","summary":"auto"},"metadata":{"a":"b"},"truncation":"auto"}"#
        let chat = try ResponsesCodec().decodeRequest(Array(body.utf8).span).chat
        let context = AnswerContext(chat: chat, seed: "s", created: 7, maker: "openai")
        let replay = try Self.replay([#"{"content":"x"}"#], context)
        let sent = try JSONValue(parsing: Array(body.utf8).span)
        for event in [replay.written.first, replay.written.last] {
            let response = try #require(event?["response"])
            for name in [
                "model", "instructions", "tools", "tool_choice", "temperature", "max_output_tokens", "metadata",
                "truncation", "reasoning",
            ] {
                #expect(response[name] == sent[name], "\(name)")
            }
            #expect(response["store"] == .bool(false) && response["created_at"] == .number("7"))
            #expect(response["text"]?["verbosity"] == .string("low") && response["parallel_tool_calls"] == .bool(true))
        }
        #expect(replay.written.first?["response"]?["output"] == .array([]))
    }

    @Test("say in one piece what they say as a stream")
    func whole() throws {
        let replay = try ResponsesReplay.of(Self.everything, from: .openAIChat, to: .openAIResponses, .responses())
        var answer = ByteBuffer()
        ResponsesCodec().writeAnswer(replay.accumulator, .responses(), into: &answer)
        let last = try #require(replay.written.last?["response"])
        #expect(try JSONValue(parsing: answer.bytes) == last)
    }

    @Test("are begun and ended even when nothing was said (trap 9)")
    func nothing() throws {
        let replay = try Self.replay([], finish: nil)
        #expect(replay.types == ["response.created", "response.in_progress", "response.completed"])
    }
}
