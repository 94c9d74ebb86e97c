// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// One line of an event stream, told apart as the WHATWG standard says (HTML, section 9.2.6).
enum EventStreamLine: Equatable {
    /// A field that means something, with the place of its value in the line.
    case data(Range<Int>), event(Range<Int>), id(Range<Int>)
    case comment
    /// A field of another name, to be ignored.
    case unknown

    /// Reads a line that is not empty and has no terminator.
    init(_ line: Span<UInt8>) {
        // Nearly every line is one of data, so its commonest form is tried before the colon is searched.
        if line.starts(with: StaticString("data:").bytes) {
            self = .data(EventStreamLine.value(of: line, after: 4))
            return
        }
        var colon = 0
        while colon < line.count, line[colon] != ASCII.colon { colon &+= 1 }
        let value = EventStreamLine.value(of: line, after: colon)
        if colon == 0 {
            self = .comment
        } else if line.equals(0..<colon, StaticString("data").bytes) {
            self = .data(value)
        } else if line.equals(0..<colon, StaticString("event").bytes) {
            self = .event(value)
        } else if line.equals(0..<colon, StaticString("id").bytes) {
            self = .id(value)
        } else {
            self = .unknown
        }
    }

    /// What follows the colon, less one space; empty when there is no colon.
    private static func value(of line: Span<UInt8>, after colon: Int) -> Range<Int> {
        var start = min(colon &+ 1, line.count)
        if start < line.count, line[start] == ASCII.space { start &+= 1 }
        return start..<line.count
    }
}
