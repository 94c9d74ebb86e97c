// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How a log line is written.
package enum LogFormat: String, Sendable, CaseIterable {
    /// Time, level, message, then `key=value`, for people.
    case text
    /// One JSON object a line (RFC 8259), for machines.
    case json
}
