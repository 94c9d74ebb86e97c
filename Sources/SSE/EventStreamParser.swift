// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Cuts an event stream into events, whatever chunks it comes in (WHATWG HTML, section 9.2.6).
///
/// The events are the same for any split of the same bytes. An event that lies whole in a chunk and has one
/// line of data is handed out where it stands; otherwise its bytes are copied once, never scanned twice.
/// Data is handed out as it came: UTF-8 is not checked.
package struct EventStreamParser: Sendable {
    /// The last event ID, empty until an event carries one; it survives from event to event.
    package private(set) var lastEventID = ""

    /// Where the data of the event being read is.
    private enum DataPlace {
        case none
        /// In the chunk being fed, one line of it.
        case chunk(Range<Int>)
        /// In `data`, from an offset: what stands before it is the name of the field.
        case buffer(from: Int)
    }

    /// The most bytes of a line or an event where nothing else is said: an image in an event has a few million.
    package static let defaultLimit = 8 << 20

    private static let byteOrderMark: InlineArray<3, UInt8> = [0xEF, 0xBB, 0xBF]
    /// What an idle stream may keep of the capacity that a large event needed.
    private static let keptCapacity = 64 << 10

    private let limit: Int
    private var isTerminated = false
    private var matchedMark = 0
    private var skipsLineFeed = false
    /// The beginning of a line whose end has not come yet.
    private var partial = ByteBuffer()
    private var data = ByteBuffer()
    private var place = DataPlace.none
    private var name: String?
    /// The ID that becomes the last event ID at the next blank line.
    private var nextEventID: String?
    private var names = EventNames()

    /// A parser at the start of a stream.
    ///
    /// - Parameter limit: The most bytes that one line, and the data of one event, may have.
    package init(limit: Int = EventStreamParser.defaultLimit) {
        self.limit = limit
    }

    /// Takes the next bytes of the stream and hands out each event that they complete.
    ///
    /// The span that `receive` gets is valid during the call only. Throws `tooLong` when the limit is passed,
    /// after handing out the events before that; from then on every call throws.
    /// - Returns: Whether a comment line ended in this chunk, a sign that upstream is alive.
    @discardableResult
    package mutating func feed(
        _ chunk: Span<UInt8>, _ receive: (Span<UInt8>, EventFields) -> Void
    ) throws(EventStreamError) -> Bool {
        guard !isTerminated else { throw .tooLong(limit: limit) }
        var sawComment = false
        var start = beginning(of: chunk)
        while start < chunk.count {
            let end = chunk.firstLineEnd(from: start)
            guard end < chunk.count else { break }
            if let data = loneData(chunk, start..<end) {
                try checkLimit(end &- start)
                receive(chunk.extracting(data), EventFields(name: "message", lastEventID: lastEventID))
                start = end &+ 2
                continue
            }
            if !partial.isEmpty {
                try keepPartial(chunk, start..<end)
                if try takePartial(chunk) { sawComment = true }
            } else if start == end {
                dispatch(chunk, receive)
            } else {
                if try take(chunk, start..<end) { sawComment = true }
            }
            start = end &+ 1
            if chunk[end] == ASCII.carriageReturn {
                if start == chunk.count {
                    skipsLineFeed = true
                } else if chunk[start] == ASCII.lineFeed {
                    start &+= 1
                }
            }
        }
        if start < chunk.count { try keepPartial(chunk, start..<chunk.count) }
        keepData(of: chunk)
        return sawComment
    }

    /// Ends the stream; what to do with an event that no blank line has ended, `end` says.
    package mutating func finish(
        _ end: EventStreamEnd = .dropUnfinished, _ receive: (Span<UInt8>, EventFields) -> Void
    ) throws(EventStreamError) {
        guard !isTerminated else { throw .tooLong(limit: limit) }
        let nothing = StaticString("").bytes
        if end == .dispatchEverything, !partial.isEmpty { _ = try takePartial(nothing) }
        if end != .dropUnfinished { dispatch(nothing, receive) }
        partial.removeAll(keepingAtMost: 0)
        forgetEvent()
    }

    /// The data of an event that is one line of data and a blank line, both ended by LF: nearly every event, for which
    /// the parser need not remember anything.
    private func loneData(_ chunk: Span<UInt8>, _ line: Range<Int>) -> Range<Int>? {
        let end = line.upperBound
        guard end &+ 1 < chunk.count, chunk[end] == ASCII.lineFeed, chunk[end &+ 1] == ASCII.lineFeed,
            partial.isEmpty, case .none = place, name == nil, nextEventID == nil, line.count >= 6
        else { return nil }
        let start = line.lowerBound
        guard chunk[start] == UInt8(ascii: "d"), chunk[start &+ 1] == UInt8(ascii: "a"),
            chunk[start &+ 2] == UInt8(ascii: "t"), chunk[start &+ 3] == UInt8(ascii: "a"),
            chunk[start &+ 4] == ASCII.colon, chunk[start &+ 5] == ASCII.space
        else { return nil }
        return start &+ 6..<end
    }

    /// Skips a byte order mark at the start of the stream, and the LF of a CRLF that the last chunk split.
    private mutating func beginning(of chunk: Span<UInt8>) -> Int {
        var start = 0
        let mark = EventStreamParser.byteOrderMark
        while matchedMark < mark.count, start < chunk.count {
            if chunk[start] == mark[matchedMark] {
                matchedMark &+= 1
                start &+= 1
            } else {
                for index in 0..<matchedMark { partial.append(mark[index]) }
                matchedMark = mark.count
            }
        }
        if skipsLineFeed, start < chunk.count {
            skipsLineFeed = false
            if chunk[start] == ASCII.lineFeed { start &+= 1 }
        }
        return start
    }

    private mutating func keepPartial(_ chunk: Span<UInt8>, _ range: Range<Int>) throws(EventStreamError) {
        try checkLimit(partial.count &+ range.count)
        partial.append(chunk, range)
    }

    private mutating func checkLimit(_ count: Int) throws(EventStreamError) {
        guard count > limit else { return }
        isTerminated = true
        partial.removeAll(keepingAtMost: 0)
        data.removeAll(keepingAtMost: 0)
        throw .tooLong(limit: limit)
    }

    /// Takes a line that lies whole in the chunk; returns whether it is a comment.
    private mutating func take(_ chunk: Span<UInt8>, _ range: Range<Int>) throws(EventStreamError) -> Bool {
        try checkLimit(range.count)
        let line = chunk.extracting(range)
        let kind = EventStreamLine(line)
        if case .data(let value) = kind {
            if case .none = place {
                place = .chunk(range.lowerBound &+ value.lowerBound..<range.upperBound)
            } else {
                try join(line, value, after: chunk)
            }
            return false
        }
        return take(kind, of: line)
    }

    /// Takes the line in `partial`, which has ended; returns whether it is a comment.
    private mutating func takePartial(_ chunk: Span<UInt8>) throws(EventStreamError) -> Bool {
        // Moved out and back, so that the line can be read while the parser changes; neither copies.
        var line = ByteBuffer()
        swap(&line, &partial)
        let kind = EventStreamLine(line.bytes)
        var isComment = false
        if case .data(let value) = kind {
            if case .none = place {
                // A long line is not copied again: the buffer it was gathered in becomes the data.
                swap(&line, &data)
                place = .buffer(from: value.lowerBound)
            } else {
                try join(line.bytes, value, after: chunk)
            }
        } else {
            isComment = take(kind, of: line.bytes)
        }
        swap(&line, &partial)
        partial.removeAll(keepingAtMost: EventStreamParser.keptCapacity)
        return isComment
    }

    /// Adds a line to data that already has one.
    private mutating func join(
        _ line: Span<UInt8>, _ value: Range<Int>, after chunk: Span<UInt8>
    ) throws(EventStreamError) {
        keepData(of: chunk)
        guard case .buffer(let from) = place else { return }
        try checkLimit(data.count &- from &+ 1 &+ value.count)
        data.append(ASCII.lineFeed)
        data.append(line, value)
    }

    private mutating func take(_ kind: EventStreamLine, of line: Span<UInt8>) -> Bool {
        switch kind {
        case .event(let value):
            name = value.isEmpty ? nil : names.name(line.extracting(value))
        case .id(let value):
            let id = line.extracting(value)
            if !id.contains(0) { nextEventID = String(repairing: id) }
        case .comment:
            return true
        case .data, .unknown:
            break
        }
        return false
    }

    /// A blank line: hands out the event, when it has data, and begins the next one.
    private mutating func dispatch(_ chunk: Span<UInt8>, _ receive: (Span<UInt8>, EventFields) -> Void) {
        if let id = nextEventID {
            lastEventID = id
            nextEventID = nil
        }
        switch place {
        case .none:
            break
        case .chunk(let range):
            receive(chunk.extracting(range), EventFields(name: name ?? "message", lastEventID: lastEventID))
        case .buffer(let from):
            receive(
                data.bytes.extracting(from..<data.count),
                EventFields(name: name ?? "message", lastEventID: lastEventID)
            )
        }
        forgetEvent()
    }

    private mutating func forgetEvent() {
        if !data.isEmpty { data.removeAll(keepingAtMost: EventStreamParser.keptCapacity) }
        place = .none
        name = nil
    }

    /// Copies data out of a chunk that will not be there at the next call.
    private mutating func keepData(of chunk: Span<UInt8>) {
        guard case .chunk(let range) = place else { return }
        data.append(chunk, range)
        place = .buffer(from: 0)
    }
}

/// What becomes of an event that the stream ended without a blank line.
package enum EventStreamEnd: Sendable {
    /// It is dropped, as the standard says.
    case dropUnfinished
    /// It is handed out with the lines that have ended, as some providers leave out the blank line.
    case dispatchCompleteLines
    /// As before, and a last line without a line end counts too: only when the transport vouches for the end.
    case dispatchEverything
}

extension Span<UInt8> {
    fileprivate func contains(_ byte: UInt8) -> Bool {
        for index in 0..<count where self[index] == byte { return true }
        return false
    }
}
