// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import Chat

@Suite("Parts of an accumulated answer")
struct AccumulatedPartTests {
    private struct Builder {
        var answer: ChatAccumulator

        init(limit: Int = 1 << 20) { answer = ChatAccumulator(limit: limit) }

        mutating func add(_ texts: String..., delta: ([Range<Int>]) -> ChatDelta) {
            var data: [UInt8] = []
            var slices: [Range<Int>] = []
            for text in texts {
                let start = data.count
                data += Array(text.utf8)
                slices.append(start..<data.count)
            }
            answer.append(delta(slices), from: data.span)
        }
    }

    @Test("keep their order, and pieces of one kind are one part")
    func order() {
        var builder = Builder()
        builder.add("a") { .reasoning(choice: 0, $0[0]) }
        builder.add("b") { .reasoning(choice: 0, $0[0]) }
        builder.add("c") { .text(choice: 0, $0[0]) }
        builder.add("i", "f") { .toolCall(choice: 0, call: 0, id: $0[0], name: $0[1]) }
        builder.add("d") { .text(choice: 0, $0[0]) }
        builder.add("e") { .toolArguments(choice: 0, call: 0, $0[0]) }
        builder.add("u", "t") { .citation(choice: 0, url: $0[0], title: $0[1]) }
        builder.add("j", "g") { .customCall(choice: 0, call: 1, id: $0[0], name: $0[1]) }
        builder.add("image/png", "AA") { .image(choice: 0, mediaType: $0[0], base64: $0[1]) }
        let choice = builder.answer.choices[0]
        #expect(
            choice.parts.map(\.kind) == [
                .reasoning, .text, .toolCall(number: 0, id: "i", name: "f"), .text, .citation(url: "u", title: "t"),
                .customCall(number: 1, id: "j", name: "g"), .image(mediaType: "image/png"),
            ])
        #expect(choice.parts.map(\.text) == ["ab", "c", "e", "d", "", "", "AA"])
        #expect(choice.text == "cd" && choice.reasoning == "ab")
        #expect(choice.toolCalls.map(\.callNumber) == [0, 1])
    }

    @Test("lesson 45: a signature ends its reasoning, and stands alone where there is none")
    func signatures() {
        var builder = Builder()
        builder.add("x") { .reasoningSignature(choice: 0, $0[0]) }
        builder.add("a") { .reasoning(choice: 0, $0[0]) }
        builder.add("old") { .reasoningSignature(choice: 0, $0[0]) }
        builder.add("new") { .reasoningSignature(choice: 0, $0[0]) }
        builder.add("b") { .reasoning(choice: 0, $0[0]) }
        builder.add("r") { .redactedReasoning(choice: 0, $0[0]) }
        let parts = builder.answer.choices[0].parts
        #expect(parts.map(\.text) == ["", "a", "b", "r"])
        #expect(parts.map(\.signature) == ["x", "new", "", ""])
        #expect(parts.last?.kind == .redactedReasoning)
    }

    @Test("a call's signature goes to the call that begins next, and to no other")
    func callSignatures() {
        var builder = Builder()
        builder.add("one") { .callSignature(choice: 0, $0[0]) }
        builder.add("a", "f") { .toolCall(choice: 0, call: 0, id: $0[0], name: $0[1]) }
        builder.add("b", "g") { .toolCall(choice: 0, call: 1, id: $0[0], name: $0[1]) }
        #expect(builder.answer.choices[0].toolCalls.map(\.signature) == ["one", ""])
    }

    @Test("log probabilities are joined by commas")
    func logprobs() {
        var builder = Builder()
        builder.add("{}") { .logprobs(choice: 0, $0[0]) }
        builder.add("") { .logprobs(choice: 0, $0[0]) }
        builder.add("{},{}") { .logprobs(choice: 0, $0[0]) }
        #expect(String(decoding: builder.answer.choices[0].logprobs.storage, as: UTF8.self) == "{},{},{}")
    }

    @Test("what means nothing when cut is left out whole", arguments: 0..<4)
    func limits(kind: Int) {
        var builder = Builder(limit: 64 + 64 + 8)
        let long = String(repeating: "x", count: 9)
        switch kind {
        case 0: builder.add(long) { .redactedReasoning(choice: 0, $0[0]) }
        case 1: builder.add("t", long) { .image(choice: 0, mediaType: $0[0], base64: $0[1]) }
        case 2: builder.add(long) { .reasoningSignature(choice: 0, $0[0]) }
        default: builder.add(long, long) { .citation(choice: 0, url: $0[0], title: $0[1]) }
        }
        #expect(builder.answer.isTruncated)
        #expect(builder.answer.choices.flatMap(\.parts).allSatisfy { $0.escaped.isEmpty && $0.signature.isEmpty })
        #expect(builder.answer.byteCount <= 136)
    }
}
