// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Dialects

/// Damages the provider's streams of the transcripts. Whatever comes, a client of another dialect gets a stream that
/// keeps all rules of its own: events in their order, ids that do not change, JSON that can be read, and one end.
@Suite("Damaged streams")
struct DamagedStreamTests {
    /// One kind of damage at a place that the numbers choose.
    private static func damage(_ bytes: [UInt8], with numbers: inout SeededNumbers) -> [UInt8] {
        var damaged = bytes
        let place = Int.random(in: 0..<bytes.count, using: &numbers)
        let length = min(bytes.count - place, Int.random(in: 1...40, using: &numbers))
        switch Int.random(in: 0..<6, using: &numbers) {
        case 0: damaged[place] = UInt8.random(in: 0...255, using: &numbers)
        case 1: damaged.removeSubrange(place..<place + length)
        case 2: damaged.insert(contentsOf: bytes[place..<place + length], at: place)
        case 3: damaged.removeSubrange(place...)
        case 4:
            // An event is told twice.
            let text = String(decoding: bytes, as: UTF8.self)
            var blocks = text.split(separator: "\n\n", omittingEmptySubsequences: false).map(String.init)
            guard let block = blocks.indices.randomElement(using: &numbers) else { return bytes }
            blocks.insert(blocks[block], at: block)
            return Array(blocks.joined(separator: "\n\n").utf8)
        default:
            // Two events change places.
            let text = String(decoding: bytes, as: UTF8.self)
            var blocks = text.split(separator: "\n\n", omittingEmptySubsequences: false).map(String.init)
            let (first, second) = (
                Int.random(in: 0..<blocks.count, using: &numbers), Int.random(in: 0..<blocks.count, using: &numbers)
            )
            blocks.swapAt(first, second)
            return Array(blocks.joined(separator: "\n\n").utf8)
        }
        return damaged
    }

    @Test("reach clients as streams that keep every rule", arguments: TranscriptTests.streams)
    func damaged(transcript: Transcript) throws {
        var numbers = SeededNumbers(state: RecordedStreamTests.seed ^ UInt64(transcript.bytes.count))
        let clients = HubPassage.clients.filter { $0 != transcript.provider }
        for round in 0..<24 {
            let bytes = Self.damage(transcript.bytes, with: &numbers)
            let client = clients[round % clients.count]
            let passage = try HubPassage.of([bytes[...]], from: transcript.provider, to: client)
            let problems = ClientStreamRules.problems(in: passage.output.text, for: client)
            let sent = String(decoding: bytes, as: UTF8.self)
            #expect(problems.isEmpty, "seed \(RecordedStreamTests.seed), to \(client): \(problems)\n\(sent)")
        }
    }
}
