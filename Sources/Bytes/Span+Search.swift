// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

// Public because Swift 6.3 inlines nothing that is `package` into another module: with calls instead,
// tokenizing a chunk of 282 bytes took 806 ns instead of 505 ns.

extension StaticString {
    /// The bytes of a string literal, which live as long as the process.
    @inlinable
    public var bytes: Span<UInt8> {
        @_lifetime(immortal)
        get {
            // A string literal is constant data of the program, so the span can never dangle.
            let literal = unsafe UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
            return unsafe _overrideLifetime(literal.span, copying: ())
        }
    }
}

extension Span<UInt8> {
    /// Whether the bytes at `range`, which must lie within the span, are those of `other`.
    @inlinable
    public func equals(_ range: Range<Int>, _ other: Span<UInt8>) -> Bool {
        guard range.count == other.count else { return false }
        let mine = extracting(range)
        // A chunk is compared with the one before it (bench/relay, burst); most keys are shorter and stay in line.
        guard other.count < 16 else { return mine.isSame(as: other) }
        var index = 0
        // Raw bytes are read eight at a time, and only while both spans have eight left.
        let (left, right) = unsafe (mine.bytes, other.bytes)
        while index &+ 8 <= other.count {
            let first = unsafe left.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            let second = unsafe right.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            guard first == second else { return false }
            index &+= 8
        }
        while index < other.count {
            guard mine[index] == other[index] else { return false }
            index &+= 1
        }
        return true
    }

    /// Whether the first bytes of the span are those of `prefix`.
    @inlinable
    public func starts(with prefix: Span<UInt8>) -> Bool {
        count >= prefix.count && equals(0..<prefix.count, prefix)
    }

    /// Whether all bytes are those of `other`, which must be as long.
    @usableFromInline
    func isSame(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { other in
                guard let left = mine.baseAddress, let right = other.baseAddress else { return true }
                return unsafe memcmp(left, right, mine.count) == 0
            }
        }
    }

    /// The offset of the first CR or LF at or after `start`; `count` when there is none.
    ///
    /// It looks at every byte that an upstream sends, so the C library does it, 32 bytes at a time.
    public func firstLineEnd(from start: Int) -> Int {
        var start = Swift.max(start, 0)
        // In steps, or text that has only one of the two would be searched to its end for the other at each line.
        while start < count {
            let end = start &+ Swift.min(512, count &- start)
            let lineFeed = first(0x0A, in: start..<end)
            let found = first(0x0D, in: start..<lineFeed)
            if found < end { return found }
            start = end
        }
        return count
    }

    /// The offset of the first `byte` in a range; the range's end when there is none.
    private func first(_ byte: UInt8, in range: Range<Int>) -> Int {
        unsafe extracting(range).withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress,
                let found = unsafe memchr(base, Int32(byte), bytes.count)
            else { return range.upperBound }
            return unsafe range.lowerBound &+ (UnsafeRawPointer(found) - base)
        }
    }

    /// The offset of the first byte at or after `start` at which the plain run of a JSON string stops.
    ///
    /// That is a quote, a backslash, a control byte or a byte from 0x80; `count` when there is none.
    /// Inlinable for the benchmark of the tokenizer.
    @inlinable
    public func firstStringStop(from start: Int) -> Int {
        first(from: start) { word in
            // A byte from 0x80 is itself a stop, so the others need no mask against it.
            word | (word &- 0x2020_2020_2020_2020) | ((word ^ 0x2222_2222_2222_2222) &- Self.ones)
                | ((word ^ 0x5C5C_5C5C_5C5C_5C5C) &- Self.ones)
        } or: { byte in
            byte < 0x20 || byte == 0x22 || byte == 0x5C || byte >= 0x80
        }
    }

    /// The offset of the first byte at or after `start` that a JSON string must escape; `count` without one.
    ///
    /// That is a quote, a backslash or a control byte below 0x20 (RFC 8259, section 7).
    @inlinable
    public func firstToEscape(from start: Int) -> Int {
        first(from: start) { word in
            let plain = ~word
            return (word &- 0x2020_2020_2020_2020) & plain
                | ((word ^ 0x2222_2222_2222_2222) &- Self.ones) & plain
                | ((word ^ 0x5C5C_5C5C_5C5C_5C5C) &- Self.ones) & plain
        } or: { byte in
            byte < 0x20 || byte == 0x22 || byte == 0x5C
        }
    }

    @inlinable
    static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// Finds a byte eight at a time: `marks` sets the top bit of each byte that is sought.
    ///
    /// Only the lowest mark has to be right: a subtraction may borrow, and so mark wrongly, above a true one.
    @inlinable
    @inline(__always)
    func first(from start: Int, marks: (UInt64) -> UInt64, or isSought: (UInt8) -> Bool) -> Int {
        var index = Swift.max(start, 0)
        // Raw bytes are read eight at a time, and only while eight are left.
        let raw = unsafe bytes
        while index &+ 8 <= count {
            let word = unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            let found = marks(UInt64(littleEndian: word)) & 0x8080_8080_8080_8080
            if found != 0 { return index &+ found.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < count {
            if isSought(self[index]) { return index }
            index &+= 1
        }
        return count
    }
}
