// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// An event that is not what the dialect sends; the stream it came in can be read on.
package struct MalformedEvent: Error, Equatable, Sendable {
    /// The offset in the event's data at which reading stopped.
    package let offset: Int

    package init(at offset: Int) {
        self.offset = offset
    }
}
