// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import Testing

@testable import Dialects

/// A small repeatable source of numbers (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Replays recorded streams when they lie beside the repository; they are not part of it.
@Suite("Recorded streams")
struct RecordedStreamTests {
    static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func recordings(in folders: [String], kind: String = "sse") -> [URL] {
        // A worktree lies one level deeper than the repository.
        var roots = [directory, directory.deletingLastPathComponent()].map {
            $0.appendingPathComponent("shared/protocol/fixtures")
        }
        if let named = ProcessInfo.processInfo.environment["SLUICE_FIXTURES"] {
            roots = [URL(fileURLWithPath: named)]
        }
        return roots.flatMap { root in
            folders.flatMap { folder in
                let place = root.appendingPathComponent(folder)
                let files = try? FileManager.default.contentsOfDirectory(
                    at: place, includingPropertiesForKeys: nil)
                return (files ?? []).filter { $0.pathExtension == kind }
            }
        }.sorted { $0.path < $1.path }
    }

    /// Where recordings are cut follows from this number; `SLUICE_TEST_SEED` repeats a run.
    static let seed: UInt64 = {
        let named = ProcessInfo.processInfo.environment["SLUICE_TEST_SEED"].flatMap { UInt64($0) }
        let seed = named ?? UInt64.random(in: 0...UInt64.max)
        print("recordings are cut with SLUICE_TEST_SEED=\(seed)")
        return seed
    }()

    /// The events of a stream, by the simple rules that recordings keep to.
    static func events(of file: URL) throws -> [(name: String, data: String)] {
        let text = try String(contentsOf: file, encoding: .utf8).replacingOccurrences(of: "\r\n", with: "\n")
        return text.components(separatedBy: "\n\n").compactMap { block in
            var name = ""
            var lines: [String] = []
            for line in block.components(separatedBy: "\n") {
                if line.hasPrefix("data:") {
                    let value = line.dropFirst(5)
                    lines.append(String(value.first == " " ? value.dropFirst() : value))
                } else if line.hasPrefix("event:") {
                    name = line.dropFirst(6).trimmingCharacters(in: .whitespaces)
                }
            }
            return lines.isEmpty ? nil : (name, lines.joined(separator: "\n"))
        }
    }

    @Test("pass through with the same payloads and end once", arguments: recordings(in: ["openai-chat"]))
    func passThrough(file: URL) throws {
        var replay = StreamReplay()
        let events = try Self.events(of: file)
        for event in events { replay.feed(event.data, named: event.name) }
        // A space before every second event makes none like the one before, so that each is read in full.
        var full = StreamReplay()
        for (number, event) in events.enumerated() {
            full.feed(String(repeating: " ", count: number % 2) + event.data, named: event.name)
        }
        #expect(full.accumulator.choices.map(\.text) == replay.accumulator.choices.map(\.text))
        #expect(full.accumulator.choices.map(\.reasoning) == replay.accumulator.choices.map(\.reasoning))
        #expect(full.decoder.ending == replay.decoder.ending)
        let isDerived = file.lastPathComponent.hasPrefix("derived-")
        if !isDerived {
            #expect(replay.malformedCount == 0)
            #expect(replay.terminalCount == 1)
            #expect(replay.decoder.ending == .complete)
            #expect(replay.payloads == events.map(\.data).filter { $0 != "[DONE]" })
        }
        #expect(replay.terminalCount <= 1)
    }

    @Test(
        "of those who imitate OpenAI are read to an end",
        arguments: recordings(in: [
            "compat-azure", "compat-deepseek", "compat-groq", "compat-llamacpp", "compat-misc",
            "compat-mistral",
            "compat-openrouter", "compat-vercel-gateway", "compat-vllm", "compat-xai", "digitalocean",
            "zhipu",
        ]))
    func imitators(file: URL) throws {
        var replay = StreamReplay()
        for event in try Self.events(of: file) { replay.feed(event.data, named: event.name) }
        #expect(replay.malformedCount == 0)
        #expect(replay.terminalCount <= 1)
        // Snowflake gives no finish reason at all, only [DONE].
        let isReasonless = file.lastPathComponent.contains("snowflake")
        let endings: [StreamEnding] = isReasonless ? [.unfinished] : [.complete, .failed]
        #expect(endings.contains(replay.decoder.ending))
    }

