// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import JSON

/// A tool that a model may call.
package struct ChatTool: Equatable, Sendable {
    /// What the tool takes.
    package enum Kind: Equatable, Sendable {
        /// A function whose arguments are JSON, described by a JSON schema.
        case function(parameters: JSONValue?, isStrict: Bool?)
        /// A tool that takes text, of a format when one is given.
        case custom(format: JSONValue?)
        /// A tool that the vendor runs itself, or a kind that is not known here: the whole tool.
        case other(JSONValue)
    }

    /// The name by which the model calls it.
    package var name: String
    /// What it is for, in words for the model.
    package var description: String?
    /// What it takes.
    package var kind: Kind
    /// Members of the tool that have no place above, in their order.
    package var extras: [JSONValue.Member] = []

    package init(name: String, description: String? = nil, kind: Kind) {
        self.name = name
        self.description = description
        self.kind = kind
    }
}

/// Whether and which tool must be called.
package enum ToolChoice: Equatable, Sendable {
    case none, auto, required
    case function(name: String)
    case custom(name: String)
    /// Only these tools may be called, and when required, one must.
    case allowed(names: [String], isRequired: Bool)
    /// A choice that is not known here: the whole value.
    case other(JSONValue)
}

/// A tool that a model called.
package struct ChatToolCall: Equatable, Sendable {
    /// What the tool is given.
    package enum Input: Equatable, Sendable {
        /// JSON text, as the model wrote it; it need not be valid.
        case arguments(String)
        /// The text for a custom tool.
        case text(String)
    }

    /// The id that the result refers to.
    package var id: String
    /// The tool's name.
    package var name: String
    /// What the tool is given.
    package var input: Input
    /// The vendor's signature of the call.
    package var signature: OpaqueSignature?
    /// Members of the call that have no place above, in their order.
    package var extras: [JSONValue.Member] = []

    package init(id: String, name: String, input: Input) {
        self.id = id
        self.name = name
        self.input = input
    }
}
