// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import Testing

@testable import Dialects

/// Feeds a stream in pieces, which may not change a byte of what any client gets.
enum StreamCuts {
    /// Whether every place is tried rather than a sample: `SLUICE_EVERY_CUT=1`, which takes many minutes.
    static let triesAll = ProcessInfo.processInfo.environment["SLUICE_EVERY_CUT"] == "1"

    /// Places to cut a stream in two: all of a short one, else those in and round a few line ends and characters of more than one
    /// byte, and others at random.
    static func places(in bytes: [UInt8], most: Int, using random: inout SeededNumbers) -> [Int] {
        guard bytes.count > most, !triesAll else { return Array(0...bytes.count) }
        let near = bytes.indices.filter { bytes[$0] <= 0x0D || bytes[$0] >= 0x80 }
        var places: Set<Int> = []
        for _ in 0..<most / 2 {
            if let place = near.randomElement(using: &random) { places.insert(place + Int.random(in: 0...2, using: &random)) }
            places.insert(Int.random(in: 0...bytes.count, using: &random))
        }
        return places.map { min($0, bytes.count) }.sorted()
    }

    /// Expects the same bytes for all clients, who take turns with the cuts: in two at each place, and at all places at once in
    /// pieces of one byte and of random lengths.
    static func expectSameBytes(
        _ bytes: [UInt8], from provider: Dialect, _ places: [Int], using random: inout SeededNumbers
    ) throws {
        let wholes = try HubPassage.clients.map { try HubPassage.of([bytes[...]], from: provider, to: $0).output.storage }
        for (number, place) in places.enumerated() {
            let turn = number % wholes.count
            let cut = try HubPassage.of([bytes[..<place], bytes[place...]], from: provider, to: HubPassage.clients[turn])
            #expect(cut.output.storage == wholes[turn], "to \(HubPassage.clients[turn]), cut at \(place)")
        }
        for (turn, longest) in [1, 4, 60, 1500].enumerated() {
            var chunks: [ArraySlice<UInt8>] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...longest, using: &random))
                chunks.append(bytes[start..<end])
                start = end
            }
            let cut = try HubPassage.of(chunks, from: provider, to: HubPassage.clients[turn])
            let seed = RecordedStreamTests.seed
            #expect(cut.output.storage == wholes[turn], "to \(HubPassage.clients[turn]), in pieces of \(longest), seed \(seed)")
        }
    }
}
