// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import HTTPSemantics

/// Writes one response: head, body, end. What is written is staged until `flush`.
package final class ResponseWriter {
    private enum Phase {
        case head, body, finishing, over
    }

    private let connection: Connection
    private let isHead: Bool
    private let minorVersion: Int
    private var phase = Phase.head
    /// The head, until it is sent with the first flush.
    private var head = ByteBuffer()
    private(set) var isChunked = false

    init(_ connection: Connection, isHead: Bool, minorVersion: Int) {
        self.connection = connection
        self.isHead = isHead
        self.minorVersion = minorVersion
    }

    /// Whether a head has been given.
    package var hasStarted: Bool { phase != .head }

    /// Whether the response was finished or its client has left.
    package var isOver: Bool { phase == .finishing || phase == .over }

    /// Bytes that the client has not taken yet.
    package var bufferedBytes: Int { phase == .over ? 0 : connection.bufferedBytes }

    /// Whether so much is buffered that the producer should pause until the owner hears `drained`.
    package var isSaturated: Bool { bufferedBytes >= connection.highWatermark }

    /// Begins a body of unknown length: chunked, or ended by the close for an HTTP/1.0 client.
    package func start(status: Int, fields: HTTPFields) {
        guard phase == .head else { return }
        isChunked = minorVersion >= 1
        if !isChunked { connection.closeAfterResponse() }
        writeHead(status, fields, length: nil)
        phase = .body
    }

    /// Sends a whole response.
    package func respond(status: Int, fields: HTTPFields, body: Span<UInt8>) {
        guard phase == .head else { return }
        writeHead(status, fields, length: body.count)
        phase = .body
        if !isHead { write(body) }
        finish()
    }

    /// Appends to the body; sent with the next `flush`.
    package func write(_ bytes: Span<UInt8>) {
        guard phase == .body, !isHead, !bytes.isEmpty else { return }
        write { $0.append(bytes) }
    }

    /// Lets `encode` append to the body where it waits for the next `flush`, which saves a copy; it must not call back.
    package func write(_ encode: (inout ByteBuffer) -> Void) {
        guard phase == .body, !isHead else { return }
        connection.stage(for: self, encode)
    }

    /// Hands what was written to the socket, now.
    package func flush() {
        guard phase == .body else { return }
        connection.flush(self, ending: false)
    }

    /// Ends the body and flushes.
    package func finish() {
        guard phase == .body else { return }
        phase = .finishing
        connection.flush(self, ending: true)
    }

    /// Ends the response without its orderly end: the connection is closed, so that the client sees a cut.
    package func abort() {
        guard phase != .over else { return }
        phase = .over
        connection.kill()
    }

    // MARK: Called by the connection

    func takeHead(into buffer: inout ByteBuffer) {
        guard !head.isEmpty else { return }
        var taken = ByteBuffer()
        swap(&taken, &head)
        buffer.append(taken.bytes)
    }

    func end() { phase = .over }

    private func writeHead(_ status: Int, _ fields: HTTPFields, length: Int?) {
        var fields = fields
        fields.append("Date", connection.date)
        if status == 204 || status == 304 {
            // These have no body, and so no length (RFC 9110, section 8.6).
        } else if let length {
            fields.append("Content-Length", String(length))
        } else if isChunked {
            fields.append("Transfer-Encoding", "chunked")
        }
        if connection.willClose {
            fields.append("Connection", "close")
        } else if minorVersion == 0 {
            fields.append("Connection", "keep-alive")
        }
        _ = ResponseHead(status: status, fields: fields).append(to: &head)
    }
}

@available(*, unavailable)
extension ResponseWriter: Sendable {}
