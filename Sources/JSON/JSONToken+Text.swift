// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

extension JSONToken {
    /// Whether a key or string says the same as a literal, however it is escaped; does not allocate.
    package func equals(_ literal: StaticString, in bytes: Span<UInt8>) -> Bool {
        hasEscapes ? bytes.jsonText(range, equals: literal.bytes) : bytes.equals(range, literal.bytes)
    }

    /// Whether a key or string says the same as `text`, byte for byte once unescaped; does not allocate.
    package func equals(text: String, in bytes: Span<UInt8>) -> Bool {
        let text = text.utf8.span
        return hasEscapes ? bytes.jsonText(range, equals: text) : bytes.equals(range, text)
    }

    /// The text of a key or string, unescaped; of any other token its bytes.
    package func string(in bytes: Span<UInt8>) -> String {
        bytes.jsonText(range)
    }

    /// The value of a number that is whole and in the range of `Int`; `nil` for any other token.
    ///
    /// The value counts, not the spelling: `1.0` and `1e3` are whole.
    package func integer(in bytes: Span<UInt8>) -> Int? {
        kind == .number ? JSONNumber.integer(at: range, in: bytes) : nil
    }
}

extension Span<UInt8> {
    /// The text that the inside of a JSON string says; half a surrogate pair becomes U+FFFD.
    ///
    /// `range` must lie within the span, as a tokenizer's ranges do.
    package func jsonText(_ range: Range<Int>) -> String {
        guard extracting(range).firstToEscape(from: 0) < range.count else { return text(range) }
        var unescaped = ByteBuffer(capacity: range.count)
        unescaped.appendUnescaped(self, range)
        return unescaped.bytes.text(0..<unescaped.count)
    }

    /// Whether the inside of a JSON string says `text`, escapes resolved.
    package func jsonText(_ range: Range<Int>, equals text: Span<UInt8>) -> Bool {
        let inside = extracting(range)
        var index = 0
        var matched = 0
        while index < inside.count {
            guard inside[index] == ASCII.backslash else {
                guard matched < text.count, inside[index] == text[matched] else { return false }
                index &+= 1
                matched &+= 1
                continue
            }
            guard let escape = try? JSONEscape(at: index, in: inside) else { return false }
            for byte in UTF8.encode(escape.scalar) ?? UTF8.encodedReplacementCharacter {
                guard matched < text.count, byte == text[matched] else { return false }
                matched &+= 1
            }
            index = escape.end
        }
        return matched == text.count
    }

    private func text(_ range: Range<Int>) -> String {
        let run = extracting(range)
        guard let valid = try? UTF8Span(validating: run) else { return run.repairedText }
        return String(copying: valid)
    }

    /// For bytes that no tokenizer has checked.
    private var repairedText: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in 0..<count { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension ByteBuffer {
    /// Appends what the inside of a JSON string says, as UTF-8; half a surrogate pair becomes U+FFFD.
    ///
    /// `range` must lie within `bytes`. An escape that is not valid is appended as it stands.
    package mutating func appendUnescaped(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        let inside = bytes.extracting(range)
        var index = 0
        while index < inside.count {
            // What stands between two escapes is copied in one go.
            let next = inside.firstToEscape(from: index)
            append(inside, index..<next)
            index = next
            guard index < inside.count else { return }
            guard inside[index] == ASCII.backslash, let escape = try? JSONEscape(at: index, in: inside) else {
                append(inside[index])
                index &+= 1
                continue
            }
            for byte in UTF8.encode(escape.scalar) ?? UTF8.encodedReplacementCharacter { append(byte) }
            index = escape.end
        }
    }
}
