// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat

/// What one upstream event means, and where in its data the places are that a passthrough may change.
///
/// A stream keeps one and decodes every event into it, so that nothing is allocated in steady state.
package struct DecodedEvent: Sendable {
    /// What the event adds, in order; slices are ranges of the event's data.
    package var deltas: [ChatDelta] = []
    /// The inside of the model's name.
    package var modelRange: Range<Int>?
    /// The member that reports usage, with the comma that has to go with it.
    package var usageMember: Range<Int>?
    /// Finish reasons of choices that had ended before; a client must not see them again.
    package var repeatedFinishes: [Range<Int>] = []
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
        modelRange = nil
        usageMember = nil
        repeatedFinishes.removeAll(keepingCapacity: true)
        isUsageOnly = false
        isDone = false
        isTerminal = false
        isAfterEnd = false
    }
}

/// An event that is not what the dialect sends; the stream it came in can be read on.
package struct MalformedEvent: Error, Equatable, Sendable {
    /// The offset in the event's data at which reading stopped.
    package let offset: Int

    package init(at offset: Int) {
        self.offset = offset
    }
}
