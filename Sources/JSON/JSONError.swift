// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Why some bytes are not JSON (RFC 8259), and where.
package struct JSONError: Error, Equatable, Sendable {
    /// What was wrong at the offset.
    package enum Reason: Equatable, Sendable {
        case unexpectedByte, unexpectedEnd, invalidNumber, invalidEscape, controlCharacter
        case invalidUTF8, loneSurrogate, tooDeep, tooMany, trailingBytes
    }

    /// What was wrong.
    package let reason: Reason
    /// The byte offset, from 0, at which reading stopped.
    package let offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}
