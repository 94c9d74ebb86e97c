// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import HTTPSemantics

/// One HTTP request to an upstream.
package struct TransferRequest {
    /// The whole URL, `http` or `https`; from settings, never from a client.
    package var url: String
    /// Field lines as they go on the wire; values must be free of CR, LF and NUL.
    package var fields: [(name: String, value: String)]
    /// The body of a POST; `nil` makes it a GET.
    package var body: [UInt8]?
    /// When to give up waiting.
    package var timeouts: TransferTimeouts
    /// A file of certificate authorities in place of the system's.
    package var authorities: String?
    /// What makes it a request that is handed on for a client, in place of `body`; only for `ForwardingTransport`.
    package var forwarding: Forwarding?

    /// A request as a client made it.
    package struct Forwarding {
        /// The method, a token; never CONNECT.
        package var method: String
        /// The request target in origin form, sent as it is. It decides nothing about where the request goes: the URL does.
        package var target: String
        /// Field lines that go out beside `fields`; without those of the body's framing.
        package var lines: HTTPFields
        /// How the body is framed, whose bytes come by `ForwardingTransfer.send`.
        package var framing: BodyFraming

        package init(method: String, target: String, lines: HTTPFields, framing: BodyFraming) {
            self.method = method
            self.target = target
            self.lines = lines
            self.framing = framing
        }
    }

    package init(
        url: String, fields: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        timeouts: TransferTimeouts = TransferTimeouts(), authorities: String? = nil
    ) {
        self.url = url
        self.fields = fields
        self.body = body
        self.timeouts = timeouts
        self.authorities = authorities
    }
}

/// How long each phase of a transfer may take, in nanoseconds; there is no limit on the whole.
package struct TransferTimeouts: Equatable, Sendable {
    /// Name resolution, TCP and TLS together.
    package var connect: UInt64
    /// From the start, or from the end of a forwarded request's body, to the first byte of the answer's body.
    package var firstByte: UInt64
    /// Between two pieces of the body; of a forwarded request's body too, when the upstream does not take them.
    package var idle: UInt64

    package init(
        connect: UInt64 = 5_000_000_000, firstByte: UInt64 = 60_000_000_000, idle: UInt64 = 60_000_000_000
    ) {
        self.connect = connect
        self.firstByte = firstByte
        self.idle = idle
    }
}
