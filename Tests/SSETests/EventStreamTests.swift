// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import SSE

/// What a parser said about chunks, in values that can be compared.
struct Heard: Equatable {
    var events: [StreamCase.Event] = []
    var sawComment = false
    var lastID = ""
    var error: EventStreamError?

    init(_ chunks: [[UInt8]], limit: Int = 32 << 20, end: EventStreamEnd = .dropUnfinished) {
        var parser = EventStreamParser(limit: limit)
        var events: [StreamCase.Event] = []
        let note = { (data: Span<UInt8>, fields: EventFields) in
            events.append(.init(name: fields.name, data: String(repairing: data), id: fields.lastEventID))
        }
        do throws(EventStreamError) {
            for chunk in chunks where try parser.feed(chunk.span, note) { sawComment = true }
            try parser.finish(end, note)
        } catch {
            self.error = error
        }
        self.events = events
        lastID = parser.lastEventID
    }
}

@Suite("EventStreamParser") struct EventStreamParserTests {
    @Test("reads what the standard says", arguments: StreamCase.all)
    func standard(_ item: StreamCase) {
        let heard = Heard(item.chunks ?? [item.bytes])
        #expect(heard.events == item.events)
        #expect(heard.lastID == item.lastID)
        #expect(heard.error == nil)
        if let hasComment = item.hasComment { #expect(heard.sawComment == hasComment) }
    }

    @Test("reads the same events byte by byte", arguments: StreamCase.all)
    func byteByByte(_ item: StreamCase) {
        #expect(Heard(item.bytes.map { [$0] }) == Heard([item.bytes]))
    }

    @Test("reads the same events at every split into two", arguments: StreamCase.all)
    func splits(_ item: StreamCase) {
        // Of a very long stream the ends and a sample of the middle say all.
        let step = max(1, item.bytes.count / 2000)
        let whole = Heard([item.bytes])
        for cut in stride(from: 0, through: item.bytes.count, by: step) {
            let heard = Heard([Array(item.bytes[..<cut]), [], Array(item.bytes[cut...])])
            #expect(heard == whole, "cut at \(cut)")
        }
    }

    @Test("hands out a single data line where it stands in the chunk") func noCopy() throws {
        let chunk = Array("event: e\ndata: abc\n\n".utf8)
        var isInside = false
        var parser = EventStreamParser()
        try chunk.withUnsafeBufferPointer { bytes in
            _ = try parser.feed(bytes.span) { data, _ in
                data.withUnsafeBufferPointer { isInside = $0.baseAddress == bytes.baseAddress! + 15 }
            }
        }
        #expect(isInside)
    }

    @Test(
        "ends a stream without its last blank line as asked",
        arguments: [
            ("data: a\n\ndata: b\n", 1, 2, 2), ("data: a\n\ndata: b", 1, 1, 2), ("data: a\n\n", 1, 1, 1),
            ("data: b\ndata: c", 0, 1, 1), ("event: x\n", 0, 0, 0),
        ])
    func ends(_ stream: String, dropped: Int, complete: Int, everything: Int) {
        let chunks = [Array(stream.utf8)]
        #expect(Heard(chunks).events.count == dropped)
        #expect(Heard(chunks, end: .dispatchCompleteLines).events.count == complete)
        #expect(Heard(chunks, end: .dispatchEverything).events.count == everything)
    }

    @Test("takes a line of 16 MB in small chunks") func longLine() {
        let piece = [UInt8](repeating: 0x78, count: 16 << 10)
        let chunks = [Array("data: ".utf8)] + Array(repeating: piece, count: 1024) + [Array("\n\n".utf8)]
        #expect(Heard(chunks).events.first?.data.utf8.count == 16 << 20)
        var parser = EventStreamParser()
        #expect(throws: EventStreamError.tooLong(limit: 8 << 20)) {
            for chunk in chunks { try parser.feed(chunk.span) { _, _ in } }
        }
    }

    @Test(
        "refuses what passes its limit, the same at every split",
        arguments: [
            ("data: ok\n\ndata: 0123456789\n\n", true), ("data: 01234567\ndata: 01234567\n\n", true),
            (": 0123456789012\n", true), ("data: 0123456\n\n", false),
            ("data: 0123456\ndata: 012\n\n", false),
            ("data: 0\n\n0123456789abcde", true),
        ])
    func limit(_ stream: String, isRefused: Bool) {
        let bytes = Array(stream.utf8)
        let whole = Heard([bytes], limit: 14)
        #expect(whole.error == (isRefused ? .tooLong(limit: 14) : nil))
        for cut in 0...bytes.count {
            #expect(Heard([Array(bytes[..<cut]), Array(bytes[cut...])], limit: 14) == whole, "cut at \(cut)")
        }
    }

    @Test("stays terminated once the limit is passed") func terminated() {
        var parser = EventStreamParser(limit: 4)
        #expect(throws: EventStreamError.tooLong(limit: 4)) {
            try parser.feed(Array("data: a".utf8).span) { _, _ in }
        }
        #expect(throws: EventStreamError.tooLong(limit: 4)) {
            try parser.feed(Array("\n".utf8).span) { _, _ in }
        }
        #expect(throws: EventStreamError.tooLong(limit: 4)) { try parser.finish { _, _ in } }
    }
}
