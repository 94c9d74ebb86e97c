// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How a request's body is delimited (RFC 9112, section 6).
package enum BodyKind: Sendable, Equatable {
    /// There is none: neither Content-Length nor Transfer-Encoding was sent.
    case none
    /// Exactly this many bytes follow.
    case length(Int)
    /// Chunks follow, whose total is known at the end.
    case chunked
}

/// What a head says about the bytes and the connection after it.
package struct MessageFraming: Sendable, Equatable {
    /// How the body is delimited.
    package var body: BodyKind
    /// Whether the client waits for `100 Continue` before it sends a body.
    package var expectsContinue: Bool
    /// Whether the client wants to send another request on this connection.
    package var persists: Bool
}

/// What the framing machine found in the bytes it was fed.
package enum FramingEvent: Sendable, Equatable {
    /// Every byte was consumed and more are needed.
    case needMore
    /// A head is complete and has passed every check.
    case head(RequestHead, MessageFraming)
    /// These of the fed bytes are body, without chunk framing.
    case body(Range<Int>)
    /// The request is complete; no byte is consumed until `next()`.
    case end
    /// The bytes are refused for good: answer with the status, then close.
    case violation(FramingViolation)
}
