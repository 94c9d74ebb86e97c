// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import HTTPSemantics

/// One request, from its head until its response has been sent or its client has left.
package final class ServerRequest {
    /// The checked head.
    package let head: RequestHead
    /// Where the answer goes.
    package let response: ResponseWriter
    /// The time at which the head was complete, on the loop's clock.
    package let received: UInt64
    /// Who is told of the body and of the client's leaving; let go of when the request is over.
    package var owner: (any RequestOwner)?
    private let connection: Connection
    private var body: ByteBuffer
    private var isComplete = false
    private var isCollecting = false
    private(set) var isStreaming = false
    /// Why the server itself ended the request, before its owner heard `clientLeft`; `nil` when the client did.
    package internal(set) var violation: FramingViolation?

    init(_ head: RequestHead, _ connection: Connection, length: Int, received: UInt64) {
        self.head = head
        self.connection = connection
        self.received = received
        response = ResponseWriter(connection, isHead: head.method == "HEAD", minorVersion: head.minorVersion)
        // The announced length is only a claim: room is made for it as far as a small body goes.
        body = ByteBuffer(capacity: min(length, 16 << 10))
    }

    /// The client's address, such as `127.0.0.1`.
    package var peer: String { connection.peer }

    /// Takes in the body, at most `limit` bytes, and hands it to the owner; possibly before this returns.
    ///
    /// A body over the limit is refused with 413 by the server itself, and the owner hears `clientLeft`.
    package func collectBody(limit: Int) {
        isCollecting = true
        guard connection.limitBody(to: limit) else { return }
        if isComplete { return deliver() }
        connection.sendContinue()
    }

    /// Hands the body to the owner piece by piece as it comes, at most `limit` bytes; the first possibly before this returns.
    ///
    /// Nothing is collected: an owner that cannot take more says `pauseBody`, and gets what was read already, up to 16 KiB. A
    /// body over the limit is refused as by `collectBody`, unless the response has begun: then the connection ends.
    package func streamBody(limit: Int) {
        isStreaming = true
        guard connection.limitBody(to: limit) else { return }
        var held = ByteBuffer()
        swap(&held, &body)
        if !held.isEmpty { owner?.receive(held.bytes) }
        guard !isComplete else { return owner?.bodyEnded() ?? () }
        connection.streamingBegan()
        connection.sendContinue()
    }

    /// Reads nothing more of a streamed body until `resumeBody`; the client's leaving is looked for all the same.
    package func pauseBody() { connection.pauseInput() }

    /// Undoes `pauseBody`.
    package func resumeBody() { connection.resumeInput() }

    // MARK: Called by the connection

    func receive(_ bytes: Span<UInt8>) {
        if isStreaming { owner?.receive(bytes) } else { body.append(bytes) }
    }

    func complete() {
        isComplete = true
        if isCollecting { deliver() }
        if isStreaming { owner?.bodyEnded() }
    }

    private func deliver() {
        isCollecting = false
        var whole = ByteBuffer()
        swap(&whole, &body)
        owner?.receivedBody(whole.storage)
    }
}

@available(*, unavailable)
extension ServerRequest: Sendable {}
