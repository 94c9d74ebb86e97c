// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// What began within the last 60 seconds, counted in slots of 100 ms.
///
/// A slot counts until all of it is 60 seconds old: never less than the limit's window, and up to 100 ms more. There are at most
/// 601 slots, and only those in which something began take room.
package struct SlidingWindow: Sendable {
    private struct Slot {
        let number: Int64
        var requests: Int
        var tokens: Int
    }

    /// Milliseconds of a slot.
    static let slotLength: Int64 = 100
    /// For how many slots one counts, itself included.
    static let slotCount: Int64 = 601

    /// The slots, oldest first, behind `head` that are over.
    private var slots: [Slot] = []
    private var head = 0
    /// Requests that count now.
    package private(set) var requests = 0
    /// Tokens that count now.
    package private(set) var tokens = 0

    package init() {}

    /// Whether nothing counts.
    var isEmpty: Bool { head == slots.count }

    /// Lets go of what is over at a time in milliseconds.
    package mutating func advance(to now: Int64) {
        let current = now / SlidingWindow.slotLength
        while head < slots.count, slots[head].number &+ SlidingWindow.slotCount <= current {
            requests &-= slots[head].requests
            tokens = max(0, tokens &- slots[head].tokens)
            head &+= 1
        }
        guard head > 64, head > slots.count / 2 else { return }
        slots.removeFirst(head)
        head = 0
    }

    /// Counts a request with its tokens, after `advance`; returns its slot.
    package mutating func add(tokens amount: Int, at now: Int64) -> Int64 {
        // Two threads may bring their readings of the clock in the wrong order.
        let number = max(now / SlidingWindow.slotLength, isEmpty ? 0 : slots[slots.count - 1].number)
        if isEmpty || slots[slots.count - 1].number < number {
            slots.append(Slot(number: number, requests: 0, tokens: 0))
        }
        slots[slots.count - 1].requests &+= 1
        slots[slots.count - 1].tokens = SlidingWindow.sum(slots[slots.count - 1].tokens, amount)
        requests &+= 1
        tokens = SlidingWindow.sum(tokens, amount)
        return number
    }

    /// Counts `used` tokens in place of those `reserved` in a slot; nothing when that is over.
    package mutating func correct(slot number: Int64, reserved: Int, used: Int) {
        var low = head
        var high = slots.count
        while low < high {
            let middle = (low + high) / 2
            if slots[middle].number < number { low = middle + 1 } else { high = middle }
        }
        guard low < slots.count, slots[low].number == number else { return }
        slots[low].tokens = SlidingWindow.sum(max(0, slots[low].tokens &- reserved), used)
        tokens = SlidingWindow.sum(max(0, tokens &- reserved), used)
    }

    /// Milliseconds until what counts satisfies `fits` when nothing is added; `nil` when an empty window does not either.
    package func wait(at now: Int64, until fits: (_ requests: Int, _ tokens: Int) -> Bool) -> Int? {
        var requests = requests
        var tokens = tokens
        if fits(requests, tokens) { return 0 }
        for slot in slots[head...] {
            requests &-= slot.requests
            tokens = max(0, tokens &- slot.tokens)
            if fits(requests, tokens) { return SlidingWindow.wait(for: slot.number, at: now) }
        }
        return nil
    }

    /// Milliseconds until nothing counts when nothing is added.
    package func resetAfter(_ now: Int64) -> Int {
        isEmpty ? 0 : SlidingWindow.wait(for: slots[slots.count - 1].number, at: now)
    }

    private static func wait(for slot: Int64, at now: Int64) -> Int {
        Int(max(0, (slot &+ slotCount) &* slotLength &- now))
    }

    /// Far from the end of the integers, so that what is subtracted again was really added.
    private static func sum(_ first: Int, _ second: Int) -> Int { min(first &+ second, 1 << 60) }
}
