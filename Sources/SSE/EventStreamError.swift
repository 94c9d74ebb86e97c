// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Why an event stream could not be read on.
package enum EventStreamError: Error, Equatable, Sendable {
    /// One line, or one event's data, grew past the parser's bound; nothing more is parsed.
    case tooLong(limit: Int)
}
