// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The `${NAME}` references of a settings file.
///
/// They are lifted out of the text before it is parsed as YAML, because `{` ends a plain scalar inside
/// `{...}`, and put in after, because a value must never act as YAML. `${NAME:-default}` gives the default
/// when the variable is not set or empty; `$${...}` stands for itself.
struct Variables {
    private enum Token {
        case literal(String)
        case variable(name: String, fallback: String?)
        case malformed
    }

    enum Expanded {
        case text(String, usesVariable: Bool)
        case problem(String)
    }

    /// Stand before and after a token's number; of Unicode's private use area, so refused in the file itself.
    private static let open: [UInt8] = [0xEE, 0x80, 0x80]
    private static let close: [UInt8] = [0xEE, 0x80, 0x81]

    private var tokens: [Token] = []
    private let environment: [String: String]
    /// The file's text with a mark in place of each reference, line for line.
    private(set) var text: [UInt8] = []

    /// Lifts the references out; `nil` when the text holds the marks already.
    init?(_ bytes: [UInt8], environment: [String: String]) {
        self.environment = environment
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0xEE, index + 2 < bytes.count, bytes[index + 1] == 0x80,
                bytes[index + 2] & 0xFE == 0x80
            {
                return nil
            }
            let isEscaped = byte == 0x24 && index + 1 < bytes.count && bytes[index + 1] == 0x24
            let brace = index + (isEscaped ? 2 : 1)
            guard byte == 0x24, brace < bytes.count, bytes[brace] == 0x7B else {
                text.append(byte)
                index += 1
                continue
            }
            let end = bytes[brace...].firstIndex { $0 == 0x7D || $0 == 0x0A } ?? bytes.count
            let isClosed = end < bytes.count && bytes[end] == 0x7D
            let inner = String(decoding: bytes[(brace + 1)..<end], as: UTF8.self)
            text += Self.open + Array("\(tokens.count)".utf8) + Self.close
            if isEscaped {
                tokens.append(.literal("${\(inner)\(isClosed ? "}" : "")"))
            } else {
                tokens.append(isClosed ? Self.token(inner) : .malformed)
            }
            index = isClosed ? end + 1 : end
        }
    }

    /// A scalar's text with the references replaced.
    func expand(_ scalar: String) -> Expanded {
        guard scalar.unicodeScalars.contains("\u{E000}") else { return .text(scalar, usesVariable: false) }
        var result = ""
        var number: Int?
        var usesVariable = false
        for character in scalar.unicodeScalars {
            switch (character, number) {
            case ("\u{E000}", _): number = 0
            case ("\u{E001}", .some(let index)):
                number = nil
                guard index < tokens.count else { return .problem("a reference cannot be read") }
                switch tokens[index] {
                case .literal(let text): result += text
                case .malformed:
                    return .problem("a reference must be ${NAME} or ${NAME:-default} on one line")
                case .variable(let name, let fallback):
                    usesVariable = true
                    let value = environment[name] ?? ""
                    if value.isEmpty, let fallback {
                        result += fallback
                    } else if environment[name] == nil {
                        return .problem(
                            "the variable \(name) is not set; set it, or write ${\(name):-default}")
                    } else {
                        result += value
                    }
                }
            case (_, .some(let index)):
                number = (index &* 10 &+ Int(character.value) &- 0x30) & 0xFF_FFFF
            default: result.unicodeScalars.append(character)
            }
        }
        return .text(result, usesVariable: usesVariable)
    }

    private static func token(_ inner: String) -> Token {
        let name = inner.utf8.prefix { byte in
            byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
        guard let first = name.first, !(0x30...0x39).contains(first), let text = String(name) else {
            return .malformed
        }
        let rest = inner.dropFirst(text.count)
        if rest.isEmpty { return .variable(name: text, fallback: nil) }
        return rest.hasPrefix(":-") ? .variable(name: text, fallback: String(rest.dropFirst(2))) : .malformed
    }
}
