// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import JSON

/// One message of a conversation.
package struct ChatMessage: Equatable, Sendable {
    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable {
        case developer, system, user, assistant, tool
        /// A result in the legacy form, found by the function's name.
        case function
    }

    /// Who speaks.
    package var role: Role
    /// What is said; `nil` when the message has no content, as one that only calls tools.
    package var content: ChatContent?
    /// The tools an assistant called.
    package var toolCalls: [ChatToolCall] = []
    /// The call that a tool's message answers.
    package var toolCallID: String?
    /// Whether a tool's message tells that the call failed.
    package var isError = false
    /// The speaker's name.
    package var name: String?
    /// Members of the message that have no place above, in their order.
    package var extras: [JSONValue.Member] = []

    /// A message that says `content`.
    package init(role: Role, content: ChatContent?) {
        self.role = role
        self.content = content
    }

    /// The text of the message, its parts joined; what is not text is left out.
    package var text: String { content?.text ?? "" }
}

/// What a message says.
package enum ChatContent: Equatable, Sendable {
    case text(String)
    case parts([ChatPart])

    /// The text, parts joined.
    package var text: String {
        switch self {
        case .text(let text): text
        case .parts(let parts):
            parts.reduce(into: "") { joined, part in
                if case .text(let text) = part.kind { joined += text }
            }
        }
    }
}

/// A part of a message's content.
package struct ChatPart: Equatable, Sendable {
    /// What the part is.
    package enum Kind: Equatable, Sendable {
        case text(String)
        /// What the model thought, in the assistant's message, with the vendor's signature when there is one.
        case reasoning(text: String, signature: OpaqueSignature?)
        /// What the model thought, readable by its vendor alone.
        case redactedReasoning(OpaqueSignature)
        /// What the model said in declining.
        case refusal(String)
        /// An image by its address, which may be a `data:` URL; `detail` in the vendor's words.
        case image(url: String, detail: String?)
        /// Sound in base64, and its format (`wav`, `mp3`).
        case audio(base64: String, format: String)
        /// A file by its id at the vendor, or by its content as a `data:` URL, or by its address in `data`.
        case file(id: String?, data: String?, name: String?)
        /// A kind that is not known here: the whole part.
        case other(JSONValue)
    }

    /// What the part is.
    package var kind: Kind
    /// Members of the part beside its kind's own, in their order.
    package var extras: [JSONValue.Member] = []

    package init(_ kind: Kind) {
        self.kind = kind
    }
}
