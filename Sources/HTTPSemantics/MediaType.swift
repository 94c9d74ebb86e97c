// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A `Content-Type` (RFC 9110, section 8.3.1): a type with its parameters.
package struct MediaType: Sendable, Equatable {
    /// The type in lower case, such as `text/plain`.
    package let essence: String
    private let parameters: [(name: String, value: String)]

    /// Reads a field's value; nil when it is none: no slash, a bad parameter, or one that occurs twice.
    package init?(_ text: String) {
        var scanner = ParameterScanner(text)
        guard let type = scanner.token(), scanner.take(UInt8(ascii: "/")), let subtype = scanner.token(),
            let parameters = scanner.parameters()
        else { return nil }
        essence = "\(type.lowercased())/\(subtype.lowercased())"
        self.parameters = parameters
    }

    /// The value of a parameter, whose name is given in lower case.
    package subscript(parameter: String) -> String? { parameters.first { $0.name == parameter }?.value }

    package static func == (left: MediaType, right: MediaType) -> Bool {
        left.essence == right.essence && left.parameters.elementsEqual(right.parameters, by: ==)
    }
}

/// Reads `name=value` pairs between semicolons, as several header fields have them.
struct ParameterScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    /// The next token (RFC 9110, section 5.6.2), if there is one.
    mutating func token() -> String? {
        let start = index
        while index < bytes.count, ByteClass.isToken(bytes[index]) { index += 1 }
        return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
    }

    /// Steps over a byte if it is next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// The parameters up to the end, names in lower case; nil when they are malformed, not UTF-8, or one occurs twice.
    mutating func parameters() -> [(name: String, value: String)]? {
        var found: [(name: String, value: String)] = []
        while true {
            skipBlanks()
            guard index < bytes.count else { return found }
            guard take(UInt8(ascii: ";")) else { return nil }
            skipBlanks()
            // A semicolon at the end says nothing.
            guard index < bytes.count else { return found }
            guard let name = token()?.lowercased(), take(UInt8(ascii: "=")), let value = value(),
                !found.contains(where: { $0.name == name })
            else { return nil }
            found.append((name, value))
        }
    }

    private mutating func value() -> String? {
        guard take(UInt8(ascii: "\"")) else { return token() }
        var value: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: value, as: UTF8.self)
            case UInt8(ascii: "\\"):
                // Browsers before 2021 wrote backslashes of file names as they are; only a quote or a backslash is escaped.
                if index < bytes.count, bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "\\") {
                    value.append(bytes[index])
                    index += 1
                } else {
                    value.append(byte)
                }
            default:
                guard ByteClass.isValue(byte) else { return nil }
                value.append(byte)
            }
        }
        return nil
    }

    private mutating func skipBlanks() {
        while index < bytes.count, ByteClass.isBlank(bytes[index]) { index += 1 }
    }
}
