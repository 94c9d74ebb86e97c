// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Chat

@Suite("Limits of ChatAccumulator") struct AccumulatorLimitTests {
    func accumulate(_ pieces: [String], limit: Int) -> ChatAccumulator {
        var accumulator = ChatAccumulator(limit: limit)
        for piece in pieces {
            let bytes = Array(piece.utf8)
            accumulator.append(.text(choice: 0, 0..<bytes.count), from: bytes.span)
        }
        return accumulator
    }

    @Test("unescapes what it joined")
    func unescapes() {
        let accumulator = accumulate([#"a\n\"\\"#, #"\u00e9\ud83d"#, #"\ude00 é"#, #"\ud800"#], limit: 1000)
        #expect(accumulator.text == "a\n\"\\é😀 é\u{FFFD}")
        #expect(!accumulator.isTruncated)
    }

    @Test("keeps no more than its limit, cut between characters and escapes", arguments: 0...40)
    func cuts(room: Int) {
        // A choice costs 64 bytes beside its text, and so does each part.
        let accumulator = accumulate([#"é\u00e9\n😀"#, "abc", #"\"\\\/end"#], limit: 128 + room)
        let full = "éé\n😀abc\"\\/end"
        #expect(full.hasPrefix(accumulator.text) || accumulator.text.isEmpty)
        #expect(accumulator.byteCount <= 128 + room)
        #expect(accumulator.isTruncated == (accumulator.text != full))
        #expect(!accumulator.text.unicodeScalars.contains("\u{FFFD}"))
    }

    @Test("takes no more text once some was left out, but the end and the usage")
    func truncated() {
        var accumulator = accumulate(["abcdef", "g"], limit: 128 + 3)
        #expect(accumulator.text == "abc" && accumulator.isTruncated)
        let nothing: [UInt8] = []
        accumulator.append(.finish(choice: 0, .length), from: nothing.span)
        accumulator.append(.usage(TokenUsage(input: 1)), from: nothing.span)
        #expect(accumulator.choices.first?.finish == .length)
        #expect(accumulator.usage == TokenUsage(input: 1))
    }

    @Test("bounds empty choices and calls too")
    func empty() {
        var accumulator = ChatAccumulator(limit: 1000)
        let nothing: [UInt8] = []
        for index in 0..<1000 { accumulator.append(.start(choice: index), from: nothing.span) }
        #expect(accumulator.choices.count == 15)
        #expect(accumulator.isTruncated)
    }

    @Test("adds counts without trapping")
    func sums() {
        #expect(
            (TokenUsage(input: .max) + TokenUsage(input: 1, output: 2)) == TokenUsage(input: .max, output: 2))
        #expect(TokenUsage(input: .max, output: .max).total == .max)
        var usage = TokenUsage(input: 1, output: 2)
        usage.update(with: TokenUsage(output: 3, cached: 0))
        #expect(usage == TokenUsage(input: 1, output: 3, cached: 0))
    }
}
