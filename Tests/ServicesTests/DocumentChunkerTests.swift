// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Services

@Suite("DocumentChunker")
struct DocumentChunkerTests {
    private static func random(_ seed: UInt64, length: Int) -> String {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            "word ", "a", "é", "e\u{301}\u{327}", "👩‍👩‍👧‍👦", "🇩🇪", "。", ". ", "\n", "\r\n", "\n\n", "\u{0C}", "# Heading\n",
            "Week 3: Trees\n",
            "देवनागरी ", "한국어", " \u{301}", "\t", "! ", "0123456789",
        ]
        return (0..<length).map { _ in pieces[next(pieces.count)] }.joined()
    }

    @Test("chunks without their overlaps are the text, and no grapheme is cut", arguments: 1...60 as ClosedRange<UInt64>)
    func whole(_ seed: UInt64) {
        let text = Self.random(seed, length: Int(seed) * 37)
        let bytes = Array(text.utf8)
        let chunker = DocumentChunker(tokens: 16 + Int(seed) * 3, overlap: Int(seed % 8) * 4)
        let chunks = chunker.chunks(of: bytes)
        var joined: [UInt8] = []
        var boundaries: Set<Int> = [0]
        var place = 0
        for character in text {
            place += character.utf8.count
            boundaries.insert(place)
        }
        for chunk in chunks {
            joined += bytes[(chunk.range.lowerBound + chunk.overlap)..<chunk.range.upperBound]
            #expect(boundaries.contains(chunk.range.lowerBound))
            #expect(boundaries.contains(chunk.range.upperBound))
            #expect(chunk.range.count - chunk.overlap <= (16 + Int(seed) * 3) * 4)
            #expect(chunk.overlap <= Int(seed % 8) * 16)
        }
        #expect(joined == bytes)
        #expect(chunker.chunks(of: bytes) == chunks)
        #expect(chunks.first?.overlap ?? 0 == 0)
    }

    @Test("a cut is made before a heading rather than in a paragraph before it")
    func headings() {
        let paragraph = String(repeating: "Some words here. ", count: 12) + "\n"
        let text = paragraph + "## Second\n" + paragraph + paragraph
        let chunks = DocumentChunker(tokens: 75, overlap: 0).chunks(of: Array(text.utf8))
        #expect(chunks[0].range.upperBound == paragraph.utf8.count)
    }

    @Test("pages, paragraphs, lines, sentences and words are preferred in this order")
    func order() {
        let filler = String(repeating: "x", count: 150)
        for (better, worse) in [("\u{0C}", "\n\n"), ("\n\n", "\n"), ("\n", ". "), (". ", " "), ("。", " ")] {
            let text = filler + better + "aaaa" + worse + String(repeating: "y", count: 300)
            let chunks = DocumentChunker(tokens: 64, overlap: 0).chunks(of: Array(text.utf8))
            #expect(chunks[0].range.upperBound == 150 + better.utf8.count, "\(better.debugDescription)")
        }
    }

    @Test("a grapheme longer than a chunk is cut between scalars")
    func giant() {
        let text = "a" + String(repeating: "\u{301}", count: 500)
        let bytes = Array(text.utf8)
        let chunks = DocumentChunker(tokens: 16, overlap: 4).chunks(of: bytes)
        #expect(chunks.count > 10)
        #expect(chunks.allSatisfy { String(validating: bytes[$0.range], as: UTF8.self) != nil })
        #expect(chunks.last?.range.upperBound == bytes.count)
    }

    @Test("an empty text has no chunk, a short one has one")
    func short() {
        let chunker = DocumentChunker(tokens: 100, overlap: 10)
        #expect(chunker.chunks(of: []).isEmpty)
        #expect(chunker.chunks(of: Array("short".utf8)) == [DocumentChunk(range: 0..<5, overlap: 0)])
    }
}
