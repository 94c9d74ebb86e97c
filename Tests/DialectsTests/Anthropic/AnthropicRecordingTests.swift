// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

/// Replays recorded streams when they lie beside the repository; they are not part of it.
@Suite("Recorded Anthropic streams")
struct AnthropicRecordingTests {
    static let streams = RecordedStreamTests.recordings(in: ["anthropic"])

    /// What a client can see of a choice.
    private struct Seen: Equatable {
        var text: String
        var reasoning: String
        var calls: [[String]]
        var finish: FinishReason?

        init?(_ said: ChatAccumulator) {
            guard let choice = said.choices.first else { return nil }
            text = choice.text
            reasoning = choice.reasoning
            calls = choice.toolCalls.map { [$0.id, $0.name, $0.text] }
            finish = choice.finish
        }
    }

    private func replay(_ file: URL, to client: Dialect) throws -> DialectReplay {
        var replay = DialectReplay(from: .anthropic, to: client)
        for event in try RecordedStreamTests.events(of: file) { replay.feed(event.data, named: event.name) }
        replay.end()
        return replay
    }

    @Test("are read to one end, and written again say the same", arguments: streams)
    func again(file: URL) throws {
        let replay = try replay(file, to: .anthropic)
        #expect(replay.malformedCount == 0 && replay.terminalCount == 1)
        let fails = ["derived-midstream-overloaded", "vercel-spliced-message-start"]
        let isFailure = fails.contains { file.lastPathComponent.hasPrefix($0) }
        #expect(replay.decoder.ending == (isFailure ? .failed : .complete))
        for event in replay.events { #expect(event.data["type"]?.string == event.name) }
        let again = try replay.again(as: .anthropic)
        #expect(again.malformedCount == 0 && again.terminalCount == 1)
        guard !isFailure else {
            #expect(again.failure != nil)
            return
        }
        #expect(Seen(again.said) == Seen(replay.said))
        #expect(again.said.usage == replay.said.usage)
        let signatures = replay.said.choices.first?.parts.map(\.signature).filter { !$0.isEmpty }
        #expect(again.said.choices.first?.parts.map(\.signature).filter { !$0.isEmpty } == signatures)
    }

    @Test("say the same to a client of the chat dialect", arguments: streams)
    func chat(file: URL) throws {
        let replay = try replay(file, to: .openAIChat)
        let again = try replay.again(as: .openAIChat)
        #expect(again.malformedCount == 0 && again.terminalCount == 1)
        guard replay.failure == nil else {
            #expect(again.failure != nil)
            return
        }
        let (expected, found) = (Seen(replay.said), Seen(again.said))
        #expect(found?.text == expected?.text)
        #expect(found?.reasoning == expected?.reasoning)
        #expect(found?.calls == expected?.calls)
        if case .refusal = expected?.finish {
            #expect(found?.finish != .toolCalls)
        } else if found?.finish != expected?.finish {
            #expect(expected?.finish == .stop && found?.finish == .toolCalls)
        }
    }

    @Test("are handed on by a passthrough with the same bytes but the model's name", arguments: streams)
    func passthrough(file: URL) throws {
        let events = try RecordedStreamTests.events(of: file)
        guard events.contains(where: { $0.data.contains("message_stop") }) else { return }
        var decoder = AnthropicStreamDecoder()
        var encoder = PassthroughStreamEncoder(
            .anthropic, upstreamModel: "m", clientModel: "m", wantsUsage: true)
        var event = DecodedEvent()
        var buffer = ByteBuffer()
        var expected = ""
        for item in events {
            let (data, name) = (Array(item.data.utf8), Array(item.name.utf8))
            try decoder.decode(data.span, named: name.span, into: &event)
            encoder.encode(event, data: data.span, named: name.span, into: &buffer)
            let isFailure = decoder.ending == .failed
            if event.isAfterEnd || isFailure { continue }
            expected += (item.name.isEmpty ? "" : "event: \(item.name)\n") + "data: \(item.data)\n\n"
        }
        #expect(buffer.text == expected)
    }

    @Test(
        "give the same bytes however they are cut",
        arguments: streams.filter { file in
            ((try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0) < 20_000
        })
    func cuts(file: URL) throws {
        // The last event of some recordings lacks its blank line.
        let bytes = [UInt8](try Data(contentsOf: file)) + Array("\n\n".utf8)
        var whole = DialectReplay(from: .anthropic, to: .anthropic)
        try whole.feed(chunks: [bytes])
        for longest in [1, 7, 64, 1500] {
            var random = SystemRandomNumberGenerator()
            var chunks: [[UInt8]] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...longest, using: &random))
                chunks.append(Array(bytes[start..<end]))
                start = end
            }
            var cut = DialectReplay(from: .anthropic, to: .anthropic)
            try cut.feed(chunks: chunks)
            #expect(cut.output.storage == whole.output.storage)
        }
    }

    @Test(
        "of chat dialects say the same to an Anthropic client",
        arguments: RecordedStreamTests.recordings(in: [
            "openai-chat", "compat-deepseek", "compat-groq", "compat-mistral", "compat-openrouter", "compat-xai",
        ]))
    func fromChat(file: URL) throws {
        var replay = DialectReplay(from: .openAIChat, to: .anthropic, maker: "openai")
        for event in try RecordedStreamTests.events(of: file) { replay.feed(event.data, named: event.name) }
        guard replay.failure == nil, replay.decoder.ending == .complete, let choice = replay.said.choices.first else {
            return
        }
        replay.end()
        var next = 0
        for event in replay.events where event.name == "content_block_start" {
            #expect(event.data["index"]?.integer == next)
            next += 1
        }
        let again = try replay.again(as: .anthropic)
        #expect(again.malformedCount == 0 && again.decoder.ending == .complete)
        let found = try #require(again.said.choices.first)
        #expect(found.text == choice.parts.reduce("") { $0 + ([.text, .refusal].contains($1.kind) ? $1.text : "") })
        #expect(found.reasoning == choice.reasoning)
        #expect(found.toolCalls.map(\.name) == choice.toolCalls.map(\.name))
        for (mine, theirs) in zip(found.toolCalls, choice.toolCalls) {
            if case .customCall = theirs.kind { continue }
            #expect(mine.text == (theirs.text.isEmpty ? "{}" : theirs.text))
        }
        if let usage = replay.said.usage { #expect(again.said.usage?.output == usage.output) }
    }

    @Test("requests keep every member when they are written again", arguments: recordedRequests)
    func requests(file: URL) throws {
        let bytes = [UInt8](try Data(contentsOf: file))
        let before = try JSONValue(parsing: bytes.span)
        guard before["messages"] != nil, before["model"] != nil else { return }
        let chat = try AnthropicCodec().decodeRequest(bytes.span).chat
        let target = RequestTarget(model: chat.model, streams: chat.streams, maker: "anthropic")
        var buffer = ByteBuffer()
        let dropped = try AnthropicCodec().encodeRequest(chat, target, into: &buffer)
        let after = try JSONValue(parsing: buffer.bytes)
        #expect(dropped.isEmpty)
        for member in before.members ?? [] where !member.value.isNull {
            guard member.key != "messages", member.key != "stream" else { continue }
            #expect(after[member.key].map(Comparable.init) == Comparable(member.value), "\(member.key)")
        }
        let (mine, theirs) = (after["messages"]?.elements ?? [], before["messages"]?.elements ?? [])
        #expect(Comparable(.array(mine)) == Comparable(.array(theirs)))
    }

    static var recordedRequests: [URL] {
        let streams = streams.map { file in
            file.deletingPathExtension().appendingPathExtension("req.json")
        }
        return streams.filter { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// A value whose members are compared without regard to their order, and where `null` is nothing.
    struct Comparable: Equatable, CustomStringConvertible {
        let description: String

        init(_ value: JSONValue) {
            description = Self.text(value)
        }

        private static func text(_ value: JSONValue) -> String {
            switch value {
            case .object(let members):
                "{"
                    + members.filter { !$0.value.isNull }.map { "\($0.key):\(text($0.value))" }.sorted()
                    .joined(separator: ",") + "}"
            case .array(let elements): "[" + elements.map(text).joined(separator: ",") + "]"
            case .string(let text): "\"\(text)\""
            case .number(let raw): raw
            case .bool(let value): "\(value)"
            case .null: ""
            }
        }
    }
}
