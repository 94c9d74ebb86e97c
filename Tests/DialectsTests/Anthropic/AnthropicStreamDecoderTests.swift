// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import Testing

@testable import Dialects

@Suite("Anthropic streams, read")
struct AnthropicStreamDecoderTests {
    private func replay(_ stream: String, to client: Dialect = .openAIChat) throws -> DialectReplay {
        var replay = DialectReplay(from: .anthropic, to: client)
        try replay.feed(chunks: [Array(stream.utf8)])
        return replay
    }

    @Test("a turn of thinking, text and calls is told whole (trap 20, lessons 34 and 39)")
    func full() throws {
        let replay = try replay(Messages.full)
        let choice = try #require(replay.said.choices.first)
        #expect(replay.malformedCount == 0 && replay.terminalCount == 1)
        #expect(replay.decoder.ending == .complete)
        #expect(choice.reasoning == "Let \"me\" see…")
        #expect(choice.parts.first?.signature == "c2ln")
        #expect(choice.parts.contains { $0.kind == .redactedReasoning && $0.text == "cmVk" })
        #expect(choice.text == "Hello\n😀 ż")
        #expect(choice.toolCalls.map(\.id) == ["toolu_1", "toolu_2"])
        #expect(choice.toolCalls.map(\.text) == [#"{"a":"b"}"#, "{}"])
        #expect(choice.toolCalls.map(\.callNumber) == [0, 1])
        #expect(choice.finish == .toolCalls)
        #expect(replay.said.usage == TokenUsage(input: 15, output: 20, cached: 3, cacheWritten: 2))
    }

    @Test(
        "wherever it is cut, the stream says the same to clients of both dialects",
        arguments: [
            Dialect.anthropic, .openAIChat,
        ])
    func cuts(client: Dialect) throws {
        let bytes = Array(Messages.full.utf8)
        let whole = try replay(Messages.full, to: client)
        for place in 1..<bytes.count {
            var cut = DialectReplay(from: .anthropic, to: client)
            try cut.feed(chunks: [Array(bytes[..<place]), Array(bytes[place...])])
            try #require(cut.output.storage == whole.output.storage, "cut at \(place)")
        }
        var drops = DialectReplay(from: .anthropic, to: client)
        try drops.feed(chunks: bytes.map { [$0] })
        #expect(drops.output.storage == whole.output.storage)
    }

