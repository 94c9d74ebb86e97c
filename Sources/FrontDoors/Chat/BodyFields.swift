// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// The members of a request's body, each taken once; what is not taken is an error.
///
/// Every getter throws a 400 when the value is of another type. `null` counts as absent.
struct BodyFields {
    private var rest: [JSONValue.Member]

    /// The members of a body that must be one JSON object, without a name twice.
    init(_ body: [UInt8]) throws(ChatFailure) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body.span)
        } catch {
            throw BodyFields.failure("The body is not valid JSON (at byte \(error.offset)).", code: "invalid_json")
        }
        guard let members = value.members else {
            throw BodyFields.failure("The body must be a JSON object.", code: "invalid_json")
        }
        guard members.count <= 32 else {
            throw BodyFields.failure("The body has too many members.", code: "unknown_parameter")
        }
        for (index, member) in members.enumerated() where members[..<index].contains(where: { $0.key == member.key }) {
            throw BodyFields.failure(
                "'\(member.key.prefix(64))' is given twice.", code: "duplicate_parameter", member.key)
        }
        rest = members
    }

    /// Takes a member as it is; `nil` when it is not there, which `null` is not.
    mutating func value(_ name: String) -> JSONValue? {
        guard let index = rest.firstIndex(where: { $0.key == name }) else { return nil }
        return rest.remove(at: index).value
    }

    /// Takes a text.
    mutating func string(_ name: String) throws(ChatFailure) -> String? {
        guard let value = value(name), !value.isNull else { return nil }
        guard let text = value.string else { throw BodyFields.wrong(name, "a string") }
        return text
    }

    /// Takes a system prompt. Lists show it in every row, and every request carries it: it is bounded.
    mutating func system() throws(ChatFailure) -> String? { try BodyFields.system(string("system")) }

    /// A system prompt of at most 64 KiB; U+0000 is no character that every database keeps.
    static func system(_ text: String?) throws(ChatFailure) -> String? {
        guard let text, text.utf8.count > 64 << 10 || text.utf8.contains(0) else { return text }
        throw wrong("system", "at most 65536 bytes, without U+0000")
    }

    /// Takes a text that must be there, and hold more than blanks.
    mutating func text(_ name: String) throws(ChatFailure) -> String {
        guard let text = try string(name) else {
            throw BodyFields.failure("'\(name)' is missing.", code: "missing_parameter", name)
        }
        return try BodyFields.checked(text, name)
    }

    /// Takes a number, by its spelling, that is within a range.
    mutating func number(_ name: String, in range: ClosedRange<Double>) throws(ChatFailure) -> String? {
        guard let value = value(name), !value.isNull else { return nil }
        guard case .number(let raw) = value, let number = value.double, range.contains(number) else {
            throw BodyFields.wrong(name, "a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        return raw
    }

    /// Takes a whole number that is within a range.
    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(ChatFailure) -> Int? {
        guard let value = value(name), !value.isNull else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw BodyFields.wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Throws when there is a member that nobody has taken.
    func end() throws(ChatFailure) {
        guard let unknown = rest.first else { return }
        throw BodyFields.failure(
            "There is no parameter '\(unknown.key.prefix(64))' here.", code: "unknown_parameter", unknown.key)
    }

    /// A text that must hold more than blanks.
    static func checked(_ text: String, _ name: String) throws(ChatFailure) -> String {
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw failure("'\(name)' must not be empty.", code: "invalid_value", name)
        }
        return text
    }

    /// The failure of a value that is not what it must be.
    static func wrong(_ name: String, _ expected: String) -> ChatFailure {
        failure("'\(name)' must be \(expected).", code: "invalid_value", name)
    }

    private static func failure(_ message: String, code: String, _ parameter: String? = nil) -> ChatFailure {
        ChatFailure(status: 400, message: message, type: "invalid_request_error", code: code, parameter: parameter)
    }
}
