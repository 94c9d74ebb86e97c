// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

/// Replays recorded streams when they lie beside the repository; they are not part of it.
@Suite("Recorded Responses streams")
struct ResponsesRecordedTests {
    static let files = RecordedStreamTests.recordings(in: ["openai-responses"])

    /// Whole answers, beside the folder of the streams.
    static var wholeFiles: [URL] {
        guard let root = files.first?.deletingLastPathComponent().deletingLastPathComponent() else { return [] }
        let folder = root.appendingPathComponent("nonstream/openai-responses")
        let all = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (all ?? []).filter { $0.pathExtension == "json" && !$0.lastPathComponent.hasSuffix(".req.json") }
            .sorted { $0.path < $1.path }
    }

    /// The events of the first response; some files hold several, one after the other.
    private static func events(of file: URL) throws -> [(name: String, data: String)] {
        let all = try RecordedStreamTests.events(of: file)
        let end = all.firstIndex { event in
            let value = try? JSONValue(parsing: event.data.utf8.span)
            return value?["type"] == .string("response.completed")
        }
        return end.map { Array(all[...$0]) } ?? all
    }

    private static func replay(_ file: URL, to target: Dialect) throws -> ResponsesReplay {
        var replay = ResponsesReplay(
            from: .openAIResponses, to: target,
            .responses { chat in
                chat.tools = [ChatTool(name: "write_sql", kind: .custom(format: nil))]
            })
        for event in try events(of: file) { replay.feed(event.data, named: event.name) }
        return replay
    }

    private static func expectSame(_ first: ChatAccumulator, _ second: ChatAccumulator) {
        #expect(second.choices.count == first.choices.count)
        for (first, second) in zip(first.choices, second.choices) {
            #expect(second.text == first.text)
            #expect(second.reasoning == first.reasoning)
            #expect(second.refusal == first.refusal)
            #expect(second.toolCalls.map(\.name) == first.toolCalls.map(\.name))
            #expect(second.toolCalls.map(\.id) == first.toolCalls.map(\.id))
            #expect(second.toolCalls.map(\.arguments) == first.toolCalls.map(\.arguments))
            #expect(second.finish == first.finish)
        }
        #expect(second.usage?.input == first.usage?.input)
        #expect(second.usage?.output == first.usage?.output)
    }

