// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How often values fell into each of a fixed set of buckets; a search and two atomic operations.
package final class Histogram: Metric {
    package static let typeName = "histogram"
    private let bounds: [Double]
    /// One more than the bounds: the last takes what is above all of them.
    private let buckets: [Counter]
    /// The bits of a `Double`.
    private let total = Atomic<UInt64>(0)

    /// Buckets with these upper bounds, each included, in rising order.
    init(bounds: [Double]) {
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    /// Records a value; one that is not a finite number is ignored.
    package func observe(_ value: Double) {
        guard value.isFinite else { return }
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        buckets[low].add()
        var seen = total.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: seen) + value).bitPattern
            let (exchanged, original) = total.weakCompareExchange(
                expected: seen, desired: sum, ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }

    /// Records a time in seconds.
    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    /// How many values were recorded.
    package var count: UInt64 { buckets.reduce(0) { $0 &+ $1.value } }

    /// The sum of the values recorded.
    package var sum: Double { Double(bitPattern: total.load(ordering: .relaxed)) }

    package func render(name: String, labels: String, into text: inout MetricText) {
        let separator = labels.isEmpty ? "" : ","
        var below: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            below &+= bucket.value
            let bound = index < bounds.count ? MetricText.number(bounds[index]) : "+Inf"
            text.sample("\(name)_bucket", "\(labels)\(separator)le=\"\(bound)\"", "\(below)")
        }
        text.sample("\(name)_sum", labels, MetricText.number(sum))
        // Not read a second time, so that it is always the same as the last bucket, as the format demands.
        text.sample("\(name)_count", labels, "\(below)")
    }
}
