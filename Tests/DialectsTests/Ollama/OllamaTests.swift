// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

@Suite("Ollama's answers")
struct OllamaAnswerTests {
    private func line(_ message: String, _ rest: String = #""done":false"#) -> String {
        #"{"model":"q","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant",\#(message)},\#(rest)}"#
    }

    private func lines(of stream: String) throws -> [JSONValue] {
        #expect(stream.hasSuffix("\n"))
        return try stream.split(separator: "\n").map { try JSONValue(String($0)) }
    }

    @Test("are read line by line: thinking, text, calls with objects for arguments, counts")
    func read() {
        let (answer, ending, malformed, terminals) = readLines(
            [
                line(#""content":"","thinking":"h\u00e9""#), line(#""content":"Th""#), "{", line(#""content":"ree""#),
                line(
                    #""content":"x","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"s":"a\"b"}}},{"function":{"name":"g","arguments":{}}},null]"#
                ),
                line(#""content":"""#, #""done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":18"#),
                line(#""content":"late""#),
            ], .ollama)
        #expect(malformed == 1 && terminals == 1 && ending == .complete)
        let choice = answer.choices[0]
        #expect(answer.choices.count == 1)
        #expect(choice.reasoning == "hé" && choice.text == "Threex")
        #expect(choice.toolCalls.map(\.id) == ["c1", ""] && choice.toolCalls.map(\.name) == ["f", "g"])
        #expect(choice.toolCalls.map(\.arguments) == [#"{"s":"a\"b"}"#, "{}"])
        // Trap 6: whatever the server says, a turn that calls ends in calls.
        #expect(choice.finish == .toolCalls)
        #expect(answer.usage == TokenUsage(input: 11, output: 18))
    }

    @Test(
        "counts that are left out are 0, and reasons are read",
        arguments: [
            (#""done":true,"done_reason":"length","eval_count":3"#, FinishReason.length, 0, 3),
            (#""done":true,"done_reason":"load""#, .stop, 0, 0),
            (#""done":true"#, .stop, 0, 0),
        ])
    func ends(rest: String, reason: FinishReason, input: Int, output: Int) {
        let (answer, ending, _, _) = readLines([line(#""content":"a""#, rest)], .ollama)
        #expect(answer.choices.map(\.finish) == [reason])
        #expect(answer.usage == TokenUsage(input: input, output: output))
        #expect(ending == .complete)
    }

    @Test("lesson 62: a body that breaks off is no end, and an error in it is one")
    func broken() {
        #expect(readLines([line(#""content":"a""#)], .ollama).ending == .truncated)
        #expect(readLines([], .ollama).ending == .empty)
        let (answer, ending, _, terminals) = readLines(
            [line(#""content":"a""#), #"{"error":"ran out of memory"}"#, line(#""content":"b""#)], .ollama)
        #expect(ending == .failed && terminals == 1)
        #expect(answer.failure == ChatFailure(status: 502, message: "ran out of memory"))
        #expect(answer.text == "a")
    }

    @Test("that come whole are one event")
    func whole() throws {
        let body = line(
            #""content":"hi","thinking":"t","tool_calls":[{"function":{"name":"f","arguments":{"k":1}}}]"#,
            #""done":true,"done_reason":"stop","eval_count":2"#)
        let answer = try wholeAnswer(body, of: OllamaCodec())
        #expect(answer.text == "hi" && answer.choices[0].reasoning == "t")
        #expect(answer.choices[0].toolCalls.map(\.arguments) == [#"{"k":1}"#])
        #expect(answer.choices[0].finish == .toolCalls && answer.usage == TokenUsage(input: 0, output: 2))
        #expect(throws: MalformedEvent.self) { try wholeAnswer("{}", of: OllamaCodec()) }
        #expect(throws: MalformedEvent.self) { try wholeAnswer("[]", of: OllamaCodec()) }
    }

    @Test("are written as lines that say the same when read again")
    func write() throws {
        let script = AnswerScript(steps: [
            .reasoning("why"), .signature("dropped"), .text("a\n\"b\""), .call(0, id: "i", name: "f"),
            .call(1, id: "", name: "g"), .arguments(0, "{\"x\":"), .arguments(1, ""), .arguments(0, "1}"),
            .finish(.toolCalls), .usage(TokenUsage(input: 3, output: 4)),
        ])
        let stream = script.stream(.ollama)
        let values = try lines(of: stream)
        #expect(values.allSatisfy { $0["model"] == .string("mine") })
        #expect(values.allSatisfy { $0["created_at"] == .string("1970-01-01T00:00:07Z") })
        #expect(values.map { $0["done"] == .bool(true) } == values.indices.map { $0 == values.count - 1 })
        #expect(values.last?["prompt_eval_count"]?.integer == 3 && values.last?["eval_count"]?.integer == 4)
        #expect(values.last?["done_reason"] == .string("stop"))
        let arguments = values.compactMap { $0["message"]?["tool_calls"]?[0]?["function"]?["arguments"] }
        #expect(arguments == [.object([.init("x", .number("1"))]), .object([])])
        let again = readLines(stream.split(separator: "\n").map(String.init), .ollama)
        #expect(again.malformed == 0 && again.terminals == 1)
        #expect(again.answer.text == "a\n\"b\"" && again.answer.choices[0].reasoning == "why")
        #expect(again.answer.choices[0].toolCalls.map(\.id) == ["i", "call_1"])

        let whole = try script.whole(.ollama)
        #expect(whole["message"]?["content"] == .string("a\n\"b\"") && whole["message"]?["thinking"] == .string("why"))
        #expect(whole["message"]?["tool_calls"]?[0]?["function"]?["arguments"]?["x"]?.integer == 1)
        #expect(whole["done"] == .bool(true) && whole["eval_count"]?.integer == 4)
    }

    @Test("a client that parses every line gets no empty one, and one error as the end")
    func failure() throws {
        var encoder = OllamaCodec().streamEncoder(.plain())
        var output = ByteBuffer()
        encoder.heartbeat(into: &output)
        encoder.fail(ChatFailure(status: 502, message: "x"), requestID: "r", into: &output)
        encoder.finish(into: &output)
        encoder.heartbeat(into: &output)
        #expect(output.text == " {\"error\":\"x\"}\n")
        let refusal = try lines(of: AnswerScript(steps: [.finish(.refusal("no"))]).stream(.ollama))
        #expect(refusal.map { $0["message"]?["content"] } == [.string("no"), .string("")])
    }

    @Test("are handed on as lines to a client of the dialect")
    func passthrough() throws {
        var decoder = OllamaCodec().streamDecoder()
        var encoder = PassthroughStreamEncoder(.ollama, upstreamModel: "q", clientModel: "mine", wantsUsage: false)
        var event = DecodedEvent()
        var output = ByteBuffer()
        let items = [line(#""content":"a""#), line(#""content":"""#, #""done":true,"eval_count":1"#)]
        for item in items {
            let data = Array(item.utf8)
            try decoder.decode(data.span, named: [UInt8]().span, into: &event)
            encoder.encode(event, data: data.span, named: [UInt8]().span, into: &output)
        }
        encoder.finish(into: &output)
        let expected = items.map { $0.replacingOccurrences(of: "\"q\"", with: "\"mine\"") + "\n" }
        #expect(output.text == expected.joined())
    }

    @Test(
        "times are written as RFC 3339 has them",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_868_799, "2000-02-29T23:59:59Z"),
            (1_798_761_600, "2027-01-01T00:00:00Z"), (-5, "1970-01-01T00:00:00Z"),
        ])
    func times(seconds: Int, text: String) {
        #expect(AnswerTime.text(seconds) == text)
    }

    static let recordings: [URL] =
        RecordedStreamTests.recordings(in: ["ollama"], kind: "ndjson")

    @Test("recorded ones are read to an end and written again", arguments: recordings)
    func recorded(file: URL) throws {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        let first = readLines(lines, .ollama)
        let isError = file.lastPathComponent.contains("error")
        #expect(first.malformed == 0 && first.terminals == 1)
        #expect(first.ending == (isError ? .failed : .complete))
        guard !isError else { return }
        for dialect in [Dialect.ollama, .openAIChat] {
            var decoder = OllamaCodec().streamDecoder()
            var encoder = dialect.codec.streamEncoder(.plain())
            var event = DecodedEvent()
            var output = ByteBuffer()
            for item in lines {
                let data = Array(item.utf8)
                try decoder.decode(data.span, named: [UInt8]().span, into: &event)
                encoder.encode(event, from: data.span, into: &output)
            }
            encoder.finish(into: &output)
            let again =
                dialect == .ollama
                ? readLines(output.text.split(separator: "\n").map(String.init), .ollama).answer
                : try StreamReplay.replaying([output.storage]).accumulator
            #expect(again.text == first.answer.text && again.choices[0].reasoning == first.answer.choices[0].reasoning)
            #expect(again.choices[0].finish == first.answer.choices[0].finish)
            let calls = (again.choices[0].toolCalls, first.answer.choices[0].toolCalls)
            #expect(calls.0.map(\.name) == calls.1.map(\.name))
            #expect(
                try calls.0.map { try JSONValue($0.arguments).sorted } == calls.1.map { try JSONValue($0.arguments).sorted })
            if dialect == .ollama { #expect(again.usage == first.answer.usage) }
        }
    }
}
