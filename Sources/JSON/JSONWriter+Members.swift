// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

extension JSONWriter {
    /// Writes a member that is a string.
    package mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    /// Writes a member that is a literal string.
    package mutating func member(_ name: StaticString, literal text: StaticString) {
        key(name)
        string(literal: text)
    }

    /// Writes a member that is a whole number.
    package mutating func member(_ name: StaticString, _ number: Int) {
        key(name)
        integer(number)
    }

    /// Writes a member that is `true` or `false`.
    package mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Writes a member that is held whole.
    package mutating func member(_ name: StaticString, _ value: JSONValue) {
        key(name)
        self.value(value)
    }

    /// Writes a member that is a string whose inside is already escaped.
    package mutating func member(_ name: StaticString, escaped bytes: Span<UInt8>, _ range: Range<Int>) {
        key(name)
        string(escaped: bytes, range)
    }

    /// Writes a member that is an object; the label is spelled out, as an array is written likewise.
    package mutating func member(_ name: StaticString, object body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }

    /// Writes a member that is an array.
    package mutating func member(_ name: StaticString, array body: (inout JSONWriter) -> Void) {
        key(name)
        array(body)
    }
}

extension ByteBuffer {
    /// Appends the JSON that `body` writes.
    package mutating func appendJSON(_ body: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        // Swapped rather than copied: the writer must be the only owner of the bytes to append in place.
        swap(&writer.buffer, &self)
        body(&writer)
        swap(&writer.buffer, &self)
    }

    /// Appends text as a JSON string, quotes included.
    package mutating func appendJSONString(_ text: String) {
        appendJSONString(text.utf8.span)
    }

    /// Appends UTF-8 as a JSON string, quotes included.
    package mutating func appendJSONString(_ text: Span<UInt8>) {
        append(ASCII.quote)
        appendEscaped(text)
        append(ASCII.quote)
    }

    /// Appends UTF-8 as the inside of a JSON string, escaping only what must be: quote, backslash, controls.
    package mutating func appendEscaped(_ text: Span<UInt8>) {
        var start = 0
        while true {
            let end = text.firstToEscape(from: start)
            append(text, start..<end)
            guard end < text.count else { return }
            appendEscape(of: text[end])
            start = end &+ 1
        }
    }

    private mutating func appendEscape(of byte: UInt8) {
        append(ASCII.backslash)
        switch byte {
        case ASCII.quote, ASCII.backslash: append(byte)
        case ASCII.lineFeed: append(UInt8(ascii: "n"))
        case ASCII.carriageReturn: append(UInt8(ascii: "r"))
        case ASCII.tab: append(UInt8(ascii: "t"))
        case 0x08: append(UInt8(ascii: "b"))
        case 0x0C: append(UInt8(ascii: "f"))
        default:
            append(literal: "u00")
            append(ASCII.hexadecimalDigit(byte >> 4))
            append(ASCII.hexadecimalDigit(byte))
        }
    }
}