    @Test(
        "give the same bytes however they are cut",
        arguments: recordings(in: [
            "openai-chat", "compat-azure", "compat-deepseek", "compat-groq", "compat-llamacpp", "compat-misc",
            "compat-mistral", "compat-openrouter", "compat-vercel-gateway", "compat-vllm", "compat-xai",
        ]))
    func cuts(file: URL) throws {
        let bytes = [UInt8](try Data(contentsOf: file))
        let whole = try StreamReplay.replaying([bytes])
        #expect(!whole.output.isEmpty)
        var random = SeededNumbers(state: Self.seed)
        for longest in [1, 2, 7, 64, 1500, 1500] {
            var chunks: [[UInt8]] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...longest, using: &random))
                chunks.append(Array(bytes[start..<end]))
                start = end
            }
            let cut = try StreamReplay.replaying(chunks)
            #expect(cut.output.text == whole.output.text, "cut with seed \(Self.seed)")
            #expect(cut.decoder.ending == whole.decoder.ending)
            #expect(cut.malformedCount == whole.malformedCount && cut.terminalCount == whole.terminalCount)
            #expect(cut.accumulator.text == whole.accumulator.text)
            #expect(cut.accumulator.usage == whole.accumulator.usage)
        }
    }

    @Test(
        "say the same once they went through the hub",
        arguments: recordings(in: [
            "openai-chat", "compat-azure", "compat-deepseek", "compat-groq", "compat-llamacpp", "compat-misc",
            "compat-mistral", "compat-openrouter", "compat-vercel-gateway", "compat-vllm", "compat-xai",
            "digitalocean", "zhipu",
        ]))
    func hub(file: URL) throws {
        var decoder = OpenAIChatStreamDecoder()
        var encoder = OpenAIChatStreamEncoder(id: "chatcmpl-1", created: 1, model: "a\"b", wantsUsage: true)
        var event = DecodedEvent()
        var direct = ChatAccumulator()
        var output = ByteBuffer()
        for item in try Self.events(of: file) {
            let (data, name) = (Array(item.data.utf8), Array(item.name.utf8))
            guard (try? decoder.decode(data.span, named: name.span, into: &event)) != nil else { continue }
            if !event.isTerminal { direct.append(event, from: data.span) }
            encoder.encode(event, from: data.span, into: &output)
        }
        encoder.finish(into: &output)
        encoder.finish(into: &output)
        let again = try StreamReplay.replaying([output.storage])
        #expect(again.malformedCount == 0 && again.terminalCount == 1)
        #expect(again.accumulator.choices.map(\.index) == direct.choices.map(\.index))
        Self.expect(again.accumulator, toSay: direct)
    }

    /// Expects what an encoder made of an answer to say the same, but for what it puts right.
    static func expect(_ again: ChatAccumulator, toSay direct: ChatAccumulator) {
        for (first, second) in zip(direct.choices, again.choices) {
            #expect(second.text == first.text)
            #expect(second.reasoning == first.reasoning)
            #expect(second.refusal == first.refusal)
            #expect(second.logprobs.text == first.logprobs.text)
            #expect(second.parts.map(\.signature).filter { !$0.isEmpty } == first.parts.map(\.signature).filter { !$0.isEmpty })
            #expect(second.toolCalls.map(\.name) == first.toolCalls.map(\.name))
            // Nothing is no JSON, and what upstream left open was ended with the stream.
            #expect(second.toolCalls.map(\.arguments) == first.toolCalls.map { $0.arguments.isEmpty ? "{}" : $0.arguments })
            let isCall = (first.finish ?? .stop) == .stop && !first.toolCalls.isEmpty
            #expect(second.finish == (isCall ? .toolCalls : first.finish ?? .stop))
        }
        #expect(again.usage?.output == direct.usage?.output)
        #expect(again.usage?.input == direct.usage?.input)
        #expect(again.usage?.cached == direct.usage?.cached)
    }

    /// Whole answers, without the requests that lie beside them.
    static let answers = recordings(
        in: [
            "openai-chat", "compat-azure", "compat-deepseek", "compat-groq", "compat-llamacpp", "compat-misc",
            "compat-mistral", "compat-ollama-openai", "compat-openrouter", "compat-vercel-gateway", "compat-xai",
            "zhipu",
        ].map { "nonstream/" + $0 }, kind: "json"
    ).filter { !$0.lastPathComponent.contains(".req.") }

    @Test("that came whole say the same once they were written again, whole or as a stream", arguments: answers)
    func whole(file: URL) throws {
        let body = [UInt8](try Data(contentsOf: file))
        var event = DecodedEvent()
        try OpenAIChatCodec().decodeWhole(body.span, into: &event)
        var direct = ChatAccumulator()
        direct.append(event, from: body.span)
        #expect(direct.failure != nil || direct.choices.allSatisfy { $0.finish != nil })
        guard direct.failure == nil else { return }
        var chat = ChatRequest(model: "mine", messages: [])
        chat.includesUsage = true
        var output = ByteBuffer()
        OpenAIChatCodec().writeAnswer(direct, .plain(chat), into: &output)
        Self.expect(try wholeAnswer(output.text, of: OpenAIChatCodec()), toSay: direct)
        var encoder = OpenAIChatCodec().streamEncoder(.plain(chat))
        var stream = ByteBuffer()
        encoder.encode(event, from: body.span, into: &stream)
        encoder.finish(into: &stream)
        Self.expect(try StreamReplay.replaying([stream.storage]).accumulator, toSay: direct)
    }
}
