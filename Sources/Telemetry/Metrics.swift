// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Synchronization

/// The metrics of a process, shared by all reactors: declared at the start, rendered when asked for.
package final class Metrics: Sendable {
    /// The most series that a family has before new ones are counted as `other`.
    package static let seriesLimit = 1000

    private let families = Mutex<[(name: String, family: any RenderedFamily)]>([])

    /// A registry without any metric.
    package init() {}

    /// Declares counters told apart by labels.
    package func counters(_ name: String, help: String, labels: [String]) -> MetricFamily<Counter> {
        declare(name, family(name, help, labels) { Counter() })
    }

    /// Declares one counter.
    package func counter(_ name: String, help: String) -> Counter {
        counters(name, help: help, labels: []).with([:])
    }

    /// Declares gauges told apart by labels.
    package func gauges(_ name: String, help: String, labels: [String]) -> MetricFamily<Gauge> {
        declare(name, family(name, help, labels) { Gauge() })
    }

    /// Declares one gauge.
    package func gauge(_ name: String, help: String) -> Gauge {
        gauges(name, help: help, labels: []).with([:])
    }

    /// Declares histograms told apart by labels; `bounds` are the upper bounds of the buckets, rising.
    package func histograms(
        _ name: String, help: String, labels: [String], bounds: [Double]
    ) -> MetricFamily<Histogram> {
        declare(name, family(name, help, labels) { Histogram(bounds: bounds) })
    }

    /// Declares one histogram.
    package func histogram(_ name: String, help: String, bounds: [Double]) -> Histogram {
        histograms(name, help: help, labels: [], bounds: bounds).with([:])
    }

    /// Declares a gauge that is read on each rendering, by whichever thread renders; `nil` leaves it out.
    package func gauge(_ name: String, help: String, read: @escaping @Sendable () -> Double?) {
        _ = declare(name, ReadFamily(name: name, help: help, type: "gauge", read: read))
    }

    /// Declares a counter that is read on each rendering, by whichever thread renders; `nil` leaves it out.
    package func counter(_ name: String, help: String, read: @escaping @Sendable () -> Double?) {
        _ = declare(name, ReadFamily(name: name, help: help, type: "counter", read: read))
    }

    /// Appends all metrics in Prometheus' text format 0.0.4, in the order of their declaration.
    package func render(into buffer: inout ByteBuffer) {
        let all = families.withLock { $0 }
        var text = MetricText(buffer)
        // Only one owner of the storage, so that appending does not copy what is there.
        buffer = ByteBuffer()
        for (_, family) in all { family.render(into: &text) }
        buffer = text.take()
    }

    private func family<Series: Metric>(
        _ name: String, _ help: String, _ labels: [String], _ make: @escaping @Sendable () -> Series
    ) -> MetricFamily<Series> {
        MetricFamily(name: name, help: help, labels: labels, limit: Self.seriesLimit, make: make)
    }

    private func declare<Family: RenderedFamily>(_ name: String, _ family: Family) -> Family {
        families.withLock { families in
            precondition(!families.contains { $0.name == name }, "metric \(name) is declared twice")
            families.append((name, family))
        }
        return family
    }
}
