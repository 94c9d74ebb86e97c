// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Testing

@testable import Dialects

@Suite("OpenAIChatStreamDecoder")
struct OpenAIChatStreamDecoderTests {
    private func chunk(_ delta: String, finish: String = "null", index: Int = 0) -> String {
        #"{"id":"c","choices":[{"index":\#(index),"delta":\#(delta),"finish_reason":\#(finish)}]}"#
    }

    private func fold(_ events: String...) -> StreamReplay {
        var replay = StreamReplay()
        for event in events { replay.feed(event) }
        return replay
    }

    @Test("reads a stream from the role to the end")
    func plain() {
        let replay = fold(
            chunk(#"{"role":"assistant","content":""}"#), chunk(#"{"content":"a\n"}"#),
            chunk(#"{"content":"\u00e9"}"#),
            chunk("{}", finish: "\"stop\""),
            #"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#, "[DONE]")
        #expect(replay.accumulator.text == "a\né")
        #expect(replay.accumulator.choices.map(\.finish) == [.stop])
        #expect(replay.accumulator.usage == TokenUsage(input: 3, output: 2))
        #expect(replay.decoder.ending == .complete)
    }

    @Test("announces a choice once, however often its role comes")
    func repeatedRole() {
        var replay = StreamReplay()
        #expect(replay.feed(chunk(#"{"role":"assistant"}"#)).deltas == [.start(choice: 0)])
        #expect(replay.feed(chunk(#"{"role":"assistant","content":null}"#)).deltas == [])
    }

    @Test("takes an index that comes after what it is about")
    func lateIndex() {
        let replay = fold(#"{"choices":[{"finish_reason":"stop","delta":{"content":"x"},"index":3}]}"#)
        #expect(replay.accumulator.choices.map(\.index) == [3])
        #expect(replay.accumulator.choices.first?.finish == .stop)
        #expect(replay.accumulator.text == "x")
    }

    @Test("puts a surrogate pair together that upstream cut in two")
    func cutPair() {
        let replay = fold(chunk(#"{"content":"Gr\u00fc\u00dfe \ud83d"}"#), chunk(#"{"content":"\ude00\n"}"#))
        #expect(replay.accumulator.text == "Grüße 😀\n")
    }

    @Test("takes the place in the array for an index that is missing")
    func missingIndex() {
        let replay = fold(
            chunk(#"{"content":"b"}"#, index: 1),
            #"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"B"}}]}"#)
        let texts = Dictionary(uniqueKeysWithValues: replay.accumulator.choices.map { ($0.index, $0.text) })
        #expect(texts == [0: "a", 1: "bB"])
    }

    @Test("keeps choices apart that interleave")
    func choices() {
        let replay = fold(
            chunk(#"{"content":"a"}"#), chunk(#"{"content":"x"}"#, index: 1), chunk(#"{"content":"b"}"#),
            chunk("{}", finish: "\"stop\""), chunk(#"{"content":"y"}"#, index: 1))
        #expect(replay.accumulator.choices.map(\.text) == ["ab", "xy"])
        #expect(replay.decoder.ending == .truncated)
    }

    @Test(
        "reads reasoning under either name, once",
        arguments: [
            (#"{"reasoning_content":"r"}"#, "r"), (#"{"reasoning":"r"}"#, "r"),
            (#"{"reasoning":"r","reasoning_content":"r","reasoning_details":[{"text":"r"}]}"#, "r"),
            (#"{"reasoning_content":null,"reasoning":"r"}"#, "r"),
            (#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]}]}"#, "r"),
        ])
    func reasoning(delta: String, expected: String) {
        #expect(fold(chunk(delta)).accumulator.choices.map(\.reasoning) == [expected])
    }

    @Test("reads content that is an array of parts, and passes over what is null")
    func parts() {
        let parts = fold(chunk(#"{"content":[{"type":"text","text":"a"},5,{"type":"text","text":"b"}]}"#))
        #expect(parts.accumulator.text == "ab")
        let nulls = fold(chunk(#"{"role":null,"content":null,"tool_calls":null,"refusal":null}"#))
        #expect(nulls.accumulator.choices.isEmpty)
        #expect(fold(chunk(#"{"refusal":"no"}"#)).accumulator.choices.map(\.refusal) == ["no"])
    }

    @Test("passes over a message that a stream repeats beside the delta")
    func repeatedMessage() {
        let replay = fold(#"{"choices":[{"message":{"content":"all"},"delta":{"content":"all"}}]}"#)
        #expect(replay.accumulator.text == "all")
    }

    @Test(
        "takes a chunk that says nothing, before any choice",
        arguments: [
            #"{"id":"","model":"","object":"","created":0,"choices":[],"prompt_filter_results":[{}]}"#,
            #"{"id":"x"}"#, #"{"type":"keepalive"}"#, "{}", #"{"choices":null}"#, #"{"choices":[null,5]}"#,
            #"{"choices":{}}"#, #"{"error":null,"choices":[]}"#, #"{"error":""}"#, #"{"usage":"x"}"#,
            #"{"model":7,"x_groq":5}"#,
        ])
    func early(data: String) {
        var replay = StreamReplay()
        let event = replay.feed(data)
        #expect(replay.malformedCount == 0)
        #expect(event.deltas.isEmpty && !event.isTerminal && !event.isUsageOnly)
        #expect(replay.payloads == [data])
        #expect(replay.decoder.ending == .empty)
    }

    @Test(
        "skips what is no chunk and reads on",
        arguments: [
            "", "{", "5", "null", "\"x\"", "[]", "{}x", #"{"a":1}{"b":2}"#, "{\"a\":\"\u{1}\"}",
            #"{"choices":[{"delta":{"content":"a}"#, "[done]", "[DONE", "DONE", "[DONE]]", "\"[DONE]\"",
            #"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]"#,
        ])
    func malformed(data: String) {
        let replay = fold(chunk(#"{"content":"a"}"#), data, chunk(#"{"content":"b"}"#))
        #expect(replay.malformedCount == 1 && replay.terminalCount == 0)
        #expect(replay.accumulator.text == "ab")
        #expect(replay.decoder.ending == .truncated)
        #expect(replay.payloads.count == 2)
    }

    @Test("takes half a surrogate pair as the replacement character")
    func loneSurrogate() {
        #expect(fold(chunk(#"{"content":"a\ud800b\u0000"}"#)).accumulator.text == "a\u{FFFD}b\0")
    }

    @Test(
        "knows reasons to end, and keeps the others",
        arguments: [
            ("stop", FinishReason.stop), ("length", .length), ("tool_calls", .toolCalls),
            ("function_call", .toolCalls),
            ("content_filter", .contentFilter), ("sensitive", .contentFilter), ("MAX_TOKENS", .length),
            ("tool_use", .toolCalls), ("model_context_window_exceeded", .contextFull), ("refusal", .refusal(nil)),
            ("odd", .other("odd")),
        ])
    func reasons(word: String, reason: FinishReason) {
        #expect(fold(chunk("{}", finish: "\"\(word)\"")).accumulator.choices.map(\.finish) == [reason])
    }

    @Test("tells one end of a choice, and drops the second")
    func twoFinishes() {
        var replay = fold(chunk(#"{"content":"a"}"#), chunk("{}", finish: "\"stop\""))
        #expect(replay.feed(chunk("{}", finish: "\"stop\"")).isAfterEnd)
        #expect(replay.payloads.count == 2)
        let last = replay.feed(
            #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#)
        #expect(!last.isAfterEnd && last.repeatedFinishes.count == 1)
        #expect(last.deltas == [.usage(TokenUsage(input: 1))])
        #expect(
            replay.payloads.last
                == #"{"choices":[{"index":0,"delta":{},"finish_reason":null}],"usage":{"prompt_tokens":1}}"#)
    }

    @Test("drops what comes after the end", arguments: ["[DONE]", " [DONE]", "[DONE] ", "\t[DONE]\r"])
    func afterEnd(done: String) {
        var replay = fold(chunk(#"{"content":"a"}"#, finish: "\"stop\""))
        let end = replay.feed(done)
        #expect(end.isDone && end.isTerminal && end.deltas == [.end])
        for text in ["[DONE]", chunk(#"{"content":"b"}"#), #"{"error":{"message":"late"}}"#, "{broken"] {
            let event = replay.feed(text)
            #expect(event.isAfterEnd && !event.isTerminal && event.deltas.isEmpty)
        }
        #expect(replay.accumulator.text == "a")
        #expect(replay.terminalCount == 1 && replay.payloads.count == 1)
        #expect(replay.decoder.ending == .complete)
    }

    @Test("tells how a body ended")
    func endings() {
        let content = chunk(#"{"content":"a"}"#)
        #expect(fold().decoder.ending == .empty)
        #expect(fold("[DONE]").decoder.ending == .empty)
        #expect(fold(content).decoder.ending == .truncated)
        #expect(fold(content, "[DONE]").decoder.ending == .unfinished)
        #expect(fold(content, chunk("{}", finish: "\"length\"")).decoder.ending == .complete)
        #expect(fold(content, #"{"error":{"message":"m"}}"#, "[DONE]").decoder.ending == .failed)
    }

    @Test(
        "reads an error of any shape as the end",
        arguments: [
            (
                #"{"error":{"message":"busy","type":"t","code":"c"}}"#, "",
                ChatFailure(status: 502, message: "busy", type: "t", code: "c")
            ),
            (
                #"{"error":{"message":"busy","code":429}}"#, "",
                ChatFailure(status: 429, message: "busy", code: "429")
            ),
            (
                #"{"error":{"message":"busy","code":"503"}}"#, "",
                ChatFailure(status: 503, message: "busy", code: "503")
            ),
            (
                #"{"error":{"message":"busy","code":"tool_use_failed"}}"#, "error",
                ChatFailure(status: 400, message: "busy", code: "tool_use_failed")
            ),
            (
                #"{"error":{"message":"busy","code":200}}"#, "",
                ChatFailure(status: 502, message: "busy", code: "200")
            ),
            (
                "", "error",
                ChatFailure(status: 502, message: "The upstream answered with status 502 and no explanation.")
            ),
            (#"{"error":"busy"}"#, "", ChatFailure(status: 502, message: "busy")),
            (
                #"{"id":"x","choices":[{"delta":{"content":""},"finish_reason":"error"}],"#
                    + #""error":{"message":"busy"}}"#, "",
                ChatFailure(status: 502, message: "busy")
            ),
            ("busy", "error", ChatFailure(status: 502, message: "busy")),
            (#"{"message":"busy"}"#, "error", ChatFailure(status: 502, message: "busy")),
        ])
    func failures(data: String, name: String, expected: ChatFailure) {
        var replay = StreamReplay()
        let event = replay.feed(data, named: name)
        #expect(event.isTerminal && !event.isDone)
        #expect(event.deltas == [.failure(expected)])
        #expect(replay.decoder.ending == .failed)
        #expect(replay.feed("[DONE]").isAfterEnd)
        // The gateway tells of the failure in its own words; upstream's event is not handed on.
        #expect(replay.payloads.isEmpty)
    }

    @Test(
        "finds usage where each vendor puts it",
        arguments: [
            (
                #"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":0,"#
                    + #""prompt_tokens_details":{"cached_tokens":4}}}"#,
                TokenUsage(input: 5, output: 0, cached: 4)
            ),
            (#"{"choices":[],"x_groq":{"id":"x","usage":{"prompt_tokens":1}}}"#, TokenUsage(input: 1)),
            (#"{"usage":{"prompt_tokens":2},"x_groq":{"usage":{"prompt_tokens":1}}}"#, TokenUsage(input: 2)),
            (#"{"choices":[{"index":0,"delta":{},"usage":{"prompt_tokens":3}}]}"#, TokenUsage(input: 3)),
            (#"{"usage":{"prompt_tokens":9,"prompt_cache_hit_tokens":7}}"#, TokenUsage(input: 9, cached: 7)),
            (
                #"{"usage":{"prompt_tokens":165,"completion_tokens":2,"total_tokens":296,"#
                    + #""completion_tokens_details":{"reasoning_tokens":129}}}"#,
                TokenUsage(input: 165, output: 131, reasoning: 129)
            ),
            (#"{"usage":{"prompt_tokens":-5,"completion_tokens":1.5}}"#, TokenUsage()),
            (
                #"{"usage":{"prompt_tokens":3,"completion_tokens":-4,"total_tokens":1e400}}"#,
                TokenUsage(input: 3)
            ),
        ])
    func usage(data: String, expected: TokenUsage) {
        #expect(fold(data).accumulator.usage == expected)
    }

    @Test("takes the last report of usage that is not null")
    func cumulativeUsage() {
        let replay = fold(
            #"{"usage":{"prompt_tokens":5,"completion_tokens":1}}"#,
            #"{"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
            #"{"usage":null}"#)
        #expect(replay.accumulator.usage == TokenUsage(input: 5, output: 2))
    }

    @Test("refuses to remember more choices than an honest stream has")
    func choiceLimit() {
        var replay = StreamReplay()
        for index in 0..<6000 { replay.feed(chunk(#"{"content":"x"}"#, index: index)) }
        #expect(replay.malformedCount > 1000)
        #expect(replay.accumulator.choices.count <= 4096)
        replay.feed(chunk(#"{"content":"y"}"#, index: 5))
        #expect(replay.accumulator.choices[5].text == "xy")
    }
}
