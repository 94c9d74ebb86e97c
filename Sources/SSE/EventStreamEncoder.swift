// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Appends events to a buffer in the form of an event stream (WHATWG HTML, section 9.2.6).
package enum EventStreamEncoder {
    /// Appends a whole event; data of several lines, whatever ends them, becomes as many lines of data.
    ///
    /// Of a name only the first line is written: more would begin another field.
    package static func append(_ data: Span<UInt8>, name: String? = nil, to buffer: inout ByteBuffer) {
        begin(name: name, in: &buffer)
        var start = 0
        while true {
            let end = data.firstLineEnd(from: start)
            buffer.append(data, start..<end)
            guard end < data.count else { break }
            buffer.append(literal: "\ndata: ")
            start = end &+ 1
            if data[end] == ASCII.carriageReturn, start < data.count, data[start] == ASCII.lineFeed {
                start &+= 1
            }
        }
        self.end(in: &buffer)
    }

    /// Appends all of an event before its data, which is then written straight into the buffer.
    ///
    /// That data must hold no line end, as what `JSONWriter` writes holds none; then comes `end`.
    package static func begin(name: String? = nil, in buffer: inout ByteBuffer) {
        if let name {
            buffer.append(literal: "event: ")
            let bytes = name.utf8.span
            buffer.append(bytes, 0..<bytes.firstLineEnd(from: 0))
            buffer.append(ASCII.lineFeed)
        }
        buffer.append(literal: "data: ")
    }

    /// Ends the event that `begin` began.
    package static func end(in buffer: inout ByteBuffer) {
        buffer.append(literal: "\n\n")
    }

    /// Appends the shortest sign of life, a blank line, which no reader takes for an event.
    ///
    /// Only between events: within one it would end it.
    package static func appendHeartbeat(to buffer: inout ByteBuffer) {
        buffer.append(ASCII.lineFeed)
    }
}
