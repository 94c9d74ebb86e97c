// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Reads HTTP/1.1 responses of one connection, one after the other, however the bytes are cut.
struct ResponseReader {
    private enum State {
        case head
        case body(remaining: Int)
        case untilClose
        case chunkSize(Int, digits: Int)
        case chunkExtension(Int)
        case chunkData(remaining: Int)
        /// The line end after a chunk's data.
        case chunkEnd
        /// The fields after the last chunk; `lineLength` tells the empty line that ends them.
        case trailer(lineLength: Int)
        case complete
        case malformed
    }

    private var state = State.head
    private var head: [UInt8] = []
    /// The status of the response, 0 before its head is read.
    private(set) var status = 0

    var isComplete: Bool { if case .complete = state { true } else { false } }
    var isMalformed: Bool { if case .malformed = state { true } else { false } }
    /// Whether the end of the connection is this response's proper end.
    var endsWithConnection: Bool { if case .untilClose = state { true } else { false } }

    /// Makes ready for the next response on the same connection.
    mutating func startNext() {
        state = .head
        status = 0
        head.removeAll(keepingCapacity: true)
    }

    /// Reads `bytes`, handing each piece of the body to `body`; stops at the end of the response.
    mutating func feed(_ bytes: Span<UInt8>, body: (Span<UInt8>) -> Void) {
        var position = 0
        while position < bytes.count {
            switch state {
            case .head:
                position = readHead(bytes, from: position)
            case .body(let remaining):
                let end = min(bytes.count, position + remaining)
                body(bytes.extracting(position..<end))
                state =
                    end - position == remaining ? .complete : .body(remaining: remaining - (end - position))
                position = end
            case .untilClose:
                body(bytes.extracting(position..<bytes.count))
                position = bytes.count
            case .chunkData(let remaining):
                let end = min(bytes.count, position + remaining)
                body(bytes.extracting(position..<end))
                let left = remaining - (end - position)
                state = left == 0 ? .chunkEnd : .chunkData(remaining: left)
                position = end
            case .chunkSize, .chunkExtension, .chunkEnd, .trailer:
                readFraming(bytes[position])
                position += 1
            case .complete, .malformed:
                return
            }
        }
    }

    private mutating func readFraming(_ byte: UInt8) {
        switch state {
        case .chunkSize(let size, let digits):
            if let digit = hexDigit(byte) {
                state = digits < 8 ? .chunkSize(size * 16 + digit, digits: digits + 1) : .malformed
            } else if digits == 0 {
                state = .malformed
            } else if byte == UInt8(ascii: "\n") {
                startChunk(size)
            } else {
                state = .chunkExtension(size)
            }
        case .chunkExtension(let size):
            if byte == UInt8(ascii: "\n") { startChunk(size) }
        case .chunkEnd:
            if byte == UInt8(ascii: "\n") {
                state = .chunkSize(0, digits: 0)
            } else if byte != UInt8(ascii: "\r") {
                state = .malformed
            }
        case .trailer(let lineLength):
            if byte == UInt8(ascii: "\n") {
                state = lineLength == 0 ? .complete : .trailer(lineLength: 0)
            } else if byte != UInt8(ascii: "\r") {
                state = .trailer(lineLength: lineLength + 1)
            }
        default:
            break
        }
    }

    private mutating func startChunk(_ size: Int) {
        state = size == 0 ? .trailer(lineLength: 0) : .chunkData(remaining: size)
    }

    /// Takes head bytes up to the empty line; returns where the body starts.
    private mutating func readHead(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var position = start
        while position < bytes.count {
            head.append(bytes[position])
            position += 1
            if head.count >= 4, head.suffix(4) == [13, 10, 13, 10] {
                parseHead()
                return position
            }
            if head.count > 65536 {
                state = .malformed
                return position
            }
        }
        return position
    }

    private mutating func parseHead() {
        let text = String(decoding: head, as: UTF8.self).lowercased()
        let lines = text.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("http/1."), let code = Int(words[1]) else {
            state = .malformed
            return
        }
        status = code
        state = code == 204 || code == 304 ? .complete : .untilClose
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            if parts[0] == "transfer-encoding", parts[1].contains("chunked") {
                state = .chunkSize(0, digits: 0)
                return
            }
            if parts[0] == "content-length", let length = Int(parts[1].filter(\.isNumber)) {
                state = length == 0 ? .complete : .body(remaining: length)
            }
        }
    }
}

private func hexDigit(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 48
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 87
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 55
    default: nil
    }
}
