// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Header fields in order, looked up without regard to case (RFC 9110, section 5).
package struct HTTPFields: Sendable {
    /// One field line.
    package struct Field: Sendable, Equatable {
        /// The name as sent.
        package var name: String
        /// The value, without surrounding whitespace.
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The field lines in order.
    package private(set) var fields: [Field]

    package init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Adds a field line at the end, keeping others of the same name.
    package mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name, value))
    }

    /// The first value of a field; `name` is compared without regard to ASCII case.
    package subscript(name: String) -> String? {
        fields.first { HTTPFields.matches($0.name, name) }?.value
    }

    /// All values of a field, in order.
    package func values(of name: String) -> [String] {
        fields.filter { HTTPFields.matches($0.name, name) }.map(\.value)
    }

    /// Whether two field names are the same but for ASCII case.
    package static func matches(_ left: String, _ right: String) -> Bool {
        let a = left.utf8, b = right.utf8
        guard a.count == b.count else { return false }
        return zip(a, b).allSatisfy { $0 == $1 || (lowered($0) == lowered($1)) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
}
