// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import HTTPSemantics

/// Writes one response: head, body, end. What is written is staged until `flush`.
package final class ResponseWriter {
    private enum Phase {
        case head, body, finishing, over
    }

    /// Fields that the head gets beside those given, whoever gives them; to be set before it.
    package var always = HTTPFields()
    private let connection: Connection
    private let isHead: Bool
    private let minorVersion: Int
    private var phase = Phase.head
    /// The head, until it is sent with the first flush.
    private var head = ByteBuffer()
    private(set) var isChunked = false
    /// Whether the head says that no body follows.
    private var hasNoBody = false
    /// Whether the end of the connection is all that ends the body.
    private var endsByClosing = false

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
        endsByClosing = !isChunked
        writeHead(ResponseHead(status: status, fields: fields), length: nil)
        phase = .body
    }

    /// Begins a response that another server made: its head as it is but for the framing of the body, which is ours.
    ///
    /// A response to HEAD, and one of status 204 or 304, has no body whatever `framing` says, and keeps the Content-Length that
    /// its fields may have (RFC 9110, section 8.6). A client that has not sent all of its request is told that the connection ends.
    package func forward(_ head: ResponseHead, _ framing: BodyFraming) {
        guard phase == .head else { return }
        if !connection.requestIsComplete { connection.closeAfterResponse() }
        hasNoBody = isHead || head.status == 204 || head.status == 304 || framing == .none
        var length: Int?
        if !hasNoBody {
            if case .length(let announced) = framing { length = announced }
            isChunked = length == nil && minorVersion >= 1
            endsByClosing = length == nil && !isChunked
            if endsByClosing { connection.closeAfterResponse() }
        }
        writeHead(head, length: length)
        phase = .body
    }

    /// Sends a whole response.
    package func respond(status: Int, fields: HTTPFields, body: Span<UInt8>) {
        guard phase == .head else { return }
        writeHead(ResponseHead(status: status, fields: fields), length: body.count)
        phase = .body
        if !isHead { write(body) }
        finish()
    }

    /// Appends to the body; sent with the next `flush`.
    package func write(_ bytes: Span<UInt8>) {
        guard phase == .body, !isHead, !hasNoBody, !bytes.isEmpty else { return }
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

    /// Ends the response without its orderly end: the connection is closed, so that the client sees a cut; reset, where its
    /// close would look like the end.
    package func abort() {
        guard phase != .over else { return }
        phase = .over
        if endsByClosing { connection.reset() }
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

    private func writeHead(_ given: ResponseHead, length: Int?) {
        var response = given
        var fields = response.fields
        for field in always { fields.append(field.name, field.value) }
        if fields["Date"] == nil { fields.append("Date", connection.date) }
        if given.status == 204 || given.status == 304 {
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
        response.fields = fields
        _ = response.append(to: &head)
    }
}

@available(*, unavailable)
extension ResponseWriter: Sendable {}
