// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How the encoders of a dialect write an event stream (WHATWG HTML, section 9.2).
enum EventText {
    /// Appends a line `event: name`, unless the name is empty.
    static func appendName(_ name: Span<UInt8>, to buffer: inout ByteBuffer) {
        guard !name.isEmpty else { return }
        buffer.append(literal: "event: ")
        buffer.append(name)
        buffer.append(ASCII.lineFeed)
    }

    /// Appends a piece of JSON so that it stays on one line.
    ///
    /// A line end in JSON is whitespace; not every client joins several `data:` lines.
    static func appendLine(_ data: Span<UInt8>, _ range: Range<Int>, to buffer: inout ByteBuffer) {
        let line = data.extracting(range)
        var start = 0
        while true {
            let end = line.firstLineEnd(from: start)
            buffer.append(line, start..<end)
            guard end < line.count else { return }
            buffer.append(ASCII.space)
            start = end &+ 1
        }
    }

    /// Whether an event's data is `[DONE]`, with spaces around it or without: OpenAI's end of a stream, which others send too.
    static func isDone(_ data: Span<UInt8>) -> Bool {
        var start = 0
        while start < data.count, data[start] <= ASCII.space { start &+= 1 }
        guard start < data.count, data[start] == ASCII.openBracket else { return false }
        var end = data.count
        while end > start, data[end &- 1] <= ASCII.space { end &-= 1 }
        return data.equals(start..<end, ("[DONE]" as StaticString).bytes)
    }
}
