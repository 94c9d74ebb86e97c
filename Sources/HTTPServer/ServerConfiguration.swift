// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics

/// The bounds of a server; times in nanoseconds, sizes in bytes.
package struct ServerConfiguration: Sendable {
    /// Connections open at once; further ones wait in the kernel's backlog.
    package var maxConnections = 20_000
    /// Limits on heads, bodies and chunk framing.
    package var framing = FramingLimits()
    /// From the first byte of a head, or from the connect, to its end.
    package var headerTimeout: UInt64 = 10_000_000_000
    /// From the head to the end of the body; of a streamed body, between two pieces of it.
    package var bodyTimeout: UInt64 = 60_000_000_000
    /// How long a kept connection may stay idle between requests.
    package var idleTimeout: UInt64 = 75_000_000_000
    /// How long a client may take none of the bytes that wait for it.
    package var sendTimeout: UInt64 = 120_000_000_000
    /// Buffered output at which a response counts as saturated.
    package var highWatermark = 64 << 10
    /// Bytes of pipelined requests held while an answer is under way; beyond it they are dropped.
    package var maxPipelined = 64 << 10

    package init() {}
}

/// What the server needs from the floor above.
package protocol RequestHandler: AnyObject {
    /// A request's head is complete; its body may still be on its way. Must lead to a response.
    func receive(_ request: ServerRequest)
    /// The fields and the body of an answer that the server gives by itself: a violation, a time-out; `head` is what it knows of
    /// the request's.
    func refusal(_ violation: FramingViolation, head: RequestHead?) -> (fields: HTTPFields, body: [UInt8])
    /// The number of open connections changed by `change`.
    func connectionsChanged(by change: Int)
    /// A client's bytes were refused; `reason` is one of a fixed set.
    func refused(_ reason: String)
}

/// Who answers a request: told what its client does meanwhile.
///
/// Of the calls about the body, an owner implements those of the way in which it asked for it.
package protocol RequestOwner: AnyObject {
    /// The body that was asked for with `collectBody` is complete.
    func receivedBody(_ body: [UInt8])
    /// A piece of the body that was asked for with `streamBody`; the bytes are valid only during the call.
    func receive(_ piece: Span<UInt8>)
    /// The streamed body came to its end.
    func bodyEnded()
    /// The client is gone: nothing that is written reaches it. Last call.
    func clientLeft()
    /// A saturated response has drained below its low watermark.
    func drained()
}

extension RequestOwner {
    package func receivedBody(_: [UInt8]) {}
    package func receive(_: Span<UInt8>) {}
    package func bodyEnded() {}
}
