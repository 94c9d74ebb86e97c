// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import SSE
import Testing

@Suite("LineParser") struct LineParserTests {
    static func lines(_ chunks: [[UInt8]], limit: Int = 1 << 20) throws -> [String] {
        var parser = LineParser(limit: limit)
        var lines: [String] = []
        func add(_ line: Span<UInt8>) {
            var copy = ByteBuffer()
            copy.append(line)
            lines.append(String(decoding: copy.storage, as: UTF8.self))
        }
        for chunk in chunks { try parser.feed(chunk.span) { add($0) } }
        parser.finish { add($0) }
        return lines
    }

    @Test("gives the same lines for every cut of the bytes") func cuts() throws {
        // A carriage return inside of a line is a blank of JSON, before a line end a part of it.
        let bytes = Array("{\"a\":1}\n\r\n  \n{\"b\":\r2}\r\n{\"c\":\"é\"}".utf8)
        let expected = ["{\"a\":1}", "{\"b\":\r2}", "{\"c\":\"é\"}"]
        for cut in 0...bytes.count {
            #expect(try Self.lines([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected)
        }
        #expect(try Self.lines(bytes.map { [$0] }) == expected)
    }

    @Test("refuses a line that is longer than its limit, whole or in pieces") func limit() throws {
        #expect(try Self.lines([Array("1234\n1234".utf8)], limit: 4) == ["1234", "1234"])
        #expect(throws: EventStreamError.tooLong(limit: 4)) { try Self.lines([Array("12345\n".utf8)], limit: 4) }
        #expect(throws: EventStreamError.tooLong(limit: 4)) { try Self.lines([Array("12".utf8), Array("345".utf8)], limit: 4) }
    }
}
