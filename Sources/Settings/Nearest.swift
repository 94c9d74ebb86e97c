// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody meant who mistyped a name.
enum Nearest {
    /// The nearest candidate, if it is near enough to be meant: at most a third of the letters are wrong.
    static func name(to text: String, in candidates: [String]) -> String? {
        let typed = Array(text.utf8.prefix(64))
        let limit = max(1, typed.count / 3)
        let near = candidates.map { (distance(typed, Array($0.utf8)), $0) }.min { $0 < $1 }
        return near.flatMap { $0.0 <= limit ? $0.1 : nil }
    }

    /// A hint for the end of a message: the nearest name, or all when they are few.
    static func hint(for text: String, in candidates: [String]) -> String {
        if let near = name(to: text, in: candidates) { return "; did you mean '\(near)'?" }
        let sorted = candidates.sorted()
        return sorted.isEmpty || sorted.count > 24 ? "" : "; known: \(sorted.joined(separator: ", "))"
    }

    /// Edits from one text to the other: insertions, deletions, replacements, and neighbours swapped.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before = Array(0...right.count)
        var above = before
        for (i, a) in left.enumerated() {
            var row = [i + 1]
            for (j, b) in right.enumerated() {
                var best = min(above[j + 1] + 1, row[j] + 1, above[j] + (a == b ? 0 : 1))
                if i > 0, j > 0, a == right[j - 1], b == left[i - 1] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            before = above
            above = row
        }
        return above[right.count]
    }
}
