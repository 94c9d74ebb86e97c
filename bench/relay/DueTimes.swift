// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// A binary heap of what is to be sent when; entries of closed connections are passed over by their serial.
struct DueTimes {
    struct Entry {
        let time: Int64
        let descriptor: Int32
        let serial: Int
    }

    private var heap: [Entry] = []

    /// The earliest time, nil when nothing is due.
    var first: Int64? { heap.first?.time }

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, case let parent = (child - 1) / 2, heap[child].time < heap[parent].time {
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the earliest entry if its time has come.
    mutating func popDue(_ now: Int64) -> Entry? {
        guard let earliest = heap.first, earliest.time <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return earliest }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].time < heap[least].time {
                least = child
            }
            if least == parent { return earliest }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
