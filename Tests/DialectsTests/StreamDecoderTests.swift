// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Dialects

@Suite("Reading a stream") struct StreamDecoderTests {
    func chunk(_ choice: String, _ more: String = "") -> String { #"{"id":"c","model":"m","choices":[\#(choice)]\#(more)}"# }
    func delta(_ delta: String, finish: String = "null", index: Int = 0) -> String {
        chunk(#"{"index":\#(index),"delta":\#(delta),"finish_reason":\#(finish)}"#)
    }

    @Test("text is folded, roles told once, and the end is complete")
    func text() {
        var replay = StreamReplay()
        let first = replay.feed(delta(#"{"role":"assistant","content":"","refusal":null}"#))
        #expect(first.deltas == [.start(choice: 0)])
        #expect(replay.feed(delta(#"{"role":"assistant","content":"Gr\u00fc\u00dfe \ud83d"}"#)).deltas.count == 1)
        replay.feed(delta(#"{"content":"\ude00\n"}"#))
        #expect(replay.decoder.ending == .truncated)
        #expect(replay.feed(delta("{}", finish: #""stop""#)).deltas == [.finish(choice: 0, .stop)])
        #expect(replay.decoder.ending == .complete)
        #expect(replay.feed("[DONE]").deltas == [.end])
        // A pair that upstream cut in two is whole again once the pieces stand side by side.
        #expect(replay.accumulator.text == "Grüße 😀\n")
        #expect(replay.accumulator.choices.first?.finish == .stop)
        #expect(replay.malformedCount == 0)
    }

    @Test("[DONE] is known with spaces around it", arguments: ["[DONE]", " [DONE]", "[DONE] ", "\t[DONE]\r"])
    func done(_ text: String) {
        var replay = StreamReplay()
        replay.feed(delta(#"{"content":"x"}"#))
        let event = replay.feed(text)
        #expect(event.isDone && event.isTerminal)
        #expect(replay.decoder.ending == .unfinished)
    }

    @Test("what looks like [DONE] but is not ends nothing", arguments: ["[done]", "[DONE", "DONE", "[DONE]]", "\"[DONE]\""])
    func notDone(_ text: String) {
        var replay = StreamReplay()
        replay.feed(text)
        #expect(replay.malformedCount == 1)
        #expect(replay.terminalCount == 0)
    }

    @Test("what comes after the end is marked and changes nothing")
    func afterEnd() {
        var replay = StreamReplay()
        replay.feed(delta(#"{"content":"a"}"#, finish: #""stop""#))
        replay.feed("[DONE]")
        for text in ["[DONE]", delta(#"{"content":"b"}"#), #"{"error":{"message":"late"}}"#, "{broken"] {
            let event = replay.feed(text)
            #expect(event.isAfterEnd && !event.isTerminal && event.deltas.isEmpty)
        }
        #expect(replay.terminalCount == 1)
        #expect(replay.accumulator.text == "a")
        #expect(replay.decoder.ending == .complete)
        #expect(replay.payloads.count == 1)
    }

    @Test("an ending says what has happened so far")
    func endings() {
        var nothing = StreamReplay()
        #expect(nothing.decoder.ending == .empty)
        nothing.feed("[DONE]")
        #expect(nothing.decoder.ending == .empty)

        var partial = StreamReplay()
        partial.feed(delta(#"{"content":"x"}"#))
        #expect(partial.decoder.ending == .truncated)
        partial.feed("[DONE]")
        #expect(partial.decoder.ending == .unfinished)

        var failed = StreamReplay()
        failed.feed(delta(#"{"content":"x"}"#, finish: #""stop""#))
        failed.feed(#"{"error":{"message":"no"}}"#)
        #expect(failed.decoder.ending == .failed)
    }

    @Test("events that are not chunks are skipped, and what follows is read", arguments: [
        "{", "", "null", "5", "[]", "\"x\"", #"{"choices":[{"delta":{"content":"a}"#, #"{"a":1}{"b":2}"#, "{\"a\":\"\u{1}\"}",
        #"{"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":"stop"}]"#,
    ])
    func malformed(_ text: String) {
        var replay = StreamReplay()
        replay.feed(delta(#"{"content":"a"}"#))
        replay.feed(text)
        #expect(replay.malformedCount == 1)
        #expect(replay.decoder.ending == .truncated)
        replay.feed(delta(#"{"content":"b"}"#, finish: #""length""#))
        #expect(replay.accumulator.text == "ab")
        #expect(replay.accumulator.choices.first?.finish == .length)
    }

    @Test("odd but valid chunks say nothing", arguments: [
        "{}", #"{"choices":null}"#, #"{"choices":[null,5]}"#, #"{"choices":{}}"#, #"{"error":null,"choices":[]}"#,
        #"{"error":""}"#, #"{"usage":"x"}"#, #"{"model":7,"x_groq":5}"#,
    ])
    func odd(_ text: String) {
        var replay = StreamReplay()
        let event = replay.feed(text)
        #expect(replay.malformedCount == 0)
        #expect(event.deltas.isEmpty && !event.isTerminal)
        #expect(replay.decoder.ending == .empty)
    }

    @Test("choices interleave, by index or by place")
    func choices() {
        var replay = StreamReplay()
        replay.feed(delta(#"{"content":"b"}"#, index: 1))
        replay.feed(chunk(#"{"delta":{"content":"a"}},{"delta":{"content":"B"}}"#))
        replay.feed(#"{"choices":[{"delta":{"content":"!"},"finish_reason":"stop","index":1}]}"#)
        #expect(replay.decoder.ending == .truncated)
        replay.feed(delta("{}", finish: #""content_filter""#))
        let texts = Dictionary(uniqueKeysWithValues: replay.accumulator.choices.map { ($0.index, $0.text) })
        #expect(texts == [0: "a", 1: "bB!"])
        #expect(replay.decoder.ending == .complete)
    }

    @Test("a reason is told once, and another vendor's word for it is understood")
    func finishes() {
        var replay = StreamReplay()
        replay.feed(delta("{}", finish: #""end_turn""#))
        #expect(replay.accumulator.choices.first?.finish == .stop)
        #expect(replay.feed(delta("{}", finish: #""stop""#)).isAfterEnd)
        let last = replay.feed(
            #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#)
        #expect(!last.isAfterEnd && last.repeatedFinishes.count == 1)
        #expect(last.deltas == [.usage(TokenUsage(input: 1, output: 2))])
        #expect(replay.payloads.last?.contains(#""finish_reason":null"#) == true)
        #expect(replay.payloads.count == 2)
        #expect(replay.accumulator.choices.first?.finish == .stop)
    }

    @Test("usage may be null, cumulative, or elsewhere")
    func usage() {
        var replay = StreamReplay()
        replay.feed(chunk(#"{"index":0,"delta":{"content":"a"}}"#, #","usage":null"#))
        #expect(replay.accumulator.usage == nil)
        replay.feed(chunk(#"{"index":0,"delta":{"content":"b"}}"#, #","usage":{"prompt_tokens":3,"completion_tokens":1}"#))
        replay.feed(chunk(#"{"index":0,"delta":{"content":"c"}}"#, #","usage":{"prompt_tokens":3,"completion_tokens":2}"#))
        #expect(replay.accumulator.usage == TokenUsage(input: 3, output: 2))
        let only = replay.feed(#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":-4,"total_tokens":1e400}}"#)
        #expect(only.isUsageOnly)
        #expect(replay.accumulator.usage == TokenUsage(input: 3, output: 2))
        var groq = StreamReplay()
        groq.feed(#"{"choices":[{"index":0,"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":8,"completion_tokens":9}}}"#)
        #expect(groq.accumulator.usage == TokenUsage(input: 8, output: 9))
        var reasoning = StreamReplay()
        reasoning.feed(
            #"{"choices":[],"usage":{"prompt_tokens":165,"completion_tokens":2,"total_tokens":296,"#
                + #""completion_tokens_details":{"reasoning_tokens":129},"prompt_tokens_details":{"cached_tokens":5}}}"#)
        #expect(reasoning.accumulator.usage == TokenUsage(input: 165, output: 131, cached: 5, reasoning: 129))
    }

    @Test("Azure's event about the prompt begins nothing")
    func azure() {
        var replay = StreamReplay()
        let event = replay.feed(#"{"id":"","model":"","object":"","created":0,"choices":[],"prompt_filter_results":[{}]}"#)
        #expect(event.deltas.isEmpty && !event.isUsageOnly && !event.isTerminal)
        #expect(replay.decoder.ending == .empty)
        #expect(replay.payloads.count == 1)
    }

    @Test("reasoning is read under each of its names, once", arguments: [
        #"{"reasoning":"r"}"#, #"{"reasoning_content":"r","content":null}"#, #"{"reasoning":"r","reasoning_content":"r"}"#,
        #"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]}]}"#,
    ])
    func reasoning(_ text: String) {
        var replay = StreamReplay()
        replay.feed(delta(text))
        #expect(replay.accumulator.choices.first?.reasoning == "r")
        #expect(replay.accumulator.text == "")
    }
}
