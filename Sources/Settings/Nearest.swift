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

    /// Edits from one text to the other: insertions, deletions, replacements (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
