// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What one upstream event means, and where in its data the places are that a passthrough may change.
///
/// A stream keeps one and decodes every event into it, so that nothing is allocated in steady state.
package struct DecodedEvent: Sendable {
    /// What the event adds, in order; slices are ranges of the event's data, or of `ownText` when `hasOwnText`.
    package var deltas: [ChatDelta] = []
    /// Text that the decoder made because the event's data does not hold it as a delta needs it.
    package var ownText = ByteBuffer()
    /// Whether all slices of this event are ranges of `ownText`.
    package var hasOwnText = false
    /// The inside of the model's name.
    package var modelRange: Range<Int>?
    /// The member that reports usage, with the comma that has to go with it.
    package var usageMember: Range<Int>?
    /// Finish reasons of choices that had ended before; a client must not see them again.
    package var repeatedFinishes: [Range<Int>] = []
    /// Whether the data is known to hold no line end; when not, it may still hold none.
    package var isOneLine = false
    /// Whether it reports usage and nothing else.
    package var isUsageOnly = false
    /// Whether upstream says with it that the stream is over.
    package var isDone = false
    /// Whether it ends the stream, by saying so or by a failure.
    package var isTerminal = false
    /// Whether it came after the end, or repeats one; to be dropped.
    package var isAfterEnd = false

    /// An event without meaning, to decode into.
    package init() {}

    /// Forgets the event, keeping the storage.
    package mutating func reset() {
        deltas.removeAll(keepingCapacity: true)
        forgetAllButDeltas()
    }

    /// Becomes an event that adds one delta and nothing else; for text after text, which is most of a stream.
    package mutating func become(_ delta: consuming ChatDelta) {
        if deltas.count == 1 {
            deltas[0] = delta
        } else {
            deltas.removeAll(keepingCapacity: true)
            deltas.append(delta)
        }
        forgetAllButDeltas()
    }

    private mutating func forgetAllButDeltas() {
        if hasOwnText { ownText.removeAll(keepingAtMost: 1 << 20) }
        hasOwnText = false
        modelRange = nil
        usageMember = nil
        isOneLine = false
        if !repeatedFinishes.isEmpty { repeatedFinishes.removeAll(keepingCapacity: true) }
        isUsageOnly = false
        isDone = false
        isTerminal = false
        isAfterEnd = false
    }
}
