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

    package init(maker: String, payload: String) {
        self.maker = maker
        self.payload = payload
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
                self.init(maker: String(rest[..<dot]), payload: String(rest[rest.index(after: dot)...]))
                return
            }
        }
        self.init(maker: fallback, payload: text)
    }
}

extension ChatRequest {
    /// Whether the conversation holds something signed by anybody but `maker`: it came inside a carrier, which no vendor
    /// understands.
    package func hasSignature(notOf maker: String) -> Bool {
        messages.contains { message in
            if message.toolCalls.contains(where: { $0.signature.map { $0.maker != maker } ?? false }) { return true }
            guard case .parts(let parts)? = message.content else { return false }
            return parts.contains { part in
                switch part.kind {
                case .reasoning(_, let signature?), .redactedReasoning(let signature): signature.maker != maker
                default: false
                }
            }
        }
    }
}
