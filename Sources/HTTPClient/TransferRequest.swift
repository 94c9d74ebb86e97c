// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

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
    /// From the start to the first byte of the body.
    package var firstByte: UInt64
    /// Between two pieces of the body.
    package var idle: UInt64

    package init(
        connect: UInt64 = 5_000_000_000, firstByte: UInt64 = 60_000_000_000, idle: UInt64 = 60_000_000_000
    ) {
        self.connect = connect
        self.firstByte = firstByte
        self.idle = idle
    }
}
