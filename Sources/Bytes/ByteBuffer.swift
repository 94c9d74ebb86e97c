// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A growable output buffer: what encoders append to and writers send.
///
/// Keeps its capacity over `removeAll`, so a buffer that is reused stops allocating.
package struct ByteBuffer: Sendable {
    package private(set) var storage: [UInt8]

    /// An empty buffer with room for `capacity` bytes before it has to grow.
    package init(capacity: Int = 0) {
        storage = []
        storage.reserveCapacity(capacity)
    }

    /// The number of bytes held.
    package var count: Int { storage.count }

    /// Whether no byte is held.
    package var isEmpty: Bool { storage.isEmpty }

    /// The bytes held, valid until the next mutation.
    package var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { storage.span }
    }

    /// Appends one byte.
    package mutating func append(_ byte: UInt8) {
        storage.append(byte)
    }

    /// Appends a whole array.
    package mutating func append(_ bytes: [UInt8]) {
        storage.append(contentsOf: bytes)
    }

    /// Appends all bytes of a span.
    package mutating func append(_ bytes: Span<UInt8>) {
        // Array takes no span yet (Swift 6.3); the pointer does not outlive the closure.
        unsafe bytes.withUnsafeBufferPointer { unsafe storage.append(contentsOf: $0) }
    }

    /// Appends the bytes at `range` of a span, which must lie within it.
    package mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        append(bytes.extracting(range))
    }

    /// Appends text as UTF-8.
    package mutating func append(_ text: String) {
        storage.append(contentsOf: text.utf8)
    }

    /// Appends a literal as UTF-8.
    package mutating func append(literal: StaticString) {
        append(literal.bytes)
    }

    /// Forgets the content, keeping the capacity.
    package mutating func removeAll() {
        storage.removeAll(keepingCapacity: true)
    }

    /// Forgets the content, and the capacity too when it is more than `limit` bytes.
    ///
    /// For a buffer that lives as long as its stream, so that one large event is not paid for ever after.
    package mutating func removeAll(keepingAtMost limit: Int) {
        storage.removeAll(keepingCapacity: storage.capacity <= limit)
    }
}
