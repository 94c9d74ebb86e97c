// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Writes JSON without whitespace, placing the commas.
///
/// It does not check that keys and values alternate; what it writes never holds a line end.
package struct JSONWriter: Sendable {
    /// What was written so far.
    package var buffer: ByteBuffer
    private var needsComma = false

    /// A writer that appends to what `buffer` holds.
    package init(buffer: ByteBuffer = ByteBuffer()) {
        self.buffer = buffer
    }

    /// Writes an object whose members `body` writes.
    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        begin(ASCII.openBrace)
        body(&self)
        end(ASCII.closeBrace)
    }

    /// Writes an array whose elements `body` writes.
    package mutating func array(_ body: (inout JSONWriter) -> Void) {
        begin(ASCII.openBracket)
        body(&self)
        end(ASCII.closeBracket)
    }

    /// Begins an object that is ended by `endObject`, for one that is not written in one go.
    package mutating func beginObject() { begin(ASCII.openBrace) }

    /// Ends the innermost object.
    package mutating func endObject() { end(ASCII.closeBrace) }

    /// Begins an array that is ended by `endArray`, for one that is not written in one go.
    package mutating func beginArray() { begin(ASCII.openBracket) }

    /// Ends the innermost array.
    package mutating func endArray() { end(ASCII.closeBracket) }

    /// Writes the name of the member whose value comes next.
    package mutating func key(_ name: StaticString) {
        separate()
        buffer.appendJSONString(name.bytes)
        colon()
    }

    /// Writes a name known only at run time.
    package mutating func key(text name: String) {
        separate()
        buffer.appendJSONString(name)
        colon()
    }

    /// Writes a string.
    package mutating func string(_ text: String) {
        separate()
        buffer.appendJSONString(text)
    }

    /// Writes a string that is a literal.
    package mutating func string(literal text: StaticString) {
        separate()
        buffer.appendJSONString(text.bytes)
    }

    /// Writes a string whose inside is already escaped, as a tokenizer's ranges of strings are.
    package mutating func string(escaped bytes: Span<UInt8>, _ range: Range<Int>) {
        separate()
        buffer.append(ASCII.quote)
        buffer.append(bytes, range)
        buffer.append(ASCII.quote)
    }

    /// Writes a whole number.
    package mutating func integer(_ number: Int) {
        separate()
        buffer.append(decimal: number)
    }

    /// Writes `true` or `false`.
    package mutating func bool(_ value: Bool) {
        separate()
        buffer.append(literal: value ? "true" : "false")
    }

    /// Writes `null`.
    package mutating func null() {
        separate()
        buffer.append(literal: "null")
    }

    /// Writes a value that already is JSON, as `JSONTokenizer.skipValue` finds it.
    ///
    /// A line end, which in JSON is only ever whitespace, becomes a space: it would end a line of data.
    package mutating func raw(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        separate()
        let value = bytes.extracting(range)
        var start = 0
        while start < value.count {
            let end = value.firstLineEnd(from: start)
            buffer.append(value, start..<end)
            guard end < value.count else { return }
            buffer.append(ASCII.space)
            start = end &+ 1
        }
    }

    /// Writes a value that is held whole.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .object(let members):
            object { json in
                for member in members {
                    json.key(text: member.key)
                    json.value(member.value)
                }
            }
        case .array(let elements):
            array { json in for element in elements { json.value(element) } }
        case .string(let text):
            string(text)
        case .number(let raw):
            separate()
            buffer.append(raw)
        case .bool(let value):
            bool(value)
        case .null:
            null()
        }
    }

    private mutating func begin(_ bracket: UInt8) {
        separate()
        buffer.append(bracket)
        needsComma = false
    }

    private mutating func end(_ bracket: UInt8) {
        buffer.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { buffer.append(ASCII.comma) }
        needsComma = true
    }

    private mutating func colon() {
        buffer.append(ASCII.colon)
        needsComma = false
    }
}
