// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Anthropic streams, written")
struct AnthropicStreamEncoderTests {
    /// Chat chunks on their way to an Anthropic client.
    private func replay(
        _ deltas: [String], finish: String = "stop", more: String = "", maker: String = "openai"
    ) -> DialectReplay {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic, maker: maker, estimate: 42)
        for delta in deltas {
            replay.feed(#"{"choices":[{"index":0,"delta":\#(delta),"finish_reason":null}]}"#)
        }
        replay.feed(#"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(finish)"}]\#(more)}"#)
        replay.end()
        return replay
    }

    private func call(_ index: Int, _ members: String) -> String {
        #"{"tool_calls":[{"index":\#(index),\#(members)}]}"#
    }

    /// Blocks never overlap, and each is numbered by its place (traps 1, 4 and 20, lesson 37).
    private func checkBlocks(_ replay: DialectReplay) {
        var open: Int?
        var next = 0
        for event in replay.events {
            #expect(event.data["type"]?.string == event.name)
            switch event.name {
            case "content_block_start":
                #expect(open == nil && event.data["index"]?.integer == next)
                open = next
                next += 1
            case "content_block_delta": #expect(event.data["index"]?.integer == open)
            case "content_block_stop":
                #expect(event.data["index"]?.integer == open)
                open = nil
            case "message_delta", "message_stop": #expect(open == nil)
            default: break
            }
        }
        #expect(open == nil)
    }

    @Test("text is one block between the start and the end of a message")
    func text() {
        let replay = replay(
            [#"{"role":"assistant","content":""}"#, #"{"content":"a\u2028"}"#, #"{"content":"b"}"#],
            more: #","usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}"#)
        #expect(
            replay.output.text == """
                event: message_start
                data: {"type":"message_start","message":{"id":"msg_abcdefghijklmnopqrstuvwx","type":"message",\
                "role":"assistant","model":"client-model","content":[],"stop_reason":null,"stop_sequence":null,\
                "usage":{"input_tokens":42,"output_tokens":0}}}

                event: content_block_start
                data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

                event: content_block_delta
                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\\u2028"}}

                event: content_block_delta
                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}

                event: content_block_stop
                data: {"type":"content_block_stop","index":0}

                event: message_delta
                data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},\
                "usage":{"input_tokens":6,"cache_read_input_tokens":4,"output_tokens":2}}

                event: message_stop
                data: {"type":"message_stop"}


                """)
    }

    @Test("reasoning comes in a block of its own, before or between text (traps 1 and 2)")
    func reasoning() {
        let replay = replay([
            #"{"reasoning_content":"r"}"#, #"{"content":"t"}"#, #"{"reasoning_content":"s"}"#, #"{"content":"u"}"#,
        ])
        checkBlocks(replay)
        let kinds = replay.events.compactMap { $0.data["content_block"]?["type"]?.string }
        #expect(kinds == ["thinking", "text", "thinking", "text"])
    }

    @Test("calls are blocks, also when text is in the same chunk (lesson 38, trap 6)")
    func calls() throws {
        let replay = replay([
            #"{"content":"t","tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":""}}]}"#,
            call(0, #""function":{"arguments":"{\"a\":"}"#), call(0, #""function":{"arguments":"\"}\"}"}"#),
            call(1, #""id":"call_2","function":{"name":"g","arguments":""}"#),
        ])
        checkBlocks(replay)
        let again = try replay.again(as: .anthropic)
        #expect(again.said.text == "t")
        #expect(again.said.choices.first?.toolCalls.map(\.id) == ["call_1", "call_2"])
        #expect(again.said.choices.first?.toolCalls.map(\.text) == [#"{"a":"}"}"#, "{}"])
        #expect(again.said.choices.first?.finish == .toolCalls)
    }

    @Test("calls whose pieces come in turn are told one after the other, with what comes between (lesson 37)")
    func interleaved() throws {
        let replay = replay([
            call(0, #""id":"a","function":{"name":"f","arguments":"{\"x\":"}"#),
            call(1, #""id":"b","function":{"name":"g","arguments":"{\"y\":"}"#),
            #"{"content":"text"}"#, call(1, #""function":{"arguments":"2}"}"#),
            call(0, #""function":{"arguments":"1}"}"#), #"{"content":" and more"}"#,
        ])
        checkBlocks(replay)
        let kinds = replay.events.compactMap { $0.data["content_block"]?["type"]?.string }
        #expect(kinds == ["tool_use", "tool_use", "text"])
        let again = try replay.again(as: .anthropic)
        #expect(again.said.choices.first?.toolCalls.map(\.text) == [#"{"x":1}"#, #"{"y":2}"#])
        #expect(again.said.text == "text and more")
    }

    @Test("a call is told at once when the one before is whole, however its arguments are escaped")
    func prompt() {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic)
        let first = #"{\"a\":\"\\\"}{\\u005d\",\u0022b\u0022:[{}]}"#
        for character in [#"{\"a\":\"\\"#, #"\"}{\\u005d\",\u0022b\u0022:[{}]}"#] {
            replay.feed(
                #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""#
                    + character + #""}}]}}]}"#)
        }
        let whole = Array(first.utf8)
        var progress = JSONProgress()
        for place in 0..<whole.count - 1 where !Array(whole[..<place]).endsInEscape {
            var part = JSONProgress()
            part.take(whole.span, 0..<place)
            #expect(!part.isComplete)
        }
        progress.take(whole.span, 0..<whole.count)
        #expect(progress.isComplete)
        replay.output.removeAll()
        replay.feed(
            #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g"}}]}}]}"#)
        #expect(replay.events.map(\.name) == ["content_block_stop", "content_block_start"])
    }

    @Test("more waiting than a stream may make us keep ends in an error, not in a call that is cut")
    func overfull() {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic)
        replay.feed(
            #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}},"#
                + #"{"index":1,"id":"b","function":{"name":"g","arguments":""}}]}}]}"#)
        let big = String(repeating: "x", count: 9 << 20)
        for _ in 0..<4 {
            replay.feed(
                #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"\#(big)"}}]}}]}"#)
        }
        replay.feed(#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#)
        replay.output.removeAll()
        replay.end()
        #expect(replay.output.text.hasSuffix("}\n\n"))
        let isError = replay.output.text.suffix(400).contains("event: error")
        #expect(isError && !replay.output.text.suffix(400).contains("message_stop"))
    }

    @Test("ids are made fit, and the same id always becomes the same (trap 23)")
    func ids() {
        func ids(_ id: String) -> [String] {
            replay([call(0, #""id":"\#(id)","function":{"name":"f","arguments":"{}"}"#)]).events
                .compactMap { $0.data["content_block"]?["id"]?.string }
        }
        #expect(ids("call_1-a") == ["call_1-a"])
        #expect(ids("functions.f:0") == ids("functions.f:0"))
        #expect(ids("functions.f:0") != ids("functions.f:1"))
        #expect(ids("functions.f:0").first?.hasPrefix("toolu_") == true)
        #expect(ids("").first?.hasPrefix("toolu_") == true)
    }

    @Test(
        "the reason to end is that of what was told (trap 6, lessons 40 and 41)",
        arguments: [
            ("stop", #"{"content":"a"}"#, "end_turn"), ("length", #"{"content":"a"}"#, "max_tokens"),
            ("content_filter", #"{"content":"a"}"#, "refusal"), ("tool_calls", #"{"content":"a"}"#, "end_turn"),
            ("stop", #"{"refusal":"no"}"#, "refusal"), ("unheard_of", #"{"content":"a"}"#, "end_turn"),
            ("stop", #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#, "tool_use"),
            ("length", #"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}"#, "max_tokens"),
        ])
    func reasons(finish: String, delta: String, expected: String) {
        let replay = replay([delta], finish: finish)
        checkBlocks(replay)
        let end = replay.events.filter { $0.name == "message_delta" }
        #expect(end.map { $0.data["delta"]?["stop_reason"]?.string } == [expected])
        #expect(end.first?.data["usage"]?["input_tokens"]?.integer == 42)
        #expect((end.first?.data["delta"]?["stop_details"] != nil) == (expected == "refusal"))
    }

    @Test("a signature ends the thinking that it signs, in a carrier when it is another maker's (lesson 46)")
    func signatures() throws {
        var ownText = ByteBuffer()
        ownText.append("thinksigdatacallnameargs")
        for maker in ["anthropic", "gemini"] {
            var event = DecodedEvent()
            event.deltas = [
                .start(choice: 0), .reasoning(choice: 0, 0..<5), .reasoningSignature(choice: 0, 0..<1),
                .reasoningSignature(choice: 0, 5..<8), .reasoning(choice: 0, 0..<5),
                .redactedReasoning(choice: 0, 8..<12), .callSignature(choice: 0, 5..<8),
                .toolCall(choice: 0, call: 0, id: 12..<16, name: 16..<20), .finish(choice: 0, .toolCalls),
            ]
            var buffer = ByteBuffer()
            var encoder = AnthropicCodec().streamEncoder(DialectReplay.context(.anthropic, maker: maker))
            encoder.encode(event, of: ownText.bytes, into: &buffer)
            encoder.finish(into: &buffer)
            var replay = DialectReplay(from: .anthropic, to: .anthropic)
            replay.output = buffer
            checkBlocks(replay)
            let carrier = maker == "anthropic" ? "" : "slc1.gemini."
            let signatures = replay.events.compactMap { $0.data["delta"]?["signature"]?.string }
            #expect(signatures == [carrier + "sig"])
            let redacted = replay.events.compactMap { $0.data["content_block"]?["data"]?.string }
            #expect(redacted == [carrier + "data", "slc1.\(maker)-call.sig"])
            let kinds = replay.events.compactMap { $0.data["content_block"]?["type"]?.string }
            #expect(kinds == ["thinking", "thinking", "redacted_thinking", "redacted_thinking", "tool_use"])
        }
    }

    @Test("the text of a custom tool becomes the one member of an object")
    func customTool() throws {
        let replay = replay([
            call(0, #""id":"a","type":"custom","custom":{"name":"f","input":"say \"hi\""}"#),
            call(0, #""custom":{"input":"\nbye"}"#),
        ])
        checkBlocks(replay)
        let text = try #require(try replay.again(as: .anthropic).said.choices.first?.toolCalls.first?.text)
        #expect(CustomTool.input(text) == "say \"hi\"\nbye")
    }

    @Test("a source stands in the block of the text it belongs to")
    func citation() {
        let text = Array("texturltitle".utf8)
        var event = DecodedEvent()
        event.deltas = [
            .citation(choice: 0, url: 4..<7, title: 7..<12), .text(choice: 0, 0..<4),
            .citation(choice: 0, url: 4..<7, title: 7..<12),
        ]
        var replay = DialectReplay(from: .anthropic, to: .anthropic)
        replay.encoder.encode(event, of: text.span, into: &replay.output)
        replay.encoder.finish(into: &replay.output)
        checkBlocks(replay)
        let found = replay.events.compactMap { $0.data["delta"]?["citation"] }
        #expect(found.map { $0["url"]?.string } == ["url"] && found.first?["title"]?.string == "title")
    }

    @Test("an answer that says nothing is a well-formed empty message, and it ends once")
    func empty() {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic)
        replay.encoder.finish(into: &replay.output)
        let length = replay.output.count
        replay.encoder.finish(into: &replay.output)
        replay.encoder.fail(ChatFailure(status: 500, message: "late"), requestID: "", into: &replay.output)
        replay.encoder.heartbeat(into: &replay.output)
        #expect(replay.output.count == length)
        #expect(replay.events.map(\.name) == ["message_start", "message_delta", "message_stop"])
        #expect(replay.events[1].data["usage"]?["output_tokens"]?.integer == 0)
    }

    @Test("a heartbeat is a ping within the message and a blank line before it")
    func heartbeat() {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic)
        replay.encoder.heartbeat(into: &replay.output)
        #expect(replay.output.text == "\n")
        replay.feed(#"{"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#)
        replay.output.removeAll()
        replay.encoder.heartbeat(into: &replay.output)
        #expect(replay.output.text == "event: ping\ndata: {\"type\":\"ping\"}\n\n")
    }

    @Test("a failure is an error event and the last one (trap 17)")
    func failure() {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic)
        replay.encoder.fail(ChatFailure(status: 503, message: "busy"), requestID: "req-1", into: &replay.output)
        replay.encoder.finish(into: &replay.output)
        #expect(
            replay.output.text
                == "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"},"
                + "\"request_id\":\"req-1\"}\n\n")
    }

    @Test("only the first of several choices is told")
    func choices() throws {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic)
        replay.feed(
            #"{"choices":[{"index":1,"delta":{"content":"a"}},{"index":0,"delta":{"content":"b"}}]}"#)
        replay.feed(
            #"{"choices":[{"index":0,"delta":{},"finish_reason":"length"},{"index":1,"delta":{},"finish_reason":"stop"}]}"#)
        replay.end()
        #expect(try replay.again(as: .anthropic).said.text == "a")
        #expect(try replay.again(as: .anthropic).said.choices.first?.finish == .stop)
    }
}

extension [UInt8] {
    /// Whether cutting here would cut an escape, which upstreams do not do within a string.
    fileprivate var endsInEscape: Bool {
        guard let slash = suffix(6).lastIndex(of: UInt8(ascii: "\\")) else { return false }
        let escape = self[slash...]
        let run = self[...slash].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        return run % 2 == 1 && (escape.count == 1 || escape.dropFirst().first == UInt8(ascii: "u") && escape.count < 6)
    }
}
