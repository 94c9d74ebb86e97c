// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How the end of a message's body is told to who gets it.
package enum BodyFraming: Sendable, Equatable {
    /// There is none: no byte may follow the head.
    case none
    /// By a Content-Length, in bytes.
    case length(Int)
    /// By chunks; where the receiver knows none (HTTP/1.0), by the end of the connection.
    case unknown
}
