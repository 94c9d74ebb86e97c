// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A growable output buffer: what encoders append to and writers send.
///
/// Keeps its capacity over `removeAll`, so a buffer that is reused stops allocating.
///
/// Public, and its leaves inlinable, for bench/relay: Swift 6.3 inlines nothing that is `package` into another module.
public struct ByteBuffer: Sendable {
    @usableFromInline var held: [UInt8]

    /// An empty buffer with room for `capacity` bytes before it has to grow.
    package init(capacity: Int) {
        held = []
        held.reserveCapacity(capacity)
    }

    /// An empty buffer.
    @inlinable
    public init() { held = [] }

    /// The bytes held, as an array.
    @inlinable
    public var storage: [UInt8] { held }

    /// The number of bytes held.
    @inlinable
    public var count: Int { held.count }

    /// Whether no byte is held.
    @inlinable
    public var isEmpty: Bool { held.isEmpty }

    /// The bytes held, valid until the next mutation.
    @inlinable
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { held.span }
    }

    /// Appends one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        held.append(byte)
    }

    /// Appends a whole array.
    package mutating func append(_ bytes: [UInt8]) {
        held.append(contentsOf: bytes)
    }

    /// Appends all bytes of a span.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        // Array takes no span yet (Swift 6.3); the pointer does not outlive the closure.
        unsafe bytes.withUnsafeBufferPointer { unsafe held.append(contentsOf: $0) }
    }

    /// Appends the bytes at `range` of a span, which must lie within it.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        append(bytes.extracting(range))
    }

    /// Appends text as UTF-8.
    package mutating func append(_ text: String) {
        held.append(contentsOf: text.utf8)
    }

    /// Appends a literal as UTF-8.
    @inlinable
    public mutating func append(literal: StaticString) {
        append(literal.bytes)
    }

    /// Takes back what was appended last, so that `count` bytes are left at most.
    package mutating func truncate(to count: Int) {
        held.removeLast(max(0, held.count &- max(0, count)))
    }

    /// Forgets the content, keeping the capacity.
    package mutating func removeAll() {
        held.removeAll(keepingCapacity: true)
    }

    /// Forgets the content, and the capacity too when it is more than `limit` bytes.
    ///
    /// For a buffer that lives as long as its stream, so that one large event is not paid for ever after.
    package mutating func removeAll(keepingAtMost limit: Int) {
        held.removeAll(keepingCapacity: held.capacity <= limit)
    }
}
