// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// Splits a stream of lines, as of JSON, out of bytes that come in any pieces; ends are LF or CRLF, empty lines are skipped.
package struct LineParser: Sendable {
    private let limit: Int
    private var rest = ByteBuffer()

    /// A parser at the start of a stream whose lines have at most `limit` bytes.
    package init(limit: Int = EventStreamParser.defaultLimit) {
        self.limit = limit
    }

    /// Takes bytes, and gives each line that is complete.
    ///
    /// Throws `tooLong` when a line passes the limit.
    package mutating func feed(
        _ chunk: Span<UInt8>, _ receive: (Span<UInt8>) -> Void
    ) throws(EventStreamError) {
        var start = 0
        while start < chunk.count {
            var end = chunk.firstLineEnd(from: start)
            // A carriage return alone is a blank of JSON.
            while end < chunk.count, chunk[end] != ASCII.lineFeed { end = chunk.firstLineEnd(from: end &+ 1) }
            guard rest.count &+ (end &- start) <= limit else { throw .tooLong(limit: limit) }
            guard end < chunk.count else {
                rest.append(chunk, start..<end)
                return
            }
            if rest.isEmpty {
                LineParser.deliver(chunk.extracting(start..<end), receive)
            } else {
                rest.append(chunk, start..<end)
                var line = ByteBuffer()
                swap(&line, &rest)
                LineParser.deliver(line.bytes, receive)
            }
            start = end &+ 1
        }
    }

    /// The input is over: gives the last line, which need not be ended.
    package mutating func finish(_ receive: (Span<UInt8>) -> Void) {
        var line = ByteBuffer()
        swap(&line, &rest)
        LineParser.deliver(line.bytes, receive)
    }

    private static func deliver(_ line: Span<UInt8>, _ receive: (Span<UInt8>) -> Void) {
        var end = line.count
        if end > 0, line[end &- 1] == ASCII.carriageReturn { end &-= 1 }
        var index = 0
        while index < end, line[index] <= ASCII.space { index &+= 1 }
        guard index < end else { return }
        receive(line.extracting(0..<end))
    }
}
