// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// Why a body is no form.
package enum MultipartError: Error, Equatable, Sendable {
    /// The content type names no boundary, or one that the grammar does not allow.
    case badBoundary
    /// The body does not begin with the boundary, or something follows its end.
    case badDelimiter
    /// The end is missing: the body was cut.
    case truncated
    /// A part's head is malformed, too long, or says what is not taken here.
    case badHead(String)
    /// There are more parts than are taken.
    case tooManyParts
    /// Two parts have one name.
    case duplicate(String)
}

/// A `multipart/form-data` body (RFC 7578), read whole and strictly.
///
/// Stricter than the RFC where no client differs: nothing before the first boundary or behind the last, no nested multipart, no
/// transfer encoding, each name once.
package struct MultipartForm: Sendable {
    /// One field of the form.
    package struct Part: Sendable, Equatable {
        /// The field's name.
        package var name: String
        /// The file's name as the client tells it, never to be used as a path.
        package var fileName: String?
        /// The part's own content type, as sent.
        package var contentType: String?
        /// Where its content lies in the body.
        package var content: Range<Int>
    }

    /// The most parts of a form.
    package static let maxParts = 16
    /// The most bytes of a part's head.
    package static let maxHead = 8192
    /// The parts in their order.
    package private(set) var parts: [Part] = []

    /// The part of a name, if the form has it.
    package subscript(name: String) -> Part? { parts.first { $0.name == name } }

    /// The boundary that a content type names, if it is one (RFC 2046, section 5.1.1).
    package static func boundary(of type: MediaType) -> String? {
        guard let boundary = type["boundary"], (1...70).contains(boundary.utf8.count), boundary.utf8.last != ByteClass.space
        else { return nil }
        let others = Array("'()+_,-./:=? ".utf8)
        let isAllowed = boundary.utf8.allSatisfy { byte in
            ByteClass.isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) || others.contains(byte)
        }
        return isAllowed ? boundary : nil
    }

    /// Reads a body; time and memory are linear in its size.
    package init(parsing body: [UInt8], boundary: String) throws(MultipartError) {
        let mark = Array("--\(boundary)".utf8)
        guard var next = MultipartForm.delimiter(mark, in: body, at: 0) else { throw .badDelimiter }
        while !next.isLast {
            guard parts.count < MultipartForm.maxParts else { throw .tooManyParts }
            var part = try MultipartForm.head(in: body, from: next.end)
            let start = part.content.lowerBound
            guard let (end, following) = MultipartForm.nextDelimiter(mark, in: body, from: start) else { throw .truncated }
            part.content = start..<end
            guard self[part.name] == nil else { throw .duplicate(part.name) }
            parts.append(part)
            next = following
        }
        let rest = body[next.end...]
        guard rest.isEmpty || rest.elementsEqual([ByteClass.carriageReturn, ByteClass.lineFeed]) else { throw .badDelimiter }
    }

    /// What follows a boundary's mark at `start`: the end of its line, or the end of the form.
    private static func delimiter(_ mark: [UInt8], in body: [UInt8], at start: Int) -> (end: Int, isLast: Bool)? {
        guard body.count - start >= mark.count + 2, body[start..<start + mark.count].elementsEqual(mark) else { return nil }
        var index = start + mark.count
        let isLast = body[index] == UInt8(ascii: "-") && body[index + 1] == UInt8(ascii: "-")
        if isLast { index += 2 }
        // Padding that a transport may add; more than a little is somebody's game.
        let limit = min(body.count, index + 64)
        while index < limit, ByteClass.isBlank(body[index]) { index += 1 }
        if isLast { return (index, true) }
        guard index + 1 < body.count, body[index] == ByteClass.carriageReturn, body[index + 1] == ByteClass.lineFeed else {
            return nil
        }
        return (index + 2, false)
    }

    /// The first delimiter at or behind `start`, and where the content before it ends.
    private static func nextDelimiter(
        _ mark: [UInt8], in body: [UInt8], from start: Int
    ) -> (end: Int, following: (end: Int, isLast: Bool))? {
        let span = body.span
        // An empty part's delimiter stands where the blank line of its head ends.
        var index = start - 2
        while index < body.count {
            index = span.firstLineEnd(from: index)
            guard index + 1 < body.count else { return nil }
            if span[index] == ByteClass.carriageReturn, span[index + 1] == ByteClass.lineFeed,
                let found = delimiter(mark, in: body, at: index + 2)
            {
                return (max(index, start), found)
            }
            index += 1
        }
        return nil
    }

    /// Reads a part's head; its content is left empty, at the right place.
    private static func head(in body: [UInt8], from start: Int) throws(MultipartError) -> Part {
        var part = Part(name: "", content: start..<start)
        var hasName = false
        var index = start
        while true {
            let end = body.span.firstLineEnd(from: index)
            guard end + 1 < body.count else { throw .truncated }
            guard body[end] == ByteClass.carriageReturn, body[end + 1] == ByteClass.lineFeed else {
                throw .badHead("a line of a part's head does not end in CR LF")
            }
            guard end + 2 - start <= maxHead else { throw .badHead("a part's head is longer than \(maxHead) bytes") }
            let line = body[index..<end]
            index = end + 2
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ByteClass.colon), colon > line.startIndex,
                line[..<colon].allSatisfy(ByteClass.isToken), line[(colon + 1)...].allSatisfy(ByteClass.isValue),
                let text = String(validating: line[(colon + 1)...], as: UTF8.self)
            else { throw .badHead("a line of a part's head is no header field") }
            let value = String(text.drop { $0 == " " || $0 == "\t" })
            switch String(decoding: line[..<colon], as: UTF8.self).lowercased() {
            case "content-disposition":
                guard !hasName, let names = names(value) else { throw .badHead("a part is not a field with one name") }
                (part.name, part.fileName) = names
                hasName = true
            case "content-type":
                guard part.contentType == nil, let type = MediaType(value), !type.essence.hasPrefix("multipart/") else {
                    throw .badHead("a part's content type is malformed, or a multipart of its own")
                }
                part.contentType = value
            case "content-transfer-encoding":
                guard ["binary", "8bit", "7bit"].contains(value.lowercased()) else {
                    throw .badHead("parts must be sent as they are, without a transfer encoding")
                }
            // The RFC says that others are to be ignored.
            default: break
            }
        }
        guard hasName else { throw .badHead("a part has no name") }
        part.content = index..<index
        return part
    }

    /// The names in a `Content-Disposition` of a form.
    private static func names(_ value: String) -> (String, String?)? {
        var scanner = ParameterScanner(value)
        guard scanner.token()?.lowercased() == "form-data", let parameters = scanner.parameters(),
            let name = parameters.first(where: { $0.name == "name" })?.value, (1...256).contains(name.utf8.count)
        else { return nil }
        return (name, parameters.first { $0.name == "filename" }?.value)
    }
}
