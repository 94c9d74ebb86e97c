// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat

/// What has to wait until the call that is open is whole, since its input may still go on.
struct ResponsesHeld: Sendable {
    enum Kind: Equatable {
        case text, refusal, reasoning, signature, redacted, citation, image
        /// A call: its id, its name, and its signature in a carrier.
        case call(number: Int, isCustom: Bool)
    }

    let kind: Kind
    /// The piece, or the pieces in their order, as the insides of strings; of a call its input.
    var text = ByteBuffer()
    /// The second piece of what has two; the id of a call.
    var second = ByteBuffer()
    /// The name of a call.
    var name = ByteBuffer()
    /// The carrier of a call's signature.
    var signature = ByteBuffer()

    init(_ kind: Kind) {
        self.kind = kind
    }

    var count: Int { text.count &+ second.count &+ name.count &+ signature.count &+ 64 }
}
