// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// The text of an HTML page, with headings and lists as Markdown writes them.
///
/// A tokenizer after the HTML standard's, without a tree: nothing is nested, so that depth costs nothing, and nothing is fetched or
/// run. Time and memory are linear in the page. Scripts, styles, templates and comments are dropped.
package struct HTMLText {
    private let bytes: [UInt8]
    private var index = 0
    private var output: [UInt8] = []
    /// Line ends to write before the next text.
    private var breaks = 0
    private var needsSpace = false
    private var isPreformatted = false

    /// Elements whose text is not for readers; it ends only at their own end tag.
    private static let dropped: Set<String> = [
        "script", "style", "template", "noscript", "iframe", "noframes", "noembed", "svg", "math", "head", "object", "select",
    ]
    private static let blocks: Set<String> = [
        "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
        "figure",
        "footer", "form", "header", "hr", "main", "nav", "ol", "p", "section", "summary", "table", "ul", "pre", "caption",
        "center",
    ]

    /// The text of a page in UTF-8; its line ends are LF.
    package static func text(of page: [UInt8]) -> [UInt8] {
        var reader = HTMLText(bytes: page)
        reader.read()
        return reader.output
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func read() {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "<"): readMarkup()
            case UInt8(ascii: "&"): readReference()
            default:
                write(bytes[index])
                index += 1
            }
        }
        if !output.isEmpty { output.append(ASCII.lineFeed) }
    }

    // MARK: Markup

    private mutating func readMarkup() {
        let next = index + 1 < bytes.count ? bytes[index + 1] : 0
        if next == UInt8(ascii: "!") || next == UInt8(ascii: "?") { return skipDeclaration() }
        let isEnd = next == ASCII.slash
        let start = index + (isEnd ? 2 : 1)
        guard start < bytes.count, HTMLText.isLetter(bytes[start]) else {
            // A lone `<` is text; `</` before no letter begins a comment.
            if isEnd { return skipDeclaration() }
            write(bytes[index])
            index += 1
            return
        }
        var end = start
        while end < bytes.count, !HTMLText.isSpace(bytes[end]), bytes[end] != ASCII.slash, bytes[end] != UInt8(ascii: ">") {
            end += 1
        }
        // No element that matters has a longer name.
        let name = String(decoding: bytes[start..<min(end, start + 16)], as: UTF8.self).lowercased()
        index = end
        let isEmpty = skipAttributes() && (name == "svg" || name == "math")
        // A slash before the end says that an element has no content, in SVG and MathML and nowhere else.
        if isEnd { closed(name) } else if !isEmpty { opened(name) }
    }

    private mutating func skipDeclaration() {
        if bytes[index...].starts(with: "<!--".utf8) {
            index = find("-->", from: index + 4).map { $0 + 3 } ?? bytes.count
        } else {
            index = (bytes[index...].firstIndex(of: UInt8(ascii: ">")) ?? bytes.count - 1) + 1
        }
    }

    /// Steps behind the `>` of a tag; one between quotes does not count. Gives whether a slash that is no value's stands before it.
    @discardableResult
    private mutating func skipAttributes() -> Bool {
        var quote: UInt8 = 0
        var afterEquals = false
        var isValue = false
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if quote != 0 {
                if byte == quote { quote = 0 }
            } else if byte == UInt8(ascii: ">") {
                return !isValue && bytes[index - 2] == ASCII.slash
            } else if afterEquals, byte == ASCII.quote || byte == UInt8(ascii: "'") {
                quote = byte
                afterEquals = false
            } else if byte == UInt8(ascii: "=") {
                afterEquals = true
            } else if HTMLText.isSpace(byte) {
                isValue = false
            } else {
                // A value without quotes ends with a space: its slashes are its own.
                isValue = isValue || afterEquals
                afterEquals = false
            }
        }
        return false
    }

    private mutating func opened(_ name: String) {
        if HTMLText.dropped.contains(name) { return skipElement(name) }
        switch name {
        case "h1", "h2", "h3", "h4", "h5", "h6":
            breakLine(2)
            let level = Int(name.utf8.last ?? ASCII.zero) - Int(ASCII.zero)
            writeMark(String(repeating: "#", count: level) + " ")
        case "li":
            breakLine(1)
            writeMark("- ")
        case "br": breakLine(1)
        case "tr": breakLine(1)
        case "td", "th": needsSpace = true
        case "title", "textarea", "option": breakLine(2)
        default: if HTMLText.blocks.contains(name) { breakLine(name == "dd" || name == "dt" ? 1 : 2) }
        }
        if name == "pre" { isPreformatted = true }
    }

    private mutating func closed(_ name: String) {
        if name == "pre" { isPreformatted = false }
        let isHeading = name.utf8.count == 2 && name.utf8.first == UInt8(ascii: "h") && name != "hr"
        if isHeading || HTMLText.blocks.contains(name) { breakLine(2) }
        if name == "tr" || name == "li" { breakLine(1) }
    }

    /// Steps behind the end tag of an element whose content is dropped. A head may lack its end tag: a body ends it too.
    private mutating func skipElement(_ name: String) {
        var start = index
        while let found = find("<", from: start) {
            start = found + 1
            let rest = bytes[start..<min(bytes.count, start + 16)]
            let isBody = name == "head" && HTMLText.begins(rest, with: "body")
            guard isBody || (rest.first == ASCII.slash && HTMLText.begins(rest.dropFirst(), with: name)) else { continue }
            index = found
            guard !isBody else { return }
            index += 2 + name.utf8.count
            skipAttributes()
            return
        }
        index = bytes.count
    }

    // MARK: Text

    /// A character reference, or an ampersand that stands for itself.
    private mutating func readReference() {
        let rest = bytes[(index + 1)..<min(bytes.count, index + 34)]
        if rest.first == UInt8(ascii: "#") {
            let isHexadecimal = rest.dropFirst().first.map { $0 | 0x20 == UInt8(ascii: "x") } ?? false
            let digits = rest.dropFirst(isHexadecimal ? 2 : 1).prefix {
                isHexadecimal ? ASCII.hexadecimalValue($0) != nil : ASCII.isDigit($0)
            }
            if !digits.isEmpty {
                let value = UInt32(String(decoding: digits, as: UTF8.self), radix: isHexadecimal ? 16 : 10) ?? 0
                index = digits.endIndex
                finishReference(HTMLEntities.scalar(numbered: value))
                return
            }
        } else {
            let name = rest.prefix { HTMLText.isLetter($0) || ASCII.isDigit($0) }
            if let scalar = HTMLEntities.named[String(decoding: name, as: UTF8.self)] {
                index = name.endIndex
                finishReference(scalar)
                return
            }
        }
        write(bytes[index])
        index += 1
    }

    private mutating func finishReference(_ scalar: Unicode.Scalar) {
        if index < bytes.count, bytes[index] == UInt8(ascii: ";") { index += 1 }
        // A space that must not be broken is a space to readers.
        if scalar == "\u{A0}" { return write(ASCII.space) }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { write(byte) }
    }

    private mutating func write(_ byte: UInt8) {
        if HTMLText.isSpace(byte), !isPreformatted {
            needsSpace = true
            return
        }
        if isPreformatted, byte == ASCII.carriageReturn { return }
        settle()
        output.append(byte)
    }

    /// Writes what waits before a text: line ends, or one space.
    private mutating func settle() {
        if breaks > 0, !output.isEmpty {
            for _ in 0..<breaks { output.append(ASCII.lineFeed) }
        } else if breaks == 0, needsSpace, let last = output.last, last != ASCII.lineFeed, last != ASCII.space {
            output.append(ASCII.space)
        }
        breaks = 0
        needsSpace = false
    }

    private mutating func writeMark(_ mark: String) {
        settle()
        output += Array(mark.utf8)
    }

    private mutating func breakLine(_ count: Int) {
        breaks = max(breaks, count)
        needsSpace = false
    }

    private func find(_ text: StaticString, from start: Int) -> Int? {
        let first = text.bytes[0]
        var index = start
        while let found = bytes[min(index, bytes.count)...].firstIndex(of: first) {
            if bytes.count - found >= text.bytes.count, bytes.span.equals(found..<found + text.bytes.count, text.bytes) {
                return found
            }
            index = found + 1
        }
        return nil
    }

    private static func begins(_ text: ArraySlice<UInt8>, with name: String) -> Bool {
        let length = name.utf8.count
        guard text.count >= length, zip(text, name.utf8).allSatisfy({ $0 | 0x20 == $1 || $0 == $1 }) else { return false }
        guard let next = text.dropFirst(length).first else { return true }
        return isSpace(next) || next == ASCII.slash || next == UInt8(ascii: ">")
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == ASCII.space || (0x09...0x0D).contains(byte) && byte != 0x0B }
}