    @Test("are read to one end and say what their last event says", arguments: files)
    func decode(file: URL) throws {
        let replay = try Self.replay(file, to: .openAIChat)
        #expect(replay.malformedCount == 0)
        #expect(replay.terminalCount == 1)
        let isError = file.lastPathComponent.contains("openai-error")
        #expect(replay.decoder.ending == (isError ? .failed : .complete))
        // What the deltas said must be what the whole response says.
        for event in try Self.events(of: file) where event.data.contains("\"response.completed\"") {
            guard let value = try? JSONValue(parsing: event.data.utf8.span), let response = value["response"],
                value["type"] == .string("response.completed"), let output = response["output"]?.elements
            else { continue }
            let said = try #require(replay.said)
            let text = output.filter { $0["type"] == .string("message") }.flatMap { $0["content"]?.elements ?? [] }
                .compactMap { $0["text"]?.string }.joined()
            // In one file somebody shortened the text, but not in the deltas.
            let isEdited = file.lastPathComponent.contains("openai-shell-container.1")
            #expect(said.text == text || isEdited)
            let calls = output.filter { ["function_call", "custom_tool_call"].contains($0["type"]?.string) }
            #expect(said.toolCalls.map(\.id) == calls.compactMap { $0["call_id"]?.string })
            #expect(said.toolCalls.map(\.text) == calls.compactMap { ($0["arguments"] ?? $0["input"])?.string })
            let reasoning = output.filter { $0["type"] == .string("reasoning") }
                .flatMap { ($0["summary"]?.elements ?? []) + ($0["content"]?.elements ?? []) }
                .compactMap { $0["text"]?.string }.filter { !$0.isEmpty }.joined(separator: "\n\n")
            if !reasoning.isEmpty { #expect(said.reasoning.filter { $0 != "\n" } == reasoning.filter { $0 != "\n" }) }
            var whole = DecodedEvent()
            let bytes = ByteBuffer.jsonText(response)
            try ResponsesCodec().decodeWhole(bytes.bytes, into: &whole)
            var answer = ChatAccumulator()
            answer.append(whole, of: bytes.bytes)
            #expect(answer.text == text)
            #expect(answer.choices.first?.finish == said.finish && answer.usage == replay.accumulator.usage)
        }
    }

    @Test("say the same once they were written and read again", arguments: files)
    func again(file: URL) throws {
        let first = try Self.replay(file, to: .openAIResponses)
        #expect(first.written.count == first.output.text.components(separatedBy: "data: {\"type\"").count - 1)
        let numbers = first.written.compactMap { $0["sequence_number"]?.integer }
        #expect(numbers == Array(0..<first.written.count))
        let second = try ResponsesReplay.of(first.output.text)
        #expect(second.malformedCount == 0 && second.terminalCount == 1)
        #expect(second.decoder.ending == first.decoder.ending)
        Self.expectSame(first.accumulator, second.accumulator)
        let kinds = { (replay: ResponsesReplay) in replay.said?.parts.map(\.kind) ?? [] }
        #expect(kinds(second) == kinds(first))
    }

    @Test("say the same in chat completions", arguments: files)
    func chat(file: URL) throws {
        let first = try Self.replay(file, to: .openAIChat)
        let second = try ResponsesReplay.of(first.output.text, from: .openAIChat)
        #expect(second.malformedCount == 0 && second.terminalCount == 1)
        Self.expectSame(first.accumulator, second.accumulator)
    }

    @Test("are handed on as they came", arguments: files)
    func passThrough(file: URL) throws {
        var decoder = ResponsesStreamDecoder()
        var encoder = PassthroughStreamEncoder(.openAIResponses, upstreamModel: "m", clientModel: "m", wantsUsage: false)
        var event = DecodedEvent()
        var output = ByteBuffer()
        let events = try Self.events(of: file)
        for item in events {
            let (data, name) = (Array(item.data.utf8), Array(item.name.utf8))
            try decoder.decode(data.span, named: name.span, into: &event)
            encoder.encode(event, data: data.span, named: name.span, into: &output)
        }
        encoder.finish(into: &output)
        let isError = file.lastPathComponent.contains("openai-error")
        let written = output.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.count
        #expect(written == events.count { $0.data != "[DONE]" } - (isError ? 2 : 0))
    }

    @Test(
        "in one piece are read, written and read again",
        arguments: wholeFiles)
    func whole(file: URL) throws {
        let body = [UInt8](try Data(contentsOf: file))
        let value = try JSONValue(parsing: body.span)
        guard value["object"] == .string("response") else { return }
        var event = DecodedEvent()
        try ResponsesCodec().decodeWhole(body.span, into: &event)
        var answer = ChatAccumulator()
        answer.append(event, of: body.span)
        #expect(answer.failure != nil || answer.choices.first?.finish != nil)
        var written = ByteBuffer()
        ResponsesCodec().writeAnswer(answer, .responses(), into: &written)
        var again = ChatAccumulator()
        guard answer.failure == nil else { return }
        try ResponsesCodec().decodeWhole(written.bytes, into: &event)
        again.append(event, of: written.bytes)
        Self.expectSame(answer, again)
        #expect(again.choices.first?.parts.map(\.kind) == answer.choices.first?.parts.map(\.kind))
    }

    @Test("give the same bytes however they are cut", arguments: files)
    func cuts(file: URL) throws {
        let bytes = [UInt8](try Data(contentsOf: file))
        let whole = try ResponsesReplay.of(String(decoding: bytes, as: UTF8.self), to: .openAIResponses)
        var random = SystemRandomNumberGenerator()
        for longest in [3, 700] {
            var chunks: [[UInt8]] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...longest, using: &random))
                chunks.append(Array(bytes[start..<end]))
                start = end
            }
            var cut = ResponsesReplay(from: .openAIResponses, to: .openAIResponses, .responses())
            try cut.feed(chunks: chunks)
            #expect(cut.output.text == whole.output.text)
        }
    }
}

extension ByteBuffer {
    /// A value as JSON text.
    static func jsonText(_ value: JSONValue) -> ByteBuffer {
        var buffer = ByteBuffer()
        value.write(into: &buffer)
        return buffer
    }
}
