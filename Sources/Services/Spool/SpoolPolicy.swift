// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Where the answers of providers are kept as they came, and within which bounds.
package struct SpoolPolicy: Equatable, Sendable {
    /// The folder.
    package var path: String
    /// Bytes of all files together, each counted in blocks of 4 KiB.
    package var folderLimit = 1 << 30
    /// Bytes of one answer.
    package var answerLimit = 16 << 20
    /// The age at which files are removed, in nanoseconds; 0 keeps them.
    package var retention: UInt64 = 0
    /// Bytes that may wait for the disk.
    package var queueLimit = 8 << 20
    /// How long what came may wait for more to be written with, in nanoseconds.
    package var flushInterval: UInt64 = 200_000_000

    package init(path: String) { self.path = path }

    /// Bytes of a batch that is handed to the disk without waiting for more.
    static let batchBytes = 256 << 10
    /// Bytes of an answer with an error that are kept: it is held back until its end, to be looked through for credentials.
    static let refusalLimit = 64 << 10
}
