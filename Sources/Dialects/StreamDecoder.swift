// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat

/// Reads the events of an upstream's stream; one for each stream.
///
/// It gives at most one terminal delta and marks what follows that as being after the end.
package protocol StreamDecoder: Sendable {
    /// Reads one event.
    ///
    /// - Parameters:
    ///   - data: The event's data, lines joined.
    ///   - name: The event's type; empty when the event names none.
    ///   - event: What it means; whatever was there before is forgotten.
    /// - Throws: When the event is not what the dialect sends. It changes nothing then; count and skip it.
    mutating func decode(
        _ data: Span<UInt8>, named name: Span<UInt8>, into event: inout DecodedEvent
    ) throws(MalformedEvent)

    /// How the stream would have ended if the body ended now.
    var ending: StreamEnding { get }
}

/// How the body of an upstream's stream ended.
package enum StreamEnding: Equatable, Sendable {
    /// Every choice that began has ended, with a reason.
    case complete
    /// Upstream said that the stream is over, but a choice has not ended.
    case unfinished
    /// Nothing was answered at all.
    case empty
    /// The body broke off.
    case truncated
    /// Upstream reported a failure.
    case failed
}
