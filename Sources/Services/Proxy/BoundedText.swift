// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// The beginning of a text, up to a limit in bytes.
struct BoundedText: Sendable {
    /// A place in the text, to go back to.
    struct Mark: Sendable {
        fileprivate let count: Int
        fileprivate let isTruncated: Bool
    }

    /// Whether something was left out because the limit was reached; from then on nothing is kept.
    private(set) var isTruncated = false
    private let limit: Int
    private var kept = ByteBuffer()

    init(limit: Int) { self.limit = max(0, limit) }

    /// What is kept, with U+FFFD for what is not UTF-8.
    var text: String { String(decoding: kept.storage, as: UTF8.self) }

    /// Appends what the limit allows, cut between two characters, also where these come in pieces.
    mutating func append(_ bytes: Span<UInt8>) {
        guard !isTruncated else { return }
        let room = min(bytes.count, limit &- kept.count)
        kept.append(bytes, 0..<room)
        guard bytes.count > room else { return }
        isTruncated = true
        // What was cut may be in the middle of a character.
        if bytes[room] & 0xC0 == 0x80 { dropLastCharacter() }
    }

    /// The end of what is kept now.
    var mark: Mark { Mark(count: kept.count, isTruncated: isTruncated) }

    /// Takes back what came after a mark of the same text.
    mutating func goBack(to mark: Mark) {
        kept.truncate(to: mark.count)
        isTruncated = mark.isTruncated
    }

    private mutating func dropLastCharacter() {
        for _ in 0..<4 where !kept.isEmpty {
            let last = kept.bytes[kept.count &- 1]
            kept.truncate(to: kept.count &- 1)
            guard last & 0xC0 == 0x80 else { return }
        }
    }
}
