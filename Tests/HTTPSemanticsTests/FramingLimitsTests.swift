// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPSemantics

/// Feeds a flood in pieces of 4 KiB until the machine refuses; nil when it takes everything.
private func flood(
    _ start: [UInt8], _ piece: [UInt8], bytes limit: Int
) -> (violation: FramingViolation, taken: Int, held: Int)? {
    var framing = RequestFraming()
    var taken = 0
    var pending = start
    while taken < limit {
        var from = 0
        reading: while true {
            let (consumed, event) = framing.feed(pending.span.extracting(from...))
            from += consumed
            taken += consumed
            switch event {
            case .violation(let violation): return (violation, taken, framing.head.capacity)
            case .needMore, .end: break reading
            case .head, .body: continue
            }
        }
        #expect(framing.head.capacity <= 256 << 10)
        pending = piece
    }
    return nil
}

private func repeated(_ text: String, atLeast count: Int = 4096) -> [UInt8] {
    let unit = wire(text)
    return Array(repeatElement(unit, count: count / unit.count + 1).joined())
}

@Suite("Framing limits")
struct FramingLimitsTests {
    static let floods: [(String, [UInt8], [UInt8], FramingViolation, Int)] = [
        ("L01 L02 a target without end", wire("GET /"), repeated("a"), .targetTooLong, 8 << 10),
        ("L04 a name without end", wire("GET / HTTP/1.1\r\n"), repeated("n"), .headTooLarge, 64 << 10),
        ("L05 many fields", wire("GET / HTTP/1.1\r\n"), repeated("A: b\r\n"), .tooManyFields, 1 << 10),
        ("L07 a value without end", wire("GET / HTTP/1.1\r\nX: "), repeated("v"), .headTooLarge, 64 << 10),
        ("L07 blanks without end", wire("GET / HTTP/1.1\r\nX:"), repeated(" "), .headTooLarge, 64 << 10),
        ("L08 a chunk size without end", post(chunkedLine), repeated("0"), .chunkSize, 1 << 10),
        ("F45 an extension without end", post(chunkedLine, "5;a"), repeated("a"), .chunkLineTooLong, 1 << 10),
        ("L09 a request line without end", wire(""), repeated("A"), .method, 1 << 10),
        (
            "F95 trailers without end", post(chunkedLine, "0\r\n"), repeated("A: b\r\n"),
            .trailerTooLarge, 9 << 10
        ),
        (
            "F98 one-byte chunks", post(chunkedLine), repeated("1\r\nx\r\n", atLeast: 5),
            .chunkOverhead, 120 << 10
        ),
        (
            "F98 one-byte chunks with extensions", post(chunkedLine), repeated("1;a=b\r\nx\r\n", atLeast: 9),
            .chunkOverhead, 120 << 10
        ),
        (
            "L13 chunks beyond the limit", post(chunkedLine),
            wire("10000\r\n") + repeated("z", atLeast: 65535) + wire("\r\n"), .bodyTooLarge, 33 << 20
        ),
    ]

    @Test("a flood is refused early and held in little memory", arguments: floods.indices)
    func refused(_ index: Int) throws {
        let (name, start, piece, violation, most) = Self.floods[index]
        let found = try #require(flood(start, piece, bytes: 64 << 20), "\(name)")
        #expect(found.violation == violation, "\(name)")
        #expect(found.taken <= most + 16, "\(name)")
        #expect(found.held == 0, "\(name)")
    }

    @Test("L11 L12 a declared terabyte is refused with the head, and nobody is told to continue")
    func declared() {
        let bytes = post("Content-Length: 1000000000000\r\nExpect: 100-continue\r\n")
        #expect(transcript(bytes) == [.violation(.bodyTooLarge)])
    }

    @Test("L15 a body of 4 MB is taken whole, by length or in chunks")
    func image() {
        let body = String(repeating: "i", count: 4 << 20)
        #expect(summary(transcript(post(length(body), body))) == ["POST \(chatPath) \(4 << 20)"])
        let chunked = post(chunkedLine, "400000\r\n\(body)\r\n0\r\n\r\n")
        #expect(summary(transcript(chunked)) == ["POST \(chatPath) \(4 << 20)"])
    }

    @Test("a body of small honest chunks is taken")
    func smallChunks() {
        let body = String(repeating: "a\r\n0123456789\r\n", count: 50_000)
        #expect(summary(transcript(post(chunkedLine, body + "0\r\n\r\n"))) == ["POST \(chatPath) 500000"])
    }

    @Test("exactly at a limit is within it", arguments: [0, 1])
    func edge(_ over: Int) {
        var limits = FramingLimits()
        limits.maxTarget = 21
        limits.maxBody = 5
        let target = "/" + String(repeating: "t", count: 20 + over)
        let longTarget = transcript(get(line: "GET \(target) HTTP/1.1"), limits: limits)
        #expect(summary(longTarget) == [over == 0 ? "GET \(target) 0" : "target_too_long"])
        let body = String(repeating: "b", count: 5 + over)
        let answer = over == 0 ? "POST \(chatPath) 5" : "body_too_large"
        #expect(summary(transcript(post(length(body), body), limits: limits)) == [answer])
        let chunked = post(chunkedLine, "\(hex(body))\r\n\(body)\r\n0\r\n\r\n")
        #expect(summary(transcript(chunked, limits: limits)) == [answer])
    }

    @Test("L16 a lower limit for a stranger refuses what is declared, and chunks as they are announced")
    func lowered() {
        var declared = RequestFraming()
        let bytes = post("Content-Length: 20000000\r\n")
        _ = declared.feed(bytes.span)
        let violation = declared.limitBody(to: 64 << 10)
        #expect(violation == .bodyTooLarge)
        let after = declared.feed(bytes.span).event
        #expect(after == .violation(.bodyTooLarge))

        var chunked = RequestFraming()
        let head = post(chunkedLine)
        _ = chunked.feed(head.span)
        let none = chunked.limitBody(to: 16)
        #expect(none == nil)
        let line = wire("11\r\n")
        let announced = chunked.feed(line.span).event
        #expect(announced == .violation(.bodyTooLarge))
    }

    @Test("a lowered limit ends with its request")
    func restored() {
        var framing = RequestFraming()
        let bytes = post(length(chatBody), chatBody)
        let head = framing.feed(bytes.span)
        let lowered = framing.limitBody(to: 100)
        #expect(lowered == nil)
        _ = framing.feed(bytes.span.extracting(head.consumed...))
        let none: [UInt8] = []
        let ended = framing.feed(none.span).event
        #expect(ended == .end)
        framing.next()
        #expect(framing.bodyLimit == FramingLimits().maxBody)
    }

    @Test("nothing of a head is held once it is handed out")
    func memory() {
        var framing = RequestFraming()
        _ = framing.feed(post(length(chatBody)).span)
        #expect(framing.phase == .body)
        #expect(framing.head.capacity == 0)
        #expect(MemoryLayout<RequestFraming>.size <= 256)
    }

    @Test("L24 W09 a head in one-byte segments costs in proportion to its length")
    func linear() {
        func cost(_ count: Int) -> Duration {
            let bytes = get("X: " + String(repeating: "v", count: count) + "\r\n")
            return (0..<5).map { _ in
                ContinuousClock().measure {
                    var framing = RequestFraming()
                    for index in bytes.indices {
                        _ = framing.feed(bytes.span.extracting(index..<(index + 1)))
                    }
                    #expect(framing.phase == .body)
                }
            }.min() ?? .zero
        }
        // A rescan per byte would make this 225 times as long; noise is forgiven up to 60.
        #expect(cost(60_000) < cost(4000) * 60)
    }
}
