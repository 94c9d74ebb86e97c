// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat

/// What came while the block of a call was open, and waits until that call's arguments are whole.
///
/// Upstreams may write several calls at once, piece by piece in turn; blocks cannot.
struct AnthropicQueue: Sendable {
    /// A call that has begun upstream.
    struct Call: Sendable {
        let number: Int
        let isCustom: Bool
        let id: String
        let name: ByteBuffer
        let signature: ByteBuffer
        /// Where its arguments are kept, apart so that they grow in place.
        fileprivate(set) var place = 0
    }

    enum Item: Sendable {
        case text(ByteBuffer), thinking(ByteBuffer), signature(ByteBuffer), redacted(ByteBuffer)
        case citation(url: ByteBuffer, title: ByteBuffer)
        case call(Call)

        fileprivate var size: Int {
            switch self {
            case .text(let text), .thinking(let text), .signature(let text), .redacted(let text): text.count
            case .citation(let url, let title): url.count &+ title.count
            case .call(let call): call.id.utf8.count &+ call.name.count &+ call.signature.count
            }
        }
    }

    /// What may wait, in bytes.
    private static let limit = 32 << 20
    /// What an item costs beside its text, so that empty ones are bounded too.
    private static let overhead = 128

    /// What waits, in its order.
    private(set) var items: [Item] = []
    private var arguments: [ByteBuffer] = []
    /// The bytes that waited since the queue was empty.
    private var byteCount = 0
    /// Whether more came than may wait: the answer cannot be told whole.
    private(set) var isOverfull = false

    /// Puts an item at the end.
    mutating func append(_ item: Item) {
        guard reserve(item.size &+ Self.overhead) else { return }
        guard case .call(var call) = item else {
            items.append(item)
            return
        }
        call.place = arguments.count
        arguments.append(ByteBuffer())
        items.append(.call(call))
    }

    /// Adds to the arguments of a call that waits; nothing when none of that number does.
    mutating func append(_ text: Span<UInt8>, _ slice: Range<Int>, toCall number: Int) {
        for item in items.reversed() {
            guard case .call(let call) = item, call.number == number else { continue }
            if reserve(slice.count) { arguments[call.place].append(text, slice) }
            return
        }
    }

    /// The arguments of a call that waited, as far as they came.
    func arguments(of call: Call) -> ByteBuffer { arguments[call.place] }

    /// Removes the first items, which have been written.
    mutating func removeFirst(_ count: Int) {
        items.removeFirst(min(count, items.count))
        guard items.isEmpty else { return }
        arguments = []
        byteCount = 0
    }

    private mutating func reserve(_ size: Int) -> Bool {
        guard !isOverfull, size <= Self.limit &- byteCount else {
            isOverfull = true
            return false
        }
        byteCount &+= size
        return true
    }
}
