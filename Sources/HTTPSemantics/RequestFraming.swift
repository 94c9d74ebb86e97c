// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Finds where requests begin and end in a client's bytes (RFC 9112), and refuses whatever two parsers could
/// read in two ways.
///
/// Feed it bytes in a loop, also with none left, until it says `needMore`, `end` or `violation`; cut off
/// what it consumed before the next call. Any cut of the same bytes gives the same requests. It
/// holds no more than one head, and nothing but counters once the head is handed out.
package struct RequestFraming: ~Copyable, Sendable {
    /// Where in a request the next byte belongs.
    package enum Phase: Sendable, Equatable {
        /// No byte of a request has come, at most an empty line.
        case idle
        /// A head has begun and is not complete.
        case head
        /// The head was handed out; body, chunk framing or trailers follow.
        case body
        /// The request is complete; `next()` starts another.
        case ended
        /// A violation was found; nothing is consumed any more.
        case refused
    }

    /// `head` goes to `length` or `chunked`, these to `ended`, `next()` leads back to `head`; any may go
    /// to `refused`, which is final.
    enum State: Sendable {
        case head(HeadState)
        case length
        case chunked(ChunkState)
        case ended
        case refused(FramingViolation)
    }

    let limits: FramingLimits
    var state = State.head(.start)
    /// The method, the target, then one `HTTPFields` record a field; empty outside a head.
    var head: [UInt8] = []
    /// The ends of the method and the target in `head`.
    var methodEnd = 0
    var targetEnd = 0
    /// The start of the field being read in `head`, and the end of its name.
    var fieldStart = 0
    var nameEnd = 0
    var fieldCount = 0
    var minorVersion: UInt8 = 0
    /// The bytes of the head or of the trailer section so far, or of the chunk-size line.
    var framingBytes = 0
    /// The bytes of chunk framing so far, in the whole body.
    var chunkOverhead = 0
    /// Body bytes still to come, of the body or of the chunk.
    var remaining = 0
    /// Body bytes already announced, by a Content-Length or by chunk sizes.
    var announced = 0
    var bodyLimit: Int

    /// Method and target of a refused request, when they were read before the violation and no head was handed out; with its
    /// fields, when the announced length was all that was wrong.
    ///
    /// It tells in which dialect to answer, and whom.
    package private(set) var refusedHead: RequestHead?
    /// The fields of a head whose body will not be taken.
    var refusedFields = HTTPFields()

    /// A machine at the start of a connection.
    package init(limits: FramingLimits = FramingLimits()) {
        self.limits = limits
        bodyLimit = limits.maxBody
    }

    /// Where in a request the next byte belongs: tells idle time-outs from head and body deadlines.
    package var phase: Phase {
        switch state {
        case .head(.start): .idle
        case .head: .head
        case .length, .chunked: .body
        case .ended: .ended
        case .refused: .refused
        }
    }

    /// Reads on; `consumed` of the bytes belong to the event and must not be fed again.
    package mutating func feed(_ bytes: Span<UInt8>) -> (consumed: Int, event: FramingEvent) {
        switch state {
        case .head: readHead(bytes)
        case .length: readLength(bytes)
        case .chunked(let chunk): readChunked(bytes, from: chunk)
        case .ended: (0, .end)
        case .refused(let violation): (0, .violation(violation))
        }
    }

    /// Lowers the limit of this request's body, once its head has told who asks.
    ///
    /// Returns `bodyTooLarge`, and refuses all further bytes, when more than that is already announced.
    package mutating func limitBody(to limit: Int) -> FramingViolation? {
        bodyLimit = min(bodyLimit, max(0, limit))
        guard phase == .body, announced > bodyLimit else { return nil }
        return refuse(.bodyTooLarge)
    }

    /// Gives up on the request for a reason outside its bytes, such as `timeout`.
    ///
    /// Final; returns the first reason when there was one already.
    @discardableResult
    package mutating func refuse(_ violation: FramingViolation) -> FramingViolation {
        if case .refused(let first) = state { return first }
        if targetEnd > methodEnd, targetEnd <= head.count {
            refusedHead = RequestHead(
                method: String(decoding: head[..<methodEnd], as: UTF8.self),
                target: String(decoding: head[methodEnd..<targetEnd], as: UTF8.self), fields: refusedFields)
        }
        head = []
        state = .refused(violation)
        return violation
    }

    /// Starts the next request of the connection, with its first limits; without effect unless one has ended.
    package mutating func next() {
        guard case .ended = state else { return }
        self = RequestFraming(limits: limits)
    }

    private mutating func readLength(_ bytes: Span<UInt8>) -> (consumed: Int, event: FramingEvent) {
        guard remaining > 0 else {
            state = .ended
            return (0, .end)
        }
        guard !bytes.isEmpty else { return (0, .needMore) }
        let taken = min(remaining, bytes.count)
        remaining -= taken
        return (taken, .body(0..<taken))
    }
}
