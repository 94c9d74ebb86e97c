// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// A piece of a document that a model is asked about by itself.
package struct DocumentChunk: Sendable, Equatable {
    /// Where its text lies in the document, in bytes of UTF-8.
    package let range: Range<Int>
    /// How many bytes at its beginning are the end of the chunk before it, for context.
    package let overlap: Int

    package init(range: Range<Int>, overlap: Int) {
        self.range = range
        self.overlap = overlap
    }
}

/// Cuts a document where its structure allows it: before headings, at pages, paragraphs, lines, sentences, words, in this order.
///
/// The chunks without their overlaps are the text, whole and in order. The same text is always cut alike. No grapheme is cut unless
/// it alone is longer than a chunk, and then no scalar is.
package struct DocumentChunker: Sendable {
    /// Bytes of a chunk without its overlap, at most.
    private let size: Int
    /// Bytes of overlap, at most.
    private let overlap: Int
    /// Bytes behind a chunk's end that show whether a grapheme goes on.
    private static let lookahead = 64

    /// A chunker for chunks of about `tokens` with `overlap` of the chunk before; a token is estimated as four bytes.
    package init(tokens: Int, overlap: Int) {
        size = max(16, tokens) * 4
        self.overlap = min(max(0, overlap), max(16, tokens) / 2) * 4
    }

    /// The chunks of a text; none for an empty one. Linear in its length.
    package func chunks(of bytes: [UInt8]) -> [DocumentChunk] {
        var chunks: [DocumentChunk] = []
        var start = 0
        var previous = 0
        while start < bytes.count {
            let end = bytes.count - start <= size ? bytes.count : cut(bytes, from: start)
            let begin = start == 0 ? 0 : overlapStart(bytes, from: previous, to: start)
            chunks.append(DocumentChunk(range: begin..<end, overlap: start - begin))
            previous = start
            start = end
        }
        return chunks
    }

    /// How good a place for a cut is; more is better.
    private enum Rank: Int, Comparable {
        case inWord, word, sentence, line, paragraph, page, heading

        static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
    }

    /// The end of the chunk that begins at `start`: the best place in its second half, the last of equals.
    private func cut(_ bytes: [UInt8], from start: Int) -> Int {
        let limit = start + size
        var best: (rank: Rank, place: Int)?
        var anyWord: Int?
        DocumentChunker.forEachBoundary(bytes, start..<min(bytes.count, limit + DocumentChunker.lookahead)) { place in
            guard place <= limit else { return false }
            let rank = DocumentChunker.rank(of: place, in: bytes)
            if place - start >= size / 2 {
                if best.map({ rank >= $0.rank }) ?? true { best = (rank, place) }
            } else if rank > .inWord {
                anyWord = place
            }
            return true
        }
        guard let best else { return anyWord ?? DocumentChunker.scalarStart(bytes, atOrBefore: limit, after: start) }
        return best.rank == .inWord ? anyWord ?? best.place : best.place
    }

    /// Where the overlap before `end` begins: at a line if it can, else at a word, never inside a grapheme.
    private func overlapStart(_ bytes: [UInt8], from start: Int, to end: Int) -> Int {
        guard overlap > 0 else { return end }
        var best: (rank: Rank, place: Int)?
        DocumentChunker.forEachBoundary(bytes, start..<end) { place in
            guard end - place <= overlap, place < end else { return true }
            let rank = min(DocumentChunker.rank(of: place, in: bytes), .line)
            // In the first half of the room there is, so that a line that is too near does not take the context away.
            if best == nil || (rank > best?.rank ?? .inWord && end - place >= overlap / 2) { best = (rank, place) }
            return true
        }
        return best?.place ?? end
    }

    /// Tells the ends of the graphemes in a range until told to stop; the range begins at one.
    private static func forEachBoundary(_ bytes: [UInt8], _ range: Range<Int>, _ tell: (Int) -> Bool) {
        let end =
            range.upperBound < bytes.count
            ? scalarStart(bytes, atOrBefore: range.upperBound, after: range.lowerBound) : range.upperBound
        var place = range.lowerBound
        for character in String(decoding: bytes[range.lowerBound..<end], as: UTF8.self) {
            place += character.utf8.count
            // The last may go on behind the range.
            guard place < end, tell(place) else { return }
        }
    }

    /// The start of the scalar at or before `place`; `place` itself where there is none behind `start`.
    private static func scalarStart(_ bytes: [UInt8], atOrBefore place: Int, after start: Int) -> Int {
        var index = place
        while index > start, bytes[index] & 0xC0 == 0x80 { index -= 1 }
        return index > start ? index : place
    }

    private static func rank(of place: Int, in bytes: [UInt8]) -> Rank {
        let before = bytes[place - 1]
        switch before {
        case 0x0C: return .page
        case ASCII.lineFeed:
            if isHeading(bytes, at: place) { return .heading }
            let line = place > 1 && bytes[place - 2] == ASCII.carriageReturn ? place - 2 : place - 1
            return line > 0 && bytes[line - 1] == ASCII.lineFeed ? .paragraph : .line
        case ASCII.space, ASCII.tab:
            let end = place > 1 ? bytes[place - 2] : before
            return [ASCII.point, UInt8(ascii: "!"), UInt8(ascii: "?")].contains(end) ? .sentence : .word
        default:
            // The full stop of Chinese and Japanese, U+3002, has no space after it.
            let isFullStop = before == 0x82 && place > 2 && bytes[place - 2] == 0x80 && bytes[place - 3] == 0xE3
            return isFullStop ? .sentence : .inWord
        }
    }

    /// Whether the line at `place` is a heading: of Markdown, or one that counts units, weeks and their like.
    private static func isHeading(_ bytes: [UInt8], at place: Int) -> Bool {
        let line = bytes[place..<min(bytes.count, place + 120)].prefix { $0 != ASCII.lineFeed }
        let marks = line.prefix { $0 == UInt8(ascii: "#") }.count
        if (1...6).contains(marks) { return line.dropFirst(marks).first == ASCII.space }
        let words = String(decoding: line, as: UTF8.self).lowercased().split(separator: " ", maxSplits: 2)
        guard words.count > 1, ["chapter", "unit", "week", "part", "section", "module", "lecture", "lesson"].contains(words[0])
        else { return false }
        return words[1].utf8.first.map { ASCII.isDigit($0) || "ivxl".utf8.contains($0) } ?? false
    }
}
