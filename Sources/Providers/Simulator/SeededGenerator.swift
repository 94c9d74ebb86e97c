// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Random numbers that a seed decides (SplitMix64): the same seed tells the same story.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Sixteen hexadecimal digits.
    mutating func hexadecimal() -> String {
        let digits = String(next(), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// Sentences without a meaning, but with the shape of some.
enum Prose {
    private static let subjects = ["The river", "A heron", "The old lock", "Every barge", "The keeper", "Rain"]
    private static let verbs = ["carries", "remembers", "opens", "follows", "lifts", "forgets"]
    private static let objects = ["the morning", "a slow current", "the gate", "its own weight", "the far bank", "light"]

    /// `count` tokens: words with a space before all but the first.
    static func tokens(_ count: Int, _ generator: inout SeededGenerator) -> [String] {
        var tokens: [String] = []
        while tokens.count < count {
            let sentence = [subjects, verbs, objects].map { $0[Int(generator.next() % 6)] }.joined(separator: " ") + "."
            for word in sentence.split(separator: " ") where tokens.count < count {
                tokens.append(tokens.isEmpty ? String(word) : " \(word)")
            }
        }
        return tokens
    }
}
