// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import JSON

/// The members of a request's object, taken one by one; what is not taken is what is not known.
///
/// A member that is `null` counts as absent. Every getter throws when the value is of another type.
struct JSONFields {
    /// The members not taken so far, in their order.
    private(set) var rest: [JSONValue.Member]

    init(_ members: [JSONValue.Member]) {
        rest = members
    }

    /// The members of a value that must be an object.
    init(_ value: JSONValue) throws(DialectError) {
        guard let members = value.members else { throw .wrongType(nil, expected: "an object") }
        rest = members
    }

    /// Takes a member as it is.
    mutating func value(_ name: String) throws(DialectError) -> JSONValue? {
        var found: JSONValue?
        var index = 0
        while index < rest.count {
            guard rest[index].key == name else {
                index += 1
                continue
            }
            guard found == nil else {
                throw DialectError("'\(name)' is given twice.", parameter: name, code: "duplicate_parameter")
            }
            found = rest.remove(at: index).value
        }
        return found?.isNull == true ? nil : found
    }

    mutating func string(_ name: String) throws(DialectError) -> String? {
        guard let value = try value(name) else { return nil }
        guard let text = value.string else { throw .wrongType(name, expected: "a string") }
        return text
    }

    mutating func requiredString(_ name: String) throws(DialectError) -> String {
        guard let text = try string(name) else { throw .missing(name) }
        return text
    }

    mutating func bool(_ name: String) throws(DialectError) -> Bool? {
        guard let value = try value(name) else { return nil }
        guard let bool = value.bool else { throw .wrongType(name, expected: "true or false") }
        return bool
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(DialectError) -> Int? {
        guard let value = try value(name) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw .wrongValue(
                name, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Takes a number by its spelling; it must be within what a `Double` can say.
    mutating func number(_ name: String) throws(DialectError) -> String? {
        guard let value = try value(name) else { return nil }
        guard case .number(let raw) = value else { throw .wrongType(name, expected: "a number") }
        guard value.double != nil else { throw .wrongValue(name, expected: "a number in range") }
        return raw
    }

    mutating func array(_ name: String) throws(DialectError) -> [JSONValue]? {
        guard let value = try value(name) else { return nil }
        guard let elements = value.elements else { throw .wrongType(name, expected: "an array") }
        return elements
    }

    mutating func object(_ name: String) throws(DialectError) -> JSONFields? {
        guard let value = try value(name) else { return nil }
        guard let members = value.members else { throw .wrongType(name, expected: "an object") }
        return JSONFields(members)
    }

    mutating func requiredObject(_ name: String) throws(DialectError) -> JSONFields {
        guard let fields = try object(name) else { throw .missing(name) }
        return fields
    }

    /// Gives back a member that turned out to be none of what is known.
    mutating func putBack(_ name: String, _ value: JSONValue) {
        rest.append(JSONValue.Member(name, value))
    }
}

extension Array {
    /// Maps, telling the place of the element at which it failed.
    func mapInside<Result>(
        _ name: String, _ transform: (Element) throws(DialectError) -> Result
    ) throws(DialectError) -> [Result] {
        var results: [Result] = []
        results.reserveCapacity(count)
        for index in indices {
            do throws(DialectError) {
                results.append(try transform(self[index]))
            } catch {
                throw error.inside("\(name)[\(index)]")
            }
        }
        return results
    }
}
