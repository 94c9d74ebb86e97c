// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Dialects

/// Replays recorded streams when they lie beside the repository; they are not part of it.
@Suite("Recorded streams")
struct RecordedStreamTests {
    static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func recordings(in folders: [String]) -> [URL] {
        // A worktree lies one level deeper than the repository.
        let roots = [directory, directory.deletingLastPathComponent()].map {
            $0.appendingPathComponent("shared/protocol/fixtures")
        }
        return roots.flatMap { root in
            folders.flatMap { folder in
                let place = root.appendingPathComponent(folder)
                let files = try? FileManager.default.contentsOfDirectory(
                    at: place, includingPropertiesForKeys: nil)
                return (files ?? []).filter { $0.pathExtension == "sse" }
            }
        }.sorted { $0.path < $1.path }
    }

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
}
