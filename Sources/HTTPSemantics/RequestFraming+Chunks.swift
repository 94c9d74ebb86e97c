// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What the next byte of a chunked body may be (RFC 9112, section 7.1).
enum ChunkState: Sendable {
    case size(digits: Int), extensionStart, chunkExtension, sizeLineFeed
    case data, dataCarriageReturn, dataLineFeed
    case trailerStart, trailerName, trailerValue, trailerLineFeed
    case lastLineFeed, complete
}

extension RequestFraming {
    /// As many digits as an Int can hold; more could only be zeros, which other parsers count differently.
    private static let mostSizeDigits = 15

    mutating func readChunked(
        _ bytes: Span<UInt8>, from first: ChunkState
    ) -> (consumed: Int, event: FramingEvent) {
        var index = 0
        var chunk = first
        do throws(FramingViolation) {
            while index < bytes.count {
                if case .data = chunk {
                    let taken = min(remaining, bytes.count - index)
                    remaining -= taken
                    state = .chunked(remaining == 0 ? .dataCarriageReturn : .data)
                    return (index + taken, .body(index..<(index + taken)))
                }
                let byte = bytes[index]
                index += 1
                chunk = try step(chunk, byte)
                if case .complete = chunk {
                    state = .ended
                    return (index, .end)
                }
            }
            state = .chunked(chunk)
            return (index, .needMore)
        } catch {
            return (index, .violation(refuse(error)))
        }
    }

    private mutating func step(_ chunk: ChunkState, _ byte: UInt8) throws(FramingViolation) -> ChunkState {
        switch chunk {
        case .size, .extensionStart, .chunkExtension, .sizeLineFeed:
            try countOverhead()
            framingBytes += 1
            guard framingBytes <= limits.maxChunkLine else { throw .chunkLineTooLong }
            return try sizeLine(chunk, byte)
        case .dataCarriageReturn:
            try countOverhead()
            guard byte == ByteClass.carriageReturn else { throw .chunkEnd }
            return .dataLineFeed
        case .dataLineFeed:
            try countOverhead()
            guard byte == ByteClass.lineFeed else { throw .chunkEnd }
            framingBytes = 0
            return .size(digits: 0)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            framingBytes += 1
            guard framingBytes <= limits.maxTrailer else { throw .trailerTooLarge }
            return try trailer(chunk, byte)
        case .data, .complete:
            return chunk
        }
    }

    private mutating func countOverhead() throws(FramingViolation) {
        chunkOverhead += 1
        guard chunkOverhead - announced <= limits.maxChunkOverhead else { throw .chunkOverhead }
    }

    private mutating func sizeLine(
        _ chunk: ChunkState, _ byte: UInt8
    ) throws(FramingViolation) -> ChunkState {
        switch chunk {
        case .size(let digits):
            if let digit = ByteClass.hexadecimal(byte) {
                guard digits < RequestFraming.mostSizeDigits else { throw .chunkSize }
                remaining = remaining << 4 | Int(digit)
                return .size(digits: digits + 1)
            }
            guard digits > 0 else { throw .chunkSize }
            if byte == UInt8(ascii: ";") { return .extensionStart }
            guard byte == ByteClass.carriageReturn else { throw .chunkSize }
            return .sizeLineFeed
        case .extensionStart:
            guard ByteClass.isToken(byte) else { throw .chunkExtension }
            return .chunkExtension
        case .chunkExtension:
            if byte == ByteClass.carriageReturn { return .sizeLineFeed }
            // Visible ASCII: a blank in a quoted value is legal but unheard of, and refused with all else.
            guard byte > ByteClass.space, byte < 0x7F else { throw .chunkExtension }
            return .chunkExtension
        default:
            guard byte == ByteClass.lineFeed else { throw .lineEnd }
            framingBytes = 0
            if remaining == 0 { return .trailerStart }
            guard remaining <= bodyLimit - announced else { throw .bodyTooLarge }
            announced += remaining
            return .data
        }
    }

    /// Trailers are checked and dropped: merged into the fields they could log a client in (RFC 9110, 6.5.1).
    private func trailer(_ chunk: ChunkState, _ byte: UInt8) throws(FramingViolation) -> ChunkState {
        switch chunk {
        case .trailerStart:
            if byte == ByteClass.carriageReturn { return .lastLineFeed }
            guard ByteClass.isToken(byte) else { throw .trailer }
            return .trailerName
        case .trailerName:
            if byte == ByteClass.colon { return .trailerValue }
            guard ByteClass.isToken(byte) else { throw .trailer }
            return .trailerName
        case .trailerValue:
            if byte == ByteClass.carriageReturn { return .trailerLineFeed }
            guard ByteClass.isValue(byte) else { throw .trailer }
            return .trailerValue
        case .trailerLineFeed:
            guard byte == ByteClass.lineFeed else { throw .trailer }
            return .trailerStart
        default:
            guard byte == ByteClass.lineFeed else { throw .trailer }
            return .complete
        }
    }
}
