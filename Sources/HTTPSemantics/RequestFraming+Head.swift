// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What the next byte of a head may be.
enum HeadState: Sendable {
    case start, startLineFeed
    case method, target, version(Int), versionLineFeed
    case lineStart, name, valueStart, value, valueLineFeed
    case lastLineFeed, complete
}

extension RequestFraming {
    /// Two empty lines before a request are forgiven, as some clients end a body with one (RFC 9112, 2.2).
    private static let leadingBytesForgiven = 4
    private static let longestMethod = 32
    private static let versionName = Array("HTTP/".utf8)

    mutating func readHead(_ bytes: Span<UInt8>) -> (consumed: Int, event: FramingEvent) {
        var index = 0
        do throws(FramingViolation) {
            while index < bytes.count, case .head(let head) = state {
                let byte = bytes[index]
                index += 1
                framingBytes += 1
                guard framingBytes <= limits.maxHead else { throw .headTooLarge }
                let next = try step(head, byte)
                if case .complete = next { return (index, try completeHead()) }
                state = .head(next)
            }
            return (index, .needMore)
        } catch {
            return (index, .violation(refuse(error)))
        }
    }

    private mutating func step(_ state: HeadState, _ byte: UInt8) throws(FramingViolation) -> HeadState {
        switch state {
        case .start: return try start(byte)
        case .startLineFeed:
            guard byte == ByteClass.lineFeed else { throw .requestLine }
            return .start
        case .method: return try method(byte)
        case .target: return try target(byte)
        case .version(let index): return try version(byte, at: index)
        case .versionLineFeed, .valueLineFeed:
            guard byte == ByteClass.lineFeed else { throw .lineEnd }
            return .lineStart
        case .lineStart: return try lineStart(byte)
        case .name: return try name(byte)
        case .valueStart:
            if ByteClass.isBlank(byte) { return .valueStart }
            return try value(byte)
        case .value: return try value(byte)
        case .lastLineFeed:
            guard byte == ByteClass.lineFeed else { throw .lineEnd }
            return .complete
        case .complete: return .complete
        }
    }

    private mutating func start(_ byte: UInt8) throws(FramingViolation) -> HeadState {
        if byte == ByteClass.carriageReturn, framingBytes < RequestFraming.leadingBytesForgiven {
            return .startLineFeed
        }
        // The first byte of a TLS record is told apart, since the client will wait for an answer to it.
        guard byte != 0x16 else { throw .tls }
        guard ByteClass.isToken(byte) else { throw .requestLine }
        head.reserveCapacity(512)
        return try method(byte)
    }

    private mutating func method(_ byte: UInt8) throws(FramingViolation) -> HeadState {
        if byte == ByteClass.space {
            methodEnd = head.count
            if head.elementsEqual("CONNECT".utf8) { throw .connect }
            if head.elementsEqual("PRI".utf8) { throw .http2 }
            return .target
        }
        guard ByteClass.isToken(byte), head.count < RequestFraming.longestMethod else { throw .method }
        head.append(byte)
        return .method
    }

    private mutating func target(_ byte: UInt8) throws(FramingViolation) -> HeadState {
        let length = head.count - methodEnd
        if byte == ByteClass.space {
            guard length > 0 else { throw .requestLine }
            targetEnd = head.count
            return .version(0)
        }
        guard length < limits.maxTarget else { throw .targetTooLong }
        guard ByteClass.isTarget(byte) else { throw .target }
        // Origin form, or the asterisk alone with OPTIONS: no proxy's absolute form, no authority.
        if length == 0 {
            let asterisk = byte == UInt8(ascii: "*") && head.elementsEqual("OPTIONS".utf8)
            guard byte == UInt8(ascii: "/") || asterisk else { throw .target }
        } else if head[methodEnd] == UInt8(ascii: "*") {
            throw .target
        }
        head.append(byte)
        return .target
    }

    private mutating func version(_ byte: UInt8, at index: Int) throws(FramingViolation) -> HeadState {
        switch index {
        case 0..<5:
            guard byte == RequestFraming.versionName[index] else { throw .requestLine }
        case 5:
            guard ByteClass.isDigit(byte) else { throw .requestLine }
            guard byte == UInt8(ascii: "1") else { throw .version }
        case 6:
            guard byte == UInt8(ascii: ".") else { throw .requestLine }
        case 7:
            guard ByteClass.isDigit(byte) else { throw .requestLine }
            guard byte <= UInt8(ascii: "1") else { throw .version }
            minorVersion = byte - UInt8(ascii: "0")
        default:
            guard byte == ByteClass.carriageReturn else { throw .requestLine }
            return .versionLineFeed
        }
        return .version(index + 1)
    }

    private mutating func lineStart(_ byte: UInt8) throws(FramingViolation) -> HeadState {
        if byte == ByteClass.carriageReturn { return .lastLineFeed }
        if ByteClass.isBlank(byte) { throw .foldedField }
        guard ByteClass.isToken(byte) else { throw .fieldName }
        guard fieldCount < limits.maxFields else { throw .tooManyFields }
        fieldCount += 1
        fieldStart = head.count
        head.append(contentsOf: repeatElement(0, count: HTTPFields.prefixLength))
        head.append(byte)
        return .name
    }

    private mutating func name(_ byte: UInt8) throws(FramingViolation) -> HeadState {
        if byte == ByteClass.colon {
            nameEnd = head.count
            return .valueStart
        }
        guard ByteClass.isToken(byte) else { throw .fieldName }
        head.append(byte)
        return .name
    }

    private mutating func value(_ byte: UInt8) throws(FramingViolation) -> HeadState {
        if byte == ByteClass.carriageReturn {
            while head.count > nameEnd, let last = head.last, ByteClass.isBlank(last) { head.removeLast() }
            HTTPFields.seal(&head, from: fieldStart, nameEnd: nameEnd)
            return .valueLineFeed
        }
        guard ByteClass.isValue(byte) else { throw byte == ByteClass.lineFeed ? .lineEnd : .fieldValue }
        head.append(byte)
        return .value
    }

    private mutating func completeHead() throws(FramingViolation) -> FramingEvent {
        let request = RequestHead(
            method: String(decoding: head[..<methodEnd], as: UTF8.self),
            target: String(decoding: head[methodEnd..<targetEnd], as: UTF8.self),
            minorVersion: Int(minorVersion),
            // A copy of exactly this size: the array that grew has up to twice the room.
            fields: HTTPFields(records: Array(head[targetEnd...]))
        )
        let framing = try HeadRules.framing(of: request)
        framingBytes = 0
        switch framing.body {
        case .none:
            state = .length
        case .length(let length):
            guard length <= bodyLimit else {
                refusedFields = request.fields
                throw .bodyTooLarge
            }
            remaining = length
            announced = length
            state = .length
        case .chunked:
            state = .chunked(.size(digits: 0))
        }
        head = []
        return .head(request, framing)
    }
}
