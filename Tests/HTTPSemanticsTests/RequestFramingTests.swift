// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPSemantics

@Suite("RequestFraming")
struct RequestFramingTests {
    @Test("a request is framed or refused in one way", arguments: allCases)
    func catalogue(_ row: FramingCase) {
        #expect(summary(transcript(row.bytes)) == row.expected)
    }

    @Test("any cut of the same bytes gives the same events", arguments: allCases)
    func cuts(_ row: FramingCase) {
        let whole = transcript(row.bytes)
        for cut in 1..<row.bytes.count {
            let parts = transcript(row.bytes, cuts: [cut])
            if parts != whole { Issue.record("cut at \(cut): \(summary(parts))") }
        }
        #expect(transcript(row.bytes, cuts: Array(1..<row.bytes.count)) == whole)
    }

    @Test(
        "a refusal names an error status, a sentence, and a label of its own",
        arguments: FramingViolation.allCases)
    func violations(_ violation: FramingViolation) {
        #expect([400, 408, 413, 414, 417, 431, 501, 505].contains(violation.status))
        #expect(violation.message.hasSuffix("."))
        #expect(violation.rawValue.utf8.allSatisfy { $0 == UInt8(ascii: "_") || ByteClass.isToken($0) })
    }

    /// Where a stray byte is put; in the first three it is part of the name.
    static let positions = [
        "@Transfer-Encoding: chunked", "Transfer@Encoding: chunked", "Transfer-Encoding@: chunked",
        "Transfer-Encoding:@chunked", "Transfer-Encoding: @chunked", "Transfer-Encoding: chu@nked",
        "Transfer-Encoding: chunked@",
    ]

    @Test("no stray byte makes chunks of a request with a length", arguments: positions.indices)
    func permutations(_ position: Int) {
        let rest = "0\r\n\r\n" + hidden
        for byte in UInt8.min...UInt8.max {
            let line = Self.positions[position].split(separator: "@", omittingEmptySubsequences: false)
                .joined(separator: String(Unicode.Scalar(byte)))
            let found = summary(transcript(post(length(rest) + line + "\r\n", rest)))
            // Only a token byte in the name makes a name of no meaning; every other byte is refused.
            let recomposes = position == 1 && (byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_"))
            // `Transfer:Encoding: chunked` is a legal field of another name, too.
            let renames = ByteClass.isToken(byte) || (position == 1 && byte == ByteClass.colon)
            if position < 3, renames, !recomposes {
                #expect(found == ["POST \(chatPath) \(rest.utf8.count)"], "byte \(byte)")
            } else {
                #expect(found.count == 1 && FramingViolation(rawValue: found[0]) != nil, "byte \(byte)")
            }
        }
    }

    @Test("bytes behind a request wait for next()")
    func pipelining() {
        var framing = RequestFraming()
        let bytes = get() + get()
        let half = bytes.count / 2
        let head = framing.feed(bytes.span)
        #expect(head.consumed == half)
        for _ in 0..<3 {
            let (consumed, event) = framing.feed(bytes.span.extracting(half...))
            #expect(consumed == 0 && event == .end)
        }
        framing.next()
        let second = framing.feed(bytes.span.extracting(half...))
        #expect(second.consumed == half)
        #expect(second.event == head.event)
    }

    @Test("trailers are dropped: a key in one logs nobody in")
    func trailers() throws {
        let head = "POST / HTTP/1.1\r\nHost: gw\r\n" + chunkedLine + "\r\n"
        let bytes = wire(head + "0\r\nAuthorization: Bearer K\r\n\r\n")
        let steps = transcript(bytes)
        guard case .head(let head, _)? = steps.first else { throw Missing() }
        #expect(head.fields["Authorization"] == nil)
        #expect(steps.last == .end)
    }

    @Test(
        "a head says whether the client waits, and whether it stays",
        arguments: [
            ("1.1", "", false, true),
            ("1.1", "Connection: close\r\n", false, false),
            ("1.1", "Connection: keep-alive\r\nConnection: x, Close\r\n", false, false),
            ("1.0", "", false, false),
            ("1.0", "Connection: Keep-Alive\r\n", false, true),
            ("1.1", "Content-Length: 5\r\nExpect: 100-Continue\r\n", true, true),
            ("1.1", "Expect: 100-continue\r\n", false, true),
            ("1.0", "Content-Length: 5\r\nExpect: 100-continue\r\n", false, false),
        ])
    func connection(_ version: String, _ lines: String, _ waits: Bool, _ stays: Bool) throws {
        let steps = transcript(post(lines, version: version))
        guard case .head(_, let message)? = steps.first else { throw Missing() }
        #expect(message.expectsContinue == waits)
        #expect(message.persists == stays)
    }

    @Test("a refused request remembers its target, so that the answer fits the path")
    func refusedTarget() {
        var framing = RequestFraming()
        _ = framing.feed(post("X-A: \0").span)
        #expect(framing.refusedHead?.target == chatPath)
        #expect(framing.refusedHead?.fields.isEmpty == true, "what was not read whole is not believed")
        #expect(framing.refuse(.timeout) == .fieldValue)
    }

    @Test("a request that is refused for its length alone remembers its fields")
    func refusedFields() {
        var framing = RequestFraming()
        _ = framing.feed(post("Content-Length: 99999999999\r\nOrigin: http://a.example\r\n").span)
        #expect(framing.refusedHead?.target == chatPath)
        #expect(framing.refusedHead?.fields["origin"] == "http://a.example")
        #expect(framing.refuse(.timeout) == .bodyTooLarge)
    }
}

struct Missing: Error {}
