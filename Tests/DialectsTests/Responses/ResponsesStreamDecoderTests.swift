// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Streams of the Responses dialect, read")
struct ResponsesStreamDecoderTests {
    private static let completed =
        #"{"type":"response.completed","response":{"id":"r","model":"up","status":"completed","#
        + #""output":[],"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":1},"#
        + #""output_tokens":5,"output_tokens_details":{"reasoning_tokens":2}}}}"#

    private static func delta(_ kind: String, _ index: Int, _ text: String, _ more: String = "") -> String {
        #"{"type":"response.\#(kind).delta","output_index":\#(index),"item_id":"i","delta":"\#(text)"\#(more)}"#
    }

    @Test("tell text, usage and the end")
    func text() throws {
        let replay = try ResponsesReplay.of(
            responsesStream(
                #"{"type":"response.created","response":{"id":"r","model":"up","status":"in_progress"}}"#,
                #"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","content":[]}}"#,
                Self.delta("output_text", 0, "H\\u00e9"), Self.delta("output_text", 0, "llo"),
                #"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"Héllo"}"#,
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m","#
                    + #""content":[{"type":"output_text","text":"Héllo"}]}}"#,
                Self.completed, "[DONE]"))
        #expect(replay.said?.text == "Héllo")
        #expect(replay.accumulator.usage == TokenUsage(input: 9, output: 5, cached: 4, cacheWritten: 1, reasoning: 2))
        #expect(replay.said?.finish == .stop && replay.terminalCount == 1 && replay.decoder.ending == .complete)
        #expect(replay.deltas.count { $0 == .start(choice: 0) } == 1)
    }

