// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How much of one request is taken before it is refused; all are in bytes, but for the number of fields.
package struct FramingLimits: Sendable, Equatable {
    /// The longest request target (414).
    package var maxTarget = 8 << 10
    /// The longest head, from its first byte to the blank line (431).
    package var maxHead = 64 << 10
    /// The most header fields (431).
    package var maxFields = 100
    /// The longest body, after de-chunking (413).
    package var maxBody = 32 << 20
    /// The longest chunk-size line, with its extension.
    package var maxChunkLine = 256
    /// How far the framing of chunks may outweigh what they carry, over the whole body.
    ///
    /// Ten-byte chunks never come near it; 200 000 one-byte chunks with extensions would keep the loop
    /// busy for the price of a small body.
    package var maxChunkOverhead = 64 << 10
    /// The longest trailer section (431).
    package var maxTrailer = 8 << 10

    /// The limits that suit an API gateway.
    package init() {}
}
