// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

extension JSONValue {
    /// The member of an object by its name, the last one when it occurs twice; `nil` for any other value.
    package subscript(key: String) -> JSONValue? {
        members?.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    /// The element of an array by its place; `nil` for any other value and outside the array.
    package subscript(index: Int) -> JSONValue? {
        guard let elements, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The members, when this is an object.
    package var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The elements, when this is an array.
    package var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The text, when this is a string.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The truth value, when this is one.
    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value of a number that is whole and in the range of `Int`, as `1.0` and `1e3` are.
    package var integer: Int? {
        guard case .number(let raw) = self else { return nil }
        let bytes = raw.utf8.span
        return JSONNumber.integer(at: 0..<bytes.count, in: bytes)
    }

    /// The value of a number as the nearest `Double`; `nil` when it is out of range.
    package var double: Double? {
        guard case .number(let raw) = self, let value = Double(raw), value.isFinite else { return nil }
        return value
    }

    /// Whether this is `null`.
    package var isNull: Bool { self == .null }

    /// Appends the value as a JSON text without whitespace.
    package func write(into buffer: inout ByteBuffer) {
        buffer.appendJSON { $0.value(self) }
    }
}