    @Test("input that comes with the start of a call counts unless pieces follow")
    func inputAtStart() throws {
        let call = Messages.open(0, #"{"type":"tool_use","id":"t","name":"f","input":{"a": "x\ny"}}"#)
        let alone = try replay(Messages.start + call + Messages.close(0) + Messages.end("tool_use"))
        #expect(alone.said.choices.first?.toolCalls.first?.text == #"{"a": "x\ny"}"#)
        let pieces = try replay(
            Messages.start + call + Messages.input(0, #"{\"b\":1}"#) + Messages.close(0)
                + Messages.end("tool_use"))
        #expect(pieces.said.choices.first?.toolCalls.map(\.text) == [#"{"b":1}"#])
    }

    @Test("a call that was cut by the limit keeps what came, and gets nothing that it did not say (lesson 41)")
    func cutCall() throws {
        let call = Messages.open(0, #"{"type":"tool_use","id":"t","name":"f","input":{}}"#)
        let cut = try replay(
            Messages.start + call + Messages.input(0, #"{\"a"#) + Messages.end("max_tokens"))
        #expect(cut.said.choices.first?.toolCalls.map(\.text) == [#"{"a"#])
        #expect(cut.said.choices.first?.finish == .length)
        let empty = try replay(Messages.start + call + Messages.end("max_tokens"))
        #expect(empty.said.choices.first?.toolCalls.map(\.text) == [""])
        let unclosed = try replay(Messages.start + call + Messages.end("tool_use"))
        #expect(unclosed.said.choices.first?.toolCalls.map(\.text) == ["{}"])
    }

    @Test("counts are cumulative and replace those of the start, cache included (lessons 54 to 58, trap 8)")
    func usage() throws {
        var replay = DialectReplay(from: .anthropic, to: .openAIChat)
        replay.feed(#"{"type":"message_start","message":{"usage":{"input_tokens":100,"output_tokens":1}}}"#)
        replay.feed(
            #"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"input_tokens":4,"#
                + #""cache_read_input_tokens":96,"output_tokens":7,"output_tokens_details":{"thinking_tokens":5}}}"#)
        replay.feed(#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":null}"#)
        #expect(replay.said.usage == TokenUsage(input: 100, output: 7, cached: 96, reasoning: 5))
        replay.feed(#"{"type":"message_delta","delta":{},"usage":{"input_tokens":-1,"output_tokens":1e300}}"#)
        #expect(replay.said.usage == TokenUsage(input: 100, output: 7, cached: 96, reasoning: 5))
        replay.feed(
            #"{"type":"message_delta","delta":{},"usage":{"input_tokens":9223372036854775807,"output_tokens":8}}"#)
        #expect(replay.said.usage?.input == .max)
    }

    @Test(
        "every stop reason has its meaning",
        arguments: [
            ("end_turn", "", FinishReason.stop), ("max_tokens", "", .length), ("tool_use", "", .toolCalls),
            ("pause_turn", "", .pause), ("model_context_window_exceeded", "", .contextFull),
            ("refusal", #","stop_details":{"type":"refusal","category":"bio","explanation":"no\n"}"#, .refusal("no\n")),
            ("refusal", #","stop_details":null"#, .refusal(nil)), ("compaction", "", .other("compaction")),
        ])
    func finish(reason: String, more: String, expected: FinishReason) throws {
        let replay = try replay(Messages.start + Messages.end(reason, more))
        #expect(replay.said.choices.first?.finish == expected)
        #expect(replay.decoder.ending == .complete)
    }

    @Test("the text that stopped the answer is told")
    func stopSequence() throws {
        var replay = DialectReplay(from: .anthropic, to: .anthropic)
        replay.feed(#"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"\n\""}}"#)
        #expect(replay.said.choices.first?.finish == .stopSequence("\n\""))
        replay.end()
        #expect(replay.events.last { $0.name == "message_delta" }?.data["delta"]?["stop_sequence"]?.string == "\n\"")
    }

    @Test("the vendor's own tools and what is not known yet are passed over, never a client's calls")
    func serverTools() throws {
        let replay = try replay(
            Messages.event("future_event", #""usage":{"input_tokens":99}"#) + Messages.close(0) + Messages.start
                + Messages.open(0, #"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#)
                + Messages.input(0, #"{\"query\":1}"#) + Messages.close(0)
                + Messages.open(1, #"{"type":"web_search_tool_result","tool_use_id":"s","content":[{"text":"x"}]}"#)
                + Messages.close(1) + Messages.open(2, Messages.block("text")) + Messages.text(2, "t")
                + Messages.delta(2, #"{"type":"future_delta","text":"no"}"#)
                + Messages.delta(
                    2,
                    #"{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"http://u","title":null}}"#)
                + Messages.delta(2, #"{"type":"citations_delta","citation":{"type":"char_location","title":"t"}}"#)
                + Messages.close(2) + Messages.end("end_turn"))
        #expect(replay.malformedCount == 0)
        #expect(replay.said.text == "t")
        #expect(replay.said.choices.first?.toolCalls.isEmpty == true)
        let sources = replay.said.choices.first?.parts.map(\.kind).filter { $0 != .text }
        #expect(sources == [.citation(url: "http://u", title: "")])
        #expect(replay.said.usage?.input == 15)
    }

    @Test(
        "an error in the stream is worth its status, and ends it (lessons 68 and 70)",
        arguments: [
            ("overloaded_error", 529), ("rate_limit_error", 429), ("invalid_request_error", 400), ("api_error", 500),
            ("timeout_error", 504), ("request_too_large", 413), ("unheard_of", 502),
        ])
    func errors(type: String, status: Int) throws {
        let error = Messages.event("error", #""error":{"type":"\#(type)","message":"m"}"#)
        let replay = try replay(
            Messages.start + Messages.text(0, "a") + error + Messages.text(0, "b") + Messages.end("end_turn"))
        #expect(replay.failure == ChatFailure(status: status, message: "m", type: type))
        #expect(replay.decoder.ending == .failed && replay.terminalCount == 1)
        #expect(replay.said.text == "a")
        var nameless = DialectReplay(from: .anthropic, to: .anthropic)
        nameless.feed(#"{"type":"error","error":{"type":"\#(type)","message":"m"}}"#)
        #expect(nameless.failure?.status == status)
        var empty = DialectReplay(from: .anthropic, to: .anthropic)
        empty.feed("", named: "error")
        #expect(empty.failure?.status == 502)
    }

    @Test(
        "an error that does not say what it is ends the stream all the same",
        arguments: [
            (#"{"error":{"type":"overloaded_error","message":"m"}}"#, "", 529), (#"{"error":{"message":"m"}}"#, "", 502),
            (#"{"error":"m"}"#, "", 502), (#"{"type":"failure","error":{"message":"m"}}"#, "failure", 502),
            (#"{"error":{"message":"m"}}"#, "message_delta", 502),
        ])
    func bareErrors(data: String, name: String, status: Int) throws {
        var replay = DialectReplay(from: .anthropic, to: .anthropic)
        replay.feed(data, named: name)
        #expect(replay.failure?.status == status && replay.failure?.message == "m")
        #expect(replay.decoder.ending == .failed && replay.terminalCount == 1)
    }

    @Test(
        "a member called error that tells of none is no error",
        arguments: [#"{"error":null}"#, #"{"error":""}"#, #"{"error":false}"#, #"{"type":"ping","error":{"message":"m"}}"#])
    func noErrors(data: String) {
        var replay = DialectReplay(from: .anthropic, to: .openAIChat)
        replay.feed(data)
        #expect(replay.failure == nil && replay.malformedCount == 0 && replay.decoder.ending == .empty)
    }

    @Test("a stream that breaks off is told from one that ended (lessons 62, 69 and 71)")
    func endings() throws {
        #expect(try replay("").decoder.ending == .empty)
        #expect(try replay(Messages.event("ping")).decoder.ending == .empty)
        #expect(try replay(Messages.start + Messages.text(0, "a")).decoder.ending == .truncated)
        #expect(try replay(Messages.start + Messages.event("message_stop")).decoder.ending == .unfinished)
        #expect(try replay(Messages.event("message_stop")).decoder.ending == .empty)
        let stop = Messages.event("message_stop")
        #expect(try replay(Messages.start + Messages.end("end_turn").dropLast(stop.count)).decoder.ending == .complete)
    }

    @Test("what comes after the end is marked as such")
    func afterEnd() throws {
        let replay = try replay(
            Messages.full + Messages.event("ping") + Messages.start + Messages.event("message_stop"))
        #expect(replay.afterEndCount == 3 && replay.terminalCount == 1)
    }

    @Test("a message that begins twice is taken once, and two spliced into one are a failure (trap 3)")
    func repeatedStart() throws {
        let twice = try replay(Messages.start + Messages.full)
        #expect(twice.afterEndCount == 1 && twice.decoder.ending == .complete)
        let spliced = try replay(Messages.start + Messages.open(0, Messages.block("text")) + Messages.full)
        #expect(spliced.failure?.status == 502 && spliced.decoder.ending == .failed)
    }

    @Test("a malformed event changes nothing")
    func malformed() throws {
        var replay = DialectReplay(from: .anthropic, to: .anthropic)
        for data in ["", "{", "[]", "5", "[DONE]", #"{"type":"message_delta","delta":{"stop_reason":"end_turn"}"#] {
            replay.feed(data)
        }
        #expect(replay.malformedCount == 6)
        #expect(replay.decoder.ending == .empty && replay.output.isEmpty)
        for data in ["{}", #"{"type":5}"#, #"{"type":"content_block_delta"}"#, #"{"type":"content_block_start","index":"x"}"#] {
            replay.feed(data)
        }
        #expect(replay.malformedCount == 6)
    }

    @Test("the kind is read from the data, else from the event's name")
    func kinds() throws {
        var replay = DialectReplay(from: .anthropic, to: .anthropic)
        replay.feed(#"{"index":0,"delta":{"text":"a","type":"text_delta"},"type":"content_block_delta"}"#, named: "x")
        replay.feed(#"{"index":0,"delta":{"type":"text_delta","text":"b"}}"#, named: "content_block_delta")
        replay.feed(#"{"ty\u0070e":"content_block_delta","delta":{"type":"text\u005fdelta","text":"c"}}"#)
        #expect(replay.said.text == "abc")
    }

    @Test("the model's name and a repeated end are found for the passthrough (trap 21)")
    func places() throws {
        var replay = DialectReplay(from: .anthropic, to: .anthropic)
        let start = #"{"type":"message_start","message":{"content":[],"model":"claude-x","usage":{}}}"#
        replay.feed(start)
        let range = try #require(replay.last.modelRange)
        #expect(String(decoding: Array(start.utf8)[range], as: UTF8.self) == "claude-x")
        let end = #"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#
        replay.feed(end)
        #expect(replay.last.repeatedFinishes.isEmpty)
        replay.feed(end)
        #expect(replay.last.repeatedFinishes.map { String(decoding: Array(end.utf8)[$0], as: UTF8.self) } == ["\"end_turn\""])
        #expect(!replay.last.deltas.contains(.finish(choice: 0, .stop)))
    }

    @Test("reasoning that is not shown is signed all the same (lesson 45)")
    func hiddenReasoning() throws {
        let replay = try replay(
            Messages.start + Messages.open(0, Messages.block("thinking"))
                + Messages.delta(0, #"{"type":"signature_delta","signature":"c2ln"}"#) + Messages.close(0)
                + Messages.end("end_turn"), to: .anthropic)
        #expect(replay.said.choices.first?.parts.map(\.signature) == ["c2ln"])
        #expect(try replay.again(as: .anthropic).said.choices.first?.parts.map(\.signature) == ["c2ln"])
    }

    @Test("whatever bytes come, nothing is told after the end, and what is written is well-formed")
    func noise() throws {
        var random = SystemRandomNumberGenerator()
        let events = Messages.full.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        for _ in 0..<300 {
            var replay = DialectReplay(from: .anthropic, to: .anthropic)
            for _ in 0..<20 {
                let event = events[Int.random(in: 0..<events.count, using: &random)]
                var bytes = Array(event.components(separatedBy: "\ndata: ")[1].utf8)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7E, using: &random)
                }
                replay.feed(String(decoding: bytes, as: UTF8.self))
            }
            replay.end()
            #expect(replay.terminalCount <= 1)
            #expect(replay.events.allSatisfy { $0.data["type"]?.string == $0.name })
            let ends = replay.events.filter { $0.name == "message_stop" || $0.name == "error" }
            #expect(ends.count == 1)
        }
    }
}
