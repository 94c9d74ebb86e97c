// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

/// What waits for a call, and what is kept for the last event, has an end; the client is told when it comes.
@Suite("Responses that are too large to be told")
struct ResponsesLimitTests {
    /// A call that is never whole, and behind it pieces that cannot be joined.
    private static func alternating(_ count: Int) -> AnswerScript {
        var steps: [AnswerStep] = [.call(0, id: "c", name: "f"), .arguments(0, "{")]
        for number in 0..<count { steps.append(number.isMultiple(of: 2) ? .text("x") : .reasoning("y")) }
        return AnswerScript(steps: steps + [.finish(.toolCalls)])
    }

    private static func types(of stream: String) -> [String] {
        stream.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) }
    }

    @Test("fail when too many pieces wait for a call, and only then", arguments: [0, 1])
    func pieces(excess: Int) {
        let count = ResponsesQueue.pieceLimit + excess
        let types = Self.types(of: Self.alternating(count).stream(.openAIResponses))
        #expect(types.last == (excess == 0 ? "response.completed" : "response.failed"))
        #expect(types.count { $0 == "response.output_item.done" } == (excess == 0 ? count + 1 : 0))
        #expect(types.count { $0 == "error" } == excess)
    }

    @Test("do not grow and take no longer when an upstream goes on and on")
    func flood() {
        let stream = Self.alternating(100_000).stream(.openAIResponses)
        #expect(stream.utf8.count < 10_000)
    }

    @Test("are looked at once, however often something waits behind a large call")
    func largeInput() {
        var steps: [AnswerStep] = [.call(0, id: "c", name: "f")]
        steps.append(.arguments(0, #"{"a":""# + String(repeating: "}", count: 1 << 20)))
        for _ in 0..<2_000 { steps += [.arguments(0, "}"), .text("x")] }
        let start = ContinuousClock.now
        let stream = AnswerScript(steps: steps + [.finish(.length)]).stream(.openAIResponses)
        #expect(stream.contains("response.incomplete"))
        // Looking at all of it each time would take minutes.
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    /// A stream of one delta, again and again, after others; what is written at its end.
    private static func end(
        after first: [ChatDelta], _ delta: ChatDelta, times: Int, of text: [UInt8]
    ) -> (tail: String, encoder: ResponsesStreamEncoder) {
        var encoder = ResponsesStreamEncoder(.responses())
        var output = ByteBuffer()
        var event = DecodedEvent()
        event.deltas = [.start(choice: 0)] + first
        encoder.encode(event, of: text.span, into: &output)
        event.deltas = [delta]
        for _ in 0..<times {
            encoder.encode(event, of: text.span, into: &output)
            guard !output.text.contains("response.failed") else { break }
            output.removeAll()
        }
        encoder.finish(into: &output)
        return (output.text, encoder)
    }

    @Test("fail when a call that waits has more input than may wait")
    func waitingInput() {
        let text = [UInt8](repeating: UInt8(ascii: "1"), count: 8 << 20)
        let calls: [ChatDelta] = [
            .toolCall(choice: 0, call: 0, id: 0..<1, name: 0..<1), .toolArguments(choice: 0, call: 0, 0..<1),
            .toolCall(choice: 0, call: 1, id: 0..<2, name: 0..<1),
        ]
        let input = ChatDelta.toolArguments(choice: 0, call: 1, 0..<text.count)
        let (tail, _) = Self.end(after: calls, input, times: 4, of: text)
        #expect(tail.contains("event: error\n") && tail.contains("event: response.failed\n"))
        #expect(!tail.contains("event: response.completed\n"))
    }

    @Test("fail when their text is more than the last event can tell", arguments: [6, 9])
    func text(count: Int) {
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 8 << 20)
        let (tail, _) = Self.end(after: [], .text(choice: 0, 0..<text.count), times: count, of: text)
        #expect(tail.contains("event: response.completed\n") == (count == 6))
        #expect(tail.contains("event: response.failed\n") == (count == 9))
    }

    @Test("fail as a whole answer too")
    func whole() throws {
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 65 << 20)
        var encoder = ResponsesStreamEncoder(.responses())
        var output = ByteBuffer()
        encoder.encode(.text(choice: 0, 0..<text.count), of: text.span, into: &output)
        output.removeAll()
        encoder.finishWhole(into: &output)
        let body = try JSONValue(parsing: output.bytes)
        #expect(body["status"] == .string("failed") && body["error"]?["message"]?.string != nil)
    }

    @Test("write log probabilities that came on several lines on one")
    func lines() throws {
        let script = AnswerScript(steps: [
            .logprobs(text: "a", "{\n  \"token\": \"a\",\r\n  \"logprob\": -1\n}"), .finish(.stop),
        ])
        let stream = script.stream(.openAIResponses)
        let lines = stream.split(separator: "\n", omittingEmptySubsequences: true)
        #expect(lines.allSatisfy { $0.hasPrefix("event: ") || $0.hasPrefix("data: ") })
        for line in lines where line.hasPrefix("data: ") {
            _ = try JSONValue(parsing: String(line.dropFirst(6)).utf8.span)
        }
        #expect(stream.contains(#""logprob": -1"#) && !stream.contains("\r"))
    }

    @Test(
        "leave a call without input as it is when the answer was cut before it",
        arguments: [FinishReason.length, .contextFull, .contentFilter])
    func cutCall(reason: FinishReason) throws {
        let script = AnswerScript(steps: [.call(0, id: "c", name: "f"), .finish(reason)])
        let stream = script.stream(.openAIResponses)
        let call = try script.whole(.openAIResponses)["output"]?[0]
        #expect(call?["status"] == .string("incomplete") && call?["arguments"] == .string(""))
        #expect(!stream.contains(#""arguments":"{}""#) && stream.contains(#""status":"incomplete""#))
        #expect(!stream.contains("function_call_arguments.delta"))
    }
}
