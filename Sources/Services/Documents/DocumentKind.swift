// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPSemantics

/// What a document is, by what it is said to be and by what it holds.
package enum DocumentKind: String, Sendable, CaseIterable {
    case plain = "text/plain"
    case markdown = "text/markdown"
    case html = "text/html"
    case pdf = "application/pdf"

    /// What the client says of the type: nothing, or one of the kinds. Throws for anything else.
    private static func declared(_ contentType: String?) throws(DocumentError) -> DocumentKind? {
        guard let contentType, !contentType.isEmpty else { return nil }
        guard let type = MediaType(contentType) else { throw .unsupported("The content type is malformed.") }
        // What browsers and curl say of files that they do not know.
        if type.essence == "application/octet-stream" { return nil }
        if let charset = type["charset"]?.lowercased(), !["utf-8", "utf8", "us-ascii"].contains(charset) {
            throw .unsupported("The charset '\(charset.prefix(40))' is not supported: send text as UTF-8.")
        }
        if type.essence == "text/x-markdown" { return .markdown }
        guard let kind = DocumentKind(rawValue: type.essence) else {
            throw .unsupported(
                "Documents of type '\(type.essence.prefix(80))' are not supported: send text/plain, text/markdown, text/html or application/pdf."
            )
        }
        return kind
    }

    /// The kind of a document; throws when nothing can be done with it, or when type and content do not agree.
    ///
    /// Without a type, the name's ending tells Markdown from plain text.
    package static func of(_ content: ArraySlice<UInt8>, contentType: String?, name: String) throws(DocumentError) -> DocumentKind
    {
        let declared = try declared(contentType)
        let found = try sniff(content)
        switch (declared, found) {
        case (nil, .plain):
            let name = name.lowercased()
            return name.hasSuffix(".md") || name.hasSuffix(".markdown") ? .markdown : .plain
        case (nil, _): return found
        // A part of a page has none of the marks of a page.
        case (.html?, .plain): return .html
        case (.markdown?, .plain): return .markdown
        case (let declared?, _):
            guard declared == found else {
                throw .unsupported("The document is said to be \(declared.rawValue), but its content is \(found.rawValue).")
            }
            return declared
        }
    }

    /// The kind by content alone. Text must be UTF-8 without the control characters that only other files have.
    private static func sniff(_ content: ArraySlice<UInt8>) throws(DocumentError) -> DocumentKind {
        if content.starts(with: "%PDF-".utf8) { return .pdf }
        let bytes = content.span
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20 || (0x09...0x0D).contains(byte) || byte == 0x1B else {
                throw .unsupported("The document is neither text nor PDF.")
            }
            let length = bytes.lengthOfUTF8Sequence(at: index)
            guard length > 0 else { throw .unsupported("The text is not UTF-8, the one charset that is supported.") }
            index += length
        }
        let start = content.drop { $0 <= 0x20 || [0xEF, 0xBB, 0xBF].contains($0) }.prefix(15)
        let text = String(decoding: start, as: UTF8.self).lowercased()
        return text.hasPrefix("<!doctype html") || text.hasPrefix("<html") ? .html : .plain
    }
}

/// Why a document cannot be taken.
package enum DocumentError: Error, Equatable, Sendable {
    /// It is of a kind, or in a charset, that is not supported; or not what it is said to be. A sentence says which.
    case unsupported(String)
    /// It is of a kind that is supported, and cannot be read. A sentence says why.
    case unreadable(String)
    /// The form that it comes in is malformed, or lacks something.
    case badForm(String)
    /// It has more bytes than are allowed, or its text has.
    case tooLarge(limit: Int)
    /// Nobody waits for it any more.
    case cancelled
}
