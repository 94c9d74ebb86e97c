// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import Chat

@Suite("ChatAccumulator")
struct ChatAccumulatorTests {
    private func whole(_ text: String) -> (data: [UInt8], slice: Range<Int>) {
        let data = Array(text.utf8)
        return (data, 0..<data.count)
    }

    /// Folds pieces of text of one choice.
    private func fold(_ pieces: [String], limit: Int) -> ChatAccumulator {
        var answer = ChatAccumulator(limit: limit)
        for piece in pieces {
            let (data, slice) = whole(piece)
            answer.append(.text(choice: 0, slice), from: data.span)
        }
        return answer
    }

    @Test("joins pieces and unescapes them when read, also a pair that was cut")
    func joins() {
        let answer = fold([#"a\n"#, #"\ud83d"#, #"\ude00é"#], limit: 1000)
        #expect(answer.text == "a\n😀é")
        #expect(!answer.isTruncated)
    }

    @Test(
        "cuts at the limit between two characters or escapes",
        arguments: [
            ("abcdef", "abcd"), (#"abc\n"#, "abc"), (#"ab\n"#, "ab\n"), (#"a\u00e9"#, "a"), ("abcé", "abc"),
            ("abé", "abé"),
            ("😀x", "😀"), ("a😀", "a"),
        ])
    func cuts(text: String, kept: String) {
        // 64 bytes are what a choice costs by itself, and a part too.
        let answer = fold([text, "more"], limit: 128 + 4)
        #expect(answer.text == kept)
        #expect(answer.isTruncated)
        #expect(answer.byteCount <= 132)
    }

    @Test("takes a text that just fits")
    func fits() {
        let answer = fold(["abcd"], limit: 132)
        #expect(answer.text == "abcd")
        #expect(!answer.isTruncated)
    }

    @Test("keeps nothing more once something was left out, but how it ended")
    func afterLimit() {
        var answer = fold(["abcdef", "g"], limit: 132)
        answer.append(.toolCall(choice: 0, call: 0, id: 0..<0, name: 0..<0), from: Span<UInt8>())
        answer.append(.start(choice: 1), from: Span<UInt8>())
        answer.append(.finish(choice: 0, .length), from: Span<UInt8>())
        answer.append(.usage(TokenUsage(input: 1)), from: Span<UInt8>())
        #expect(answer.text == "abcd")
        #expect(answer.choices.count == 1)
        #expect(answer.choices[0].toolCalls.isEmpty)
        #expect(answer.choices[0].finish == .length)
        #expect(answer.usage == TokenUsage(input: 1))
    }

    @Test("bounds choices and calls that say nothing")
    func bounds() {
        var answer = ChatAccumulator(limit: 1 << 12)
        for index in 0..<1000 {
            answer.append(.start(choice: index), from: Span<UInt8>())
            answer.append(.toolCall(choice: 0, call: index, id: 0..<0, name: 0..<0), from: Span<UInt8>())
        }
        #expect(answer.choices.count + answer.choices[0].toolCalls.count == 64)
        #expect(answer.isTruncated)
    }

    @Test("takes pieces for calls and choices that never began")
    func strays() {
        var answer = ChatAccumulator()
        answer.append(.toolArguments(choice: 0, call: 3, 0..<1), from: [0x61].span)
        answer.append(.finish(choice: 2, .stop), from: Span<UInt8>())
        #expect(answer.choices.map(\.index) == [0, 2])
        #expect(answer.choices[1].finish == .stop)
    }

    @Test("remembers a failure")
    func failure() {
        var answer = ChatAccumulator()
        answer.append(.failure(ChatFailure(status: 502, message: "m")), from: Span<UInt8>())
        #expect(answer.failure == ChatFailure(status: 502, message: "m"))
    }
}

@Suite("TokenUsage")
struct TokenUsageTests {
    @Test("adds what was reported, and leaves the rest unreported")
    func sum() {
        let sum = TokenUsage(input: 1, output: 2, cached: 3) + TokenUsage(input: 10, reasoning: 4)
        #expect(sum == TokenUsage(input: 11, output: 2, cached: 3, reasoning: 4))
        #expect(sum.total == 13)
    }

    @Test("does not overflow on what an upstream may claim")
    func saturates() {
        #expect((TokenUsage(input: .max) + TokenUsage(input: 1)).input == .max)
        #expect(TokenUsage(input: .max, output: .max).total == .max)
        #expect((TokenUsage(input: .min) + TokenUsage(input: -1)).input == .min)
    }

    @Test("takes over what a later report has")
    func update() {
        var usage = TokenUsage(input: 5, cached: 1)
        usage.update(with: TokenUsage(input: 6, output: 0))
        #expect(usage == TokenUsage(input: 6, output: 0, cached: 1))
    }
}
