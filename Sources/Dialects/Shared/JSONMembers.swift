// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import JSON

/// The members of an object in the making; what is `nil` is left out.
struct JSONMembers {
    var members: [JSONValue.Member] = []

    mutating func add(_ name: String, _ value: JSONValue?) {
        if let value { members.append(JSONValue.Member(name, value)) }
    }

    mutating func add(_ name: String, _ text: String?) {
        add(name, text.map { JSONValue.string($0) })
    }

    mutating func add(_ name: String, _ bool: Bool?) {
        add(name, bool.map { JSONValue.bool($0) })
    }

    /// Adds a number by its spelling.
    mutating func add(number name: String, _ raw: String?) {
        add(name, raw.map { JSONValue.number($0) })
    }
}
