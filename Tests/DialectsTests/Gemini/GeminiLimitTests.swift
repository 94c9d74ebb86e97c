// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

/// What a call may make us keep has an end, and who reads the stream is told when it is reached.
@Suite("Calls of Gemini that are cut or too large")
struct GeminiLimitTests {
    private static func call(_ rest: String) -> String { chunk(#"{"functionCall":{\#(rest)}}"#) }
    private static let begin = call(#""name":"f","willContinue":true"#)

    private static func piece(_ path: String, _ value: String) -> String {
        call(#""partialArgs":[{"jsonPath":"\#(path)",\#(value)}],"willContinue":true"#)
    }

    /// What a Gemini client gets for a stream of these deltas.
    private static func stream(_ deltas: [ChatDelta], of text: [UInt8]) -> String {
        var encoder = GeminiStreamEncoder(GeminiReplay.context())
        var output = ByteBuffer()
        var event = DecodedEvent()
        for delta in deltas {
            event.deltas = [delta]
            encoder.encode(event, of: text.span, into: &output)
        }
        encoder.finish(into: &output)
        return output.text
    }

    @Test("with more pieces than can be put together fail the stream", arguments: [0, 1])
    func pieces(excess: Int) {
        var replay = GeminiReplay()
        replay.feed(Self.begin)
        for number in 0..<GeminiPartialCall.pieceLimit + excess {
            replay.feed(Self.piece("$.k\(number % 9)", #""numberValue":1"#))
        }
        replay.feed(chunk("", stopped))
        #expect(replay.terminalCount == excess)
        #expect((replay.accumulator.failure?.status == 502) == (excess == 1))
        #expect((replay.decoder.ending == .failed) == (excess == 1))
    }

    @Test(
        "are well-formed when a piece's value is not of the kind that its name says",
        arguments: [
            #""numberValue":{"z":1}"#, #""numberValue":[1]"#, #""stringValue":{}"#, #""stringValue":1"#,
            #""boolValue":[true]"#, #""boolValue":"x""#, #""numberValue":true"#,
        ])
    func kinds(value: String) throws {
        var replay = GeminiReplay()
        replay.feed(Self.begin)
        replay.feed(Self.piece("$.a", value))
        replay.feed(Self.piece("$.b", #""stringValue":"1""#))
        replay.feed(chunk("", stopped))
        let call = try #require(replay.accumulator.choices[0].toolCalls.first)
        #expect(call.arguments == #"{"b":"1"}"#)
    }

    @Test("never look whole when the answer was cut in them", arguments: ["MAX_TOKENS", "SAFETY"])
    func cutPieces(reason: String) throws {
        let end = #","finishReason":"\#(reason)","index":0"#
        var replay = GeminiReplay(to: .openAIResponses)
        replay.feed(Self.begin)
        replay.feed(chunk("", end))
        replay.end()
        let choice = replay.accumulator.choices[0]
        #expect(choice.toolCalls.map(\.arguments) == [""])
        #expect(choice.finish == (reason == "SAFETY" ? .contentFilter : .length))
        #expect(!replay.output.text.contains(#""arguments":"{}""#))

        var begun = GeminiReplay(to: .gemini)
        begun.feed(Self.begin)
        begun.feed(Self.piece("$.a", #""stringValue":"1""#))
        begun.feed(chunk("", end))
        begun.end()
        #expect(begun.accumulator.choices[0].toolCalls.map(\.arguments) == [#"{"a":"1""#])
        #expect(!begun.output.text.contains("functionCall"))
    }

    @Test("are not handed on without arguments when a filter cut the answer")
    func filtered() throws {
        let script = AnswerScript(steps: [.call(0, id: "c", name: "f"), .finish(.contentFilter)])
        #expect(!script.stream(.gemini).contains("functionCall"))
        let parts = try script.whole(.gemini)["candidates"]?[0]?["content"]?["parts"]?.elements ?? []
        #expect(parts.allSatisfy { $0["functionCall"] == nil })
    }

    @Test("have other ids in each answer, also where the upstream gives the answer none")
    func ids() throws {
        let data =
            #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]},"#
            + #""finishReason":"STOP"}]}"#
        for target in [Dialect.openAIChat, .anthropic, .openAIResponses] {
            var ids: Set<String> = []
            for seed in ["abcdefghijklmnopqrstuvwx", "bcdefghijklmnopqrstuvwxy"] {
                var context = GeminiReplay.context()
                context.seed = seed
                var replay = GeminiReplay()
                replay.encoder = target.codec.streamEncoder(context)
                replay.feed(data)
                replay.end()
                #expect(replay.accumulator.choices[0].toolCalls.map(\.id) == [""])
                var again = GeminiReplay(from: target)
                try again.replay([replay.output.storage])
                let id = try #require(again.accumulator.choices.first?.toolCalls.first?.id)
                #expect(!id.isEmpty)
                ids.insert(id)
                var whole = ByteBuffer()
                target.codec.writeAnswer(replay.accumulator, context, into: &whole)
                var event = DecodedEvent()
                try target.codec.decodeWhole(whole.bytes, into: &event)
                var answer = ChatAccumulator()
                answer.append(event, of: whole.bytes)
                #expect(answer.choices.first?.toolCalls.first?.id == id, "\(target)")
            }
            #expect(ids.count == 2, "\(target)")
        }
    }

    @Test("that cannot be held fail the stream that a client reads")
    func held() {
        let text = [UInt8](repeating: UInt8(ascii: "1"), count: 8 << 20)
        let begin = ChatDelta.toolCall(choice: 0, call: 0, id: 0..<1, name: 0..<1)
        let input = ChatDelta.toolArguments(choice: 0, call: 0, 0..<text.count)
        let tooLong = Self.stream([begin, input, input, input, input], of: text)
        #expect(tooLong.contains("UNAVAILABLE") && !tooLong.contains("finishReason"))
        let many = (0...4096).map { ChatDelta.toolCall(choice: 0, call: $0, id: 0..<1, name: 0..<1) }
        #expect(Self.stream(many, of: text).contains("UNAVAILABLE"))
        let signature = ChatDelta.callSignature(choice: 0, 0..<text.count)
        let signatures = (1...5).map { ChatDelta.callSignature(choice: $0, 0..<text.count) }
        #expect(Self.stream(signatures, of: text).contains("UNAVAILABLE"))
        // What was written, or signed anew, is held no longer.
        let whole = Array(#"{}"#.utf8) + text
        let calls = (0..<5).flatMap { number in
            [
                signature, signature, ChatDelta.toolCall(choice: 0, call: number, id: 0..<1, name: 0..<1),
                .toolArguments(choice: 0, call: number, 0..<2),
            ]
        }
        let written = Self.stream(calls + [.finish(choice: 0, .toolCalls)], of: whole)
        #expect(!written.contains("UNAVAILABLE") && written.contains("finishReason"))
    }

    @Test("are looked at once, however often text comes behind a large one")
    func largeInput() {
        var steps: [AnswerStep] = [.call(0, id: "c", name: "f")]
        steps.append(.arguments(0, #"{"a":""# + String(repeating: "x", count: 1 << 20)))
        for _ in 0..<2_000 { steps += [.arguments(0, "}"), .text("x")] }
        let start = ContinuousClock.now
        let stream = AnswerScript(steps: steps + [.finish(.length)]).stream(.gemini)
        #expect(stream.contains("MAX_TOKENS"))
        // Looking at all of it each time would take minutes.
        #expect(ContinuousClock.now - start < .seconds(30))
    }
}
