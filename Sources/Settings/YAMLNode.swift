// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A piece of a settings file, or the value of an environment variable, with the line that it stands on.
struct YAMLNode {
    enum Content {
        /// Nothing, `~`, `null`, or a variable that is empty: the default holds.
        case null
        case scalar(String)
        case list([YAMLNode])
        case map([Entry])
        /// A scalar whose fault is reported already.
        case invalid
    }

    struct Entry {
        let key: String
        let line: Int?
        let value: YAMLNode
    }

    /// From 1; `nil` for what is not in a file.
    let line: Int?
    let content: Content
    /// Whether the text came from a variable, and so may be a credential that must not be shown.
    var isExpanded = false

    /// The value of a key; `nil` if this is not a map or has no such key.
    subscript(key: String) -> YAMLNode? {
        guard case .map(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// What it is, for a message.
    var form: String {
        switch content {
        case .null: "nothing"
        case .scalar, .invalid: "a single value"
        case .list: "a list"
        case .map: "a mapping"
        }
    }
}
