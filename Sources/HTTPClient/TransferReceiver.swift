// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics

/// What a receiver tells the transport about a chunk.
package enum Verdict: Sendable {
    /// The chunk was taken.
    case proceed
    /// The chunk was not taken: deliver it again, whole, after `resume`.
    case pause
    /// The chunk was not taken and none is wanted any more.
    case abort
}

/// Who gets what an upstream answers. Calls come on the loop, in the order head, chunks, finish.
package protocol TransferReceiver: AnyObject {
    /// The final head (never a 1xx) is complete.
    func receive(_ head: TransferHead)
    /// A piece of the body; the bytes are valid only during the call.
    func receive(_ chunk: Span<UInt8>) -> Verdict
    /// All that one read brought has been delivered: time to flush.
    func receivedBatch()
    /// The transfer is over: `nil` means the body came to its orderly end. Last call; never after `cancel`.
    func finish(_ error: TransferError?)
}

/// One transfer as its receiver may steer it.
package protocol UpstreamTransfer: AnyObject {
    /// How long it took until there was a connection to send on, in nanoseconds; `nil` while there is none.
    var connectTime: UInt64? { get }
    /// Undoes a `pause` verdict, soon: never before the caller has returned.
    func resume()
    /// Ends the transfer at once, whatever its stage; the receiver is not called any more.
    func cancel()
    /// Needs nothing more, but leaves the body a moment to end, so that the connection can be used again; the
    /// receiver is not called any more.
    func release()
}

extension UpstreamTransfer {
    /// Where nothing is connected to, nothing is waited for.
    package var connectTime: UInt64? { 0 }
}

/// A place that transfers can be started on: libcurl, or the built-in simulator.
package protocol UpstreamTransport: AnyObject {
    /// Begins a transfer; the receiver is first called after this has returned.
    func start(_ request: TransferRequest, _ receiver: any TransferReceiver) -> any UpstreamTransfer
}

/// One transfer whose request is handed on for a client while it comes in.
package protocol ForwardingTransfer: UpstreamTransfer {
    /// Adds a piece to the request's body; the bytes are copied.
    func send(_ piece: Span<UInt8>)
    /// The request's body is complete.
    func finishSending()
    /// Bytes of the body that upstream has not been given yet.
    var unsentBytes: Int { get }
}

/// Who gets the answer to a request that is handed on, its head with all lines as they came.
package protocol ForwardingReceiver: TransferReceiver {
    /// Upstream was given bytes of the request's body, `left` still wait.
    func sentBytes(_ left: Int)
}

/// A place that takes requests which are handed on for clients: libcurl.
package protocol ForwardingTransport: AnyObject {
    /// Begins a transfer of a request with `forwarding`; the receiver is first called after this has returned.
    func forward(_ request: TransferRequest, _ receiver: any ForwardingReceiver) -> any ForwardingTransfer
}

/// The status line and the fields of an upstream's answer.
package struct TransferHead: Sendable {
    /// The status code, 200 and up.
    package var status: Int
    /// Field lines, names lowercased; at most 64 are kept. Empty for a request that is handed on.
    package var fields: [(name: String, value: String)]
    /// Field lines as they came, of a request that is handed on.
    package var lines = HTTPFields()
    /// The reason phrase, of a request that is handed on; may be empty.
    package var reason = ""

    package init(status: Int, fields: [(name: String, value: String)] = []) {
        self.status = status
        self.fields = fields
    }

    /// The first value of a field; `name` in lower case.
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// Why a transfer ended without a whole answer.
package enum TransferError: Error, Equatable, Sendable {
    /// The host's name could not be resolved.
    case unresolved
    /// No connection: refused, unreachable.
    case unreachable
    /// The connection could not be made secure; the text is the TLS library's, bounded.
    case insecure(String)
    case connectTimeout, firstByteTimeout, idleTimeout
    /// The peer took nothing of the request's body for too long.
    case sendTimeout
    /// The peer closed or reset the connection before a whole head.
    case closed
    /// The peer closed or reset the connection inside the body.
    case truncated
    /// What came was not HTTP.
    case invalid
    /// Anything else libcurl reports, by its number.
    case failed(Int)
}