    @Test(
        "hand on the text that came without deltas, once",
        arguments: [
            [#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"a\ud83d\ude00b"}"#],
            [
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m","content":"#
                    + #"[{"type":"output_text","text":"a😀b"}]}}"#
            ],
            [
                #"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a\ud83d"}"#,
                #"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"\ude00"}"#,
                #"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"a😀b"}"#,
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m","content":"#
                    + #"[{"type":"output_text","text":"a\ud83d\ude00b"}]}}"#,
            ],
            [],
        ])
    func wholeOnly(events: [String]) throws {
        let last = Self.completed.replacing(
            #""output":[]"#, with: #""output":[{"type":"message","id":"m","content":[{"type":"output_text","text":"a😀b"}]}]"#)
        let text = (events + [last]).map { "data: \($0)\n\n" }.joined()
        let replay = try ResponsesReplay.of(text)
        // Halves of a pair, cut apart, are whole again only for who joins them before reading them.
        let escaped = replay.said?.parts.map(\.escaped.text).joined() ?? ""
        #expect([#"a\ud83d\ude00b"#, "a😀b"].contains(escaped))
        #expect(replay.malformedCount == 0 && replay.said?.finish == .stop)
    }

    @Test("keep calls apart by their place in the output, whatever their ids (lessons 35, 37)")
    func calls() throws {
        func added(_ index: Int, _ id: String) -> String {
            #"{"type":"response.output_item.added","output_index":\#(index),"item":{"type":"function_call","id":"x\#(index)","#
                + #""call_id":"\#(id)","name":"f","arguments":""}}"#
        }
        let replay = try ResponsesReplay.of(
            responsesStream(
                #"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"r","summary":[]}}"#,
                added(1, "c1"), added(2, "c2"),
                Self.delta("function_call_arguments", 1, #"{\"a\":"#), Self.delta("function_call_arguments", 2, "{"),
                Self.delta("function_call_arguments", 1, "1}"), Self.delta("function_call_arguments", 2, "}"), Self.completed))
        let calls = replay.said?.toolCalls ?? []
        #expect(calls.map(\.id) == ["c1", "c2"] && calls.map(\.number) == [0, 1])
        #expect(calls.map(\.text) == [#"{"a":1}"#, "{}"])
        #expect(replay.said?.finish == .toolCalls)
    }

    @Test("set parts of reasoning off by an empty line and sign them (lesson 52)")
    func reasoning() throws {
        func delta(_ part: Int, _ text: String) -> String {
            Self.delta("reasoning_summary_text", 0, text, #","summary_index":\#(part)"#)
        }
        let replay = try ResponsesReplay.of(
            responsesStream(
                #"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"r","summary":[]}}"#,
                delta(0, "a"), delta(0, "b"), delta(1, "c"), delta(1, "\\\"d"),
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r","encrypted_content":"EC","#
                    + #""summary":[{"type":"summary_text","text":"ab"},{"type":"summary_text","text":"c\"d"}]}}"#,
                #"{"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","id":"s","encrypted_content":"R","#
                    + #""summary":[]}}"#,
                Self.completed))
        let parts = replay.said?.parts ?? []
        #expect(parts.map(\.kind) == [.reasoning, .redactedReasoning])
        #expect(parts.map(\.text) == ["ab\n\nc\"d", "R"] && parts.first?.signature == "EC")
    }

    @Test("tell sources, log probabilities, custom input, refusals and images")
    func others() throws {
        let replay = try ResponsesReplay.of(
            responsesStream(
                Self.delta("output_text", 0, "x", #","logprobs":[ {"token":"x","logprob":-1} ]"#),
                #"{"type":"response.output_text.annotation.added","output_index":0,"annotation":{"type":"url_citation","#
                    + #""url":"https://h","title":"T"}}"#,
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m","content":[{"type":"#
                    + #""output_text","text":"x","annotations":[{"type":"url_citation","url":"https://h","title":"T"},"#
                    + #"{"type":"url_citation","url":"https://i","title":"U"}]}]}}"#,
                Self.delta("refusal", 1, "no"),
                #"{"type":"response.output_item.added","output_index":2,"item":{"type":"custom_tool_call","call_id":"c","name":"g"}}"#,
                Self.delta("custom_tool_call_input", 2, "in"),
                #"{"type":"response.output_item.done","output_index":3,"item":{"type":"image_generation_call","id":"ig","#
                    + #""result":"QUJD"}}"#,
                #"{"type":"codex.rate_limits","limit_reached":true,"error":null}"#, #"{"type":"keepalive"}"#, Self.completed))
        #expect(
            replay.said?.parts.map(\.kind) == [
                .text, .citation(url: "https://h", title: "T"), .citation(url: "https://i", title: "U"), .refusal,
                .customCall(number: 0, id: "c", name: "g"), .image(mediaType: "image/png"),
            ])
        #expect(replay.said?.parts.map(\.text) == ["x", "", "", "no", "in", "QUJD"])
        #expect(replay.said?.logprobs.text == #"{"token":"x","logprob":-1}"#)
        #expect(replay.malformedCount == 0)
    }

    @Test(
        "end in failure with the status that the failure is worth (lessons 65, 68)",
        arguments: [
            (#"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"M"}}"#, 429),
            (#"{"type":"error","code":"server_is_overloaded","message":"M","param":null}"#, 503),
            (
                #"{"type":"response.failed","response":{"status":"failed","error":{"code":"context_length_exceeded","message":"M"}}}"#,
                400
            ),
            (#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"M"}}}"#, 500),
            (#"{"type":"unheard.of","error":{"message":"M"}}"#, 502),
            (#"{"error":{"message":"M","code":500}}"#, 500), (#"{"type":"error","message":"M","code":"odd"}"#, 502),
        ])
    func failures(event: String, status: Int) throws {
        let replay = try ResponsesReplay.of(
            responsesStream(#"{"type":"response.created","response":{"model":"up"}}"#, event, event))
        #expect(replay.accumulator.failure?.status == status && replay.accumulator.failure?.message == "M")
        #expect(replay.terminalCount == 1 && replay.decoder.ending == .failed)
    }

    @Test(
        "end incomplete with the reason (lesson 65)",
        arguments: [
            ("max_output_tokens", FinishReason.length), ("content_filter", .contentFilter), ("steered", .other("steered")),
        ])
    func incomplete(reason: String, finish: FinishReason) throws {
        let replay = try ResponsesReplay.of(
            responsesStream(
                Self.delta("output_text", 0, "x"),
                #"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"\#(reason)"}}}"#
            ))
        #expect(replay.said?.finish == finish && replay.decoder.ending == .complete)
    }

    @Test("that break off are told apart")
    func endings() throws {
        #expect(try ResponsesReplay.of("").decoder.ending == .empty)
        let created = responsesStream(#"{"type":"response.created","response":{}}"#)
        #expect(try ResponsesReplay.of(created).decoder.ending == .empty)
        let begun = responsesStream(Self.delta("output_text", 0, "x"))
        #expect(try ResponsesReplay.of(begun).decoder.ending == .truncated)
        #expect(try ResponsesReplay.of(begun + "data: [DONE]\n\n").decoder.ending == .unfinished)
    }

    @Test("go on after an event that is malformed")
    func malformed() throws {
        let replay = try ResponsesReplay.of(
            responsesStream(
                #"{"type":"response.output_text.delta","delta":"x""#, Self.delta("output_text", 0, "y"), Self.completed))
        #expect(replay.malformedCount == 1 && replay.said?.text == "y")
    }

    @Test("tell where the model's name stands")
    func model() throws {
        var decoder = ResponsesStreamDecoder()
        var event = DecodedEvent()
        for data in [#"{"type":"response.created","response":{"id":"r","model":"up"}}"#, Self.completed] {
            let bytes = Array(data.utf8)
            try decoder.decode(bytes.span, named: [UInt8]().span, into: &event)
            let range = try #require(event.modelRange)
            #expect(String(decoding: bytes[range], as: UTF8.self) == "up")
        }
        #expect(event.isTerminal && !event.isDone)
    }
}
