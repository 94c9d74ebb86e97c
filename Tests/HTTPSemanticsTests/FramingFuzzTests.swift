// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPSemantics

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

@Suite("RequestFraming under mutation")
struct FramingFuzzTests {
    private static let spice = wire("\r\n :;,0159afxX\t\0\u{7F}\u{80}\u{FF}\u{0B}+-_chunkedTransfer-Encoding")

    private static func mutate(_ bytes: [UInt8], _ numbers: inout SeededNumbers) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &numbers) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &numbers)
            let end = min(bytes.count, place + Int.random(in: 1...24, using: &numbers))
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case 1: bytes[place] = spice.randomElement(using: &numbers) ?? 0
            case 2: bytes.insert(spice.randomElement(using: &numbers) ?? 0, at: place)
            case 3: bytes.removeSubrange(place..<end)
            case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    /// `transcript` itself stops the test on a lack of progress, a range out of bounds or a second head.
    @Test("any bytes are framed the same in any pieces", arguments: 1...10)
    func mutations(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        var completed = 0
        var refused = 0
        for _ in 0..<5000 {
            let row = allCases[Int.random(in: 0..<allCases.count, using: &numbers)]
            let bytes = Self.mutate(row.bytes, &numbers)
            let whole = transcript(bytes)
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &numbers) }.sorted()
            let parts = transcript(bytes, cuts: cuts)
            if parts != whole { Issue.record("\(row.id) cut at \(cuts): \(bytes)") }
            if whole.contains(.end) { completed += 1 }
            if case .violation? = whole.last { refused += 1 }
            for case .head(let head, let message) in whole where message.body == .chunked {
                #expect(head.fields["Content-Length"] == nil && head.minorVersion == 1)
            }
        }
        #expect(completed > 100 && refused > 1000)
    }
}
