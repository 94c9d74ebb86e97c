// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The body of a forwarded request between its owner, who appends, and libcurl, which takes.
///
/// It has no bound of its own: its owner stops at a watermark.
final class Upload {
    /// The bytes that libcurl will take in all, if that is known.
    private let length: Int?
    private var bytes: [UInt8] = []
    /// How many of `bytes` have been taken.
    private var offset = 0
    private var taken = 0
    private var isEnded = false
    /// Whether libcurl has taken all there will be.
    private(set) var isSent: Bool
    /// Whether there is a connection, so that upstream can take bytes.
    var isUnderWay = false
    /// Whether libcurl found nothing and waits to be told of more.
    var isPaused = false
    /// Who is told that bytes were taken.
    weak var receiver: (any ForwardingReceiver)?

    /// A body of `length` bytes, or of a length that is not known.
    init(length: Int?, _ receiver: any ForwardingReceiver) {
        self.length = length
        self.receiver = receiver
        isSent = length == 0
    }

    /// Bytes that wait for libcurl.
    var unsent: Int { bytes.count - offset }

    /// Whether a byte was taken, so that the request cannot be made a second time.
    var hasBegun: Bool { taken > 0 }

    func append(_ piece: Span<UInt8>) {
        // What was taken is moved away seldom, and never more than one watermark of bytes is moved.
        if offset == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 256 << 10)
            offset = 0
        } else if offset >= 64 << 10 {
            bytes.removeFirst(offset)
            offset = 0
        }
        unsafe piece.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// No byte follows those that were appended.
    func end() { isEnded = true }

    /// Copies bytes to where libcurl wants them. Returns their number, 0 at the end, `nil` when it must wait.
    func take(into room: UnsafeMutableRawBufferPointer) -> Int? {
        let count = min(unsent, room.count)
        guard count > 0 else {
            guard isEnded else { return nil }
            isSent = true
            return 0
        }
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
        }
        offset += count
        taken += count
        if taken == length { isSent = true }
        return count
    }
}

@available(*, unavailable)
extension Upload: Sendable {}
