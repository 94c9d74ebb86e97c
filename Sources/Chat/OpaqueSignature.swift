// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What a model's vendor attached to its reasoning or its tool call, to be sent back unchanged: a signature, or the
/// reasoning itself encrypted.
///
/// Only the vendor that made it can use it, and refuses another's. Where the client's dialect is the maker's own, it
/// travels as it is; elsewhere inside a carrier that names the maker, so that it finds its way back to it alone,
/// whichever gateway process the client's next request meets.
package struct OpaqueSignature: Equatable, Sendable {
    /// Whose it is: a word of a to z, 0 to 9 and `-`, such as `anthropic`.
    package var maker: String
    /// The maker's text, byte for byte.
    package var payload: String
    /// Whether it came inside a carrier, which no vendor understands.
    package var isCarried: Bool

    package init(maker: String, payload: String, isCarried: Bool = false) {
        self.maker = maker
        self.payload = payload
        self.isCarried = isCarried
    }

    /// Whether both are the same text of the same maker, however they came.
    package static func == (first: OpaqueSignature, second: OpaqueSignature) -> Bool {
        first.maker == second.maker && first.payload == second.payload
    }

    /// What every carrier begins with.
    private static let mark = "slc1."

    /// The carrier: the mark, the maker, a dot, the payload.
    package var carrier: String { OpaqueSignature.carrierPrefix(maker: maker) + payload }

    /// What stands before the payload in a carrier; plain ASCII that no string of JSON escapes.
    package static func carrierPrefix(maker: String) -> String { mark + maker + "." }

    /// Reads a text that a client sent back: a carrier, or else the bare text of `fallback`'s own dialect.
    package init(reading text: String, fallback: String) {
        if text.hasPrefix(OpaqueSignature.mark) {
            let rest = text.dropFirst(OpaqueSignature.mark.count)
            if let dot = rest.firstIndex(of: ".") {
                self.init(
                    maker: String(rest[..<dot]), payload: String(rest[rest.index(after: dot)...]), isCarried: true)
                return
            }
        }
        self.init(maker: fallback, payload: text)
    }
}

extension ChatRequest {
    /// Whether the conversation holds a carrier of anybody but `maker`, which its vendor would not understand.
    package func hasCarriedSignature(notOf maker: String) -> Bool {
        func isForeign(_ signature: OpaqueSignature) -> Bool { signature.isCarried && signature.maker != maker }
        return messages.contains { message in
            if message.toolCalls.contains(where: { $0.signature.map(isForeign) ?? false }) { return true }
            guard case .parts(let parts)? = message.content else { return false }
            return parts.contains { part in
                switch part.kind {
                case .reasoning(_, let signature?), .redactedReasoning(let signature): isForeign(signature)
                default: false
                }
            }
        }
    }
}
