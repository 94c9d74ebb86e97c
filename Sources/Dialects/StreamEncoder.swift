// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat

/// Writes the event stream that a client reads, from deltas of another dialect; one for each stream.
///
/// It ends by exactly one of `finish` and `fail`, which the caller chooses; what comes after is ignored.
package protocol StreamEncoder: Sendable {
    /// Appends what the client gets for an upstream event: nothing, one event or several.
    ///
    /// `text` is what the slices of the event's deltas are ranges of. The terminal delta appends nothing: the caller tells by
    /// `finish` or `fail` how the stream ends.
    mutating func encode(_ event: borrowing DecodedEvent, of text: Span<UInt8>, into buffer: inout ByteBuffer)

    /// Appends the orderly end.
    mutating func finish(into buffer: inout ByteBuffer)

    /// Appends an error event as the end; `requestID` is what the client can quote.
    mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer)

    /// Appends bytes that every client of the dialect ignores, to show that the stream is alive.
    mutating func heartbeat(into buffer: inout ByteBuffer)
}
