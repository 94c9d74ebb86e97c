// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import JSON

extension JSONSchema {
    /// What is wrong with a value, a sentence for each problem with its place; empty when it is right. At most `limit` are told.
    package func problems(of value: JSONValue, limit: Int = 10) -> [String] {
        var found: [String] = []
        check(value, "", &found, limit)
        return found
    }

    /// The value without the `null`s that stand for "not said": members that may be left out and may not be null.
    package func pruned(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            return .object(
                members.compactMap { member in
                    guard let schema = properties[member.key] else { return member }
                    if member.value.isNull, !requiredNames.contains(member.key), !schema.allowsNull { return nil }
                    return JSONValue.Member(member.key, schema.pruned(member.value))
                })
        case .array(let elements):
            guard let item = items.first else { return value }
            return .array(elements.map { item.pruned($0) })
        default: return value
        }
    }

    private var allowsNull: Bool { problems(of: .null, limit: 1).isEmpty }

    private func check(_ value: JSONValue, _ path: String, _ found: inout [String], _ limit: Int) {
        func complain(_ text: String) {
            if found.count < limit { found.append("\(path.isEmpty ? "the result" : path) \(text)") }
        }
        guard found.count < limit else { return }
        guard types.isEmpty || types.contains(where: { JSONSchema.fits(value, $0) }) else {
            return complain("must be of type \(types.joined(separator: " or "))")
        }
        if let choices, !choices.contains(where: { JSONSchema.isSame($0, value) }) { complain("is none of the allowed values") }
        if !alternatives.isEmpty, !alternatives.contains(where: { $0.problems(of: value, limit: 1).isEmpty }) {
            complain("fits none of the alternatives")
        }
        switch value {
        case .object(let members): check(members, path, &found, limit)
        case .array(let elements):
            if let least = counts["minItems"], elements.count < least { complain("must have at least \(least) elements") }
            if let most = counts["maxItems"], elements.count > most { complain("must have at most \(most) elements") }
            guard let item = items.first else { return }
            for (index, element) in elements.enumerated() { item.check(element, "\(path)/\(index)", &found, limit) }
        case .string(let text):
            guard !counts.isEmpty else { return }
            let length = text.unicodeScalars.count
            if let least = counts["minLength"], length < least { complain("must have at least \(least) characters") }
            if let most = counts["maxLength"], length > most { complain("must have at most \(most) characters") }
        case .number:
            guard !bounds.isEmpty, let number = value.double else { return }
            if let bound = bounds["minimum"], number < bound { complain("is less than \(bound)") }
            if let bound = bounds["maximum"], number > bound { complain("is more than \(bound)") }
            if let bound = bounds["exclusiveMinimum"], number <= bound { complain("must be more than \(bound)") }
            if let bound = bounds["exclusiveMaximum"], number >= bound { complain("must be less than \(bound)") }
        case .bool, .null: return
        }
    }

    private func check(_ members: [JSONValue.Member], _ path: String, _ found: inout [String], _ limit: Int) {
        let names = Set(members.map(\.key))
        for name in required where !names.contains(name) && found.count < limit {
            found.append("\(path)/\(name) is missing")
        }
        if names.count < members.count { found.append("\(path.isEmpty ? "the result" : path) has a member twice") }
        for member in members where found.count < limit {
            let place = "\(path)/\(member.key.prefix(100))"
            if let schema = properties[member.key] {
                schema.check(member.value, place, &found, limit)
            } else if !allowsOthers {
                found.append("\(place) is not a member of the schema")
            } else if let other = others.first {
                other.check(member.value, place, &found, limit)
            }
        }
    }

    private static func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.object, "object"), (.array, "array"), (.string, "string"), (.number, "number"), (.bool, "boolean"),
            (.null, "null"):
            true
        case (.number, "integer"): value.integer != nil
        default: false
        }
    }

    /// Whether two values are the same in what they say, however numbers are spelled and members ordered.
    private static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.number, .number): left == right || (left.double != nil && left.double == right.double)
        case (.array(let left), .array(let right)): left.elementsEqual(right, by: isSame)
        case (.object(let members), .object(let others)):
            isSame(members, others)
        default: left == right
        }
    }

    private static func isSame(_ left: [JSONValue.Member], _ right: [JSONValue.Member]) -> Bool {
        guard left.count == right.count else { return false }
        let values = Dictionary(right.map { ($0.key, $0.value) }) { first, _ in first }
        return left.allSatisfy { member in values[member.key].map { isSame(member.value, $0) } ?? false }
    }
}
