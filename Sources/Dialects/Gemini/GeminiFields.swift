// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension JSONFields {
    /// The members of an object of Google's, whose names may also be spelled with underscores (proto3 JSON on input).
    init(google members: [JSONValue.Member]) {
        self.init(members.map { JSONValue.Member(GeminiFields.camelCase($0.key), $0.value) })
    }

    /// The members of a value that must be an object of Google's.
    init(google value: JSONValue) throws(DialectError) {
        guard let members = value.members else { throw .wrongType(nil, expected: "an object") }
        self.init(google: members)
    }

    /// Takes a member that is an object of Google's.
    mutating func googleObject(_ name: String) throws(DialectError) -> JSONFields? {
        try object(name).map { JSONFields(google: $0.rest) }
    }
}

/// Names and leftovers of Google's objects.
enum GeminiFields {
    /// The name as Google writes it: `function_call` becomes `functionCall`.
    static func camelCase(_ name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "_")), name.first != "_" else { return name }
        var result: [UInt8] = []
        var isUpper = false
        for byte in name.utf8 {
            if byte == UInt8(ascii: "_") {
                isUpper = true
            } else {
                let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                result.append(isUpper && isLetter ? byte &- 32 : byte)
                isUpper = false
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What is left of an object inside, as a member that `merge` puts back; empty when nothing is.
    static func leftover(_ name: String, _ rest: [JSONValue.Member]) -> [JSONValue.Member] {
        rest.isEmpty ? [] : [.init(name, .object(rest))]
    }

    /// Adds members to an object; an object that is there under the same name is added to, any other value is replaced.
    static func merge(_ extras: [JSONValue.Member], into members: inout [JSONValue.Member]) {
        for extra in extras {
            guard let place = members.firstIndex(where: { $0.key == extra.key }) else {
                members.append(extra)
                continue
            }
            if var inner = members[place].value.members, let more = extra.value.members {
                merge(more, into: &inner)
                members[place].value = .object(inner)
            } else {
                members[place].value = extra.value
            }
        }
    }
}
