// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes

/// The one buffer of an event loop in which a response's bytes wait for their flush.
///
/// A flush follows within the same callback, so one stage serves all connections: an idle stream holds no output
/// buffer. When another connection writes before the first has flushed, the first is flushed for it.
final class OutputStage {
    /// At this size a response is flushed without waiting for its writer.
    static let limit = 64 << 10

    private(set) var owner: Connection?
    private var writer: ResponseWriter?
    /// The body bytes to send, without chunk framing.
    private(set) var payload = ByteBuffer(capacity: OutputStage.limit)
    /// What goes before the payload: head, chunk size.
    var prefix = ByteBuffer(capacity: 1024)

    var isFull: Bool { payload.count >= OutputStage.limit }

    /// How many bytes wait here for a connection's flush.
    func count(for connection: Connection) -> Int { owner === connection ? payload.count : 0 }

    /// Lets `encode` append to what waits for a connection.
    func append(for connection: Connection, _ writer: ResponseWriter, _ encode: (inout ByteBuffer) -> Void) {
        if owner !== connection {
            if let owner, let writer = self.writer { owner.flush(writer, ending: false) }
            owner = connection
            self.writer = writer
        }
        encode(&payload)
    }

    /// Lends the bytes to send: prefix and payload.
    func withParts(_ work: (_ prefix: Span<UInt8>, _ payload: Span<UInt8>) -> Void) {
        var first = ByteBuffer()
        var second = ByteBuffer()
        swap(&first, &prefix)
        swap(&second, &payload)
        work(first.bytes, second.bytes)
        swap(&first, &prefix)
        swap(&second, &payload)
    }

    /// Forgets what was staged, after it was sent.
    func release() {
        owner = nil
        writer = nil
        // A large event is not paid for ever after.
        payload.removeAll(keepingAtMost: 4 * OutputStage.limit)
    }

    /// Forgets what a closed connection had staged.
    func drop(_ connection: Connection) {
        if owner === connection { release() }
    }
}
