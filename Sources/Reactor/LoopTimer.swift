// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A one-shot timer of an event loop.
///
/// All timers of a loop share one libevent event: a stream's timer costs a heap entry, not an event. Scheduling
/// again moves it; a timer that is let go of is cancelled.
package final class LoopTimer {
    private unowned let loop: EventLoop
    private let action: () -> Void
    /// Where the loop's heap holds this timer; -1 when it is not scheduled.
    var heapIndex = -1

    /// A timer that runs `action` on `loop` each time it expires.
    package init(_ loop: EventLoop, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    deinit { cancel() }

    /// Whether it will fire.
    package var isScheduled: Bool { heapIndex >= 0 }

    /// Fires once, `nanoseconds` from now.
    package func schedule(after nanoseconds: UInt64) {
        schedule(at: loop.now &+ nanoseconds)
    }

    /// Fires once, at a time of the loop's clock.
    package func schedule(at deadline: UInt64) {
        loop.schedule(self, at: deadline)
    }

    /// Does not fire any more.
    package func cancel() {
        if heapIndex >= 0 { loop.unschedule(self) }
    }

    func fired() { action() }
}

@available(*, unavailable)
extension LoopTimer: Sendable {}

/// A binary heap of timers by deadline; each timer knows its place, so that it can be moved or removed.
struct TimerHeap {
    private struct Entry {
        var deadline: UInt64
        /// Unowned, since a timer removes itself before it goes.
        unowned let timer: LoopTimer
    }

    private var entries: [Entry] = []

    var earliest: UInt64? { entries.first?.deadline }

    mutating func insert(_ timer: LoopTimer, at deadline: UInt64) {
        if timer.heapIndex >= 0 {
            let old = entries[timer.heapIndex].deadline
            entries[timer.heapIndex].deadline = deadline
            if deadline < old { rise(timer.heapIndex) } else { sink(timer.heapIndex) }
        } else {
            entries.append(Entry(deadline: deadline, timer: timer))
            timer.heapIndex = entries.count - 1
            rise(entries.count - 1)
        }
    }

    mutating func remove(_ timer: LoopTimer) {
        let index = timer.heapIndex
        timer.heapIndex = -1
        let last = entries.removeLast()
        guard index < entries.count else { return }
        entries[index] = last
        last.timer.heapIndex = index
        rise(index)
        sink(index)
    }

    /// Takes out the earliest timer if its time has come.
    mutating func popDue(at now: UInt64) -> LoopTimer? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        let timer = first.timer
        remove(timer)
        return timer
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard entries[index].deadline < entries[parent].deadline else { return }
            exchange(index, parent)
            index = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < entries.count && entries[child].deadline < entries[least].deadline {
                least = child
            }
            guard least != index else { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        entries.swapAt(a, b)
        entries[a].timer.heapIndex = a
        entries[b].timer.heapIndex = b
    }
}
