// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization

/// A single series: what a family makes for each set of label values.
package protocol Metric: AnyObject, Sendable {
    /// The word after `# TYPE name`.
    static var typeName: String { get }

    /// Appends the lines of this series; `labels` is escaped and may be empty.
    func render(name: String, labels: String, into text: inout MetricText)
}

/// A number that only grows; one atomic addition, from any thread.
package final class Counter: Metric {
    package static let typeName = "counter"
    private let cell = Atomic<UInt64>(0)

    init() {}

    /// Counts `amount` more, wrapping at 2^64.
    package func add(_ amount: Int = 1) {
        cell.wrappingAdd(UInt64(clamping: amount), ordering: .relaxed)
    }

    /// What was counted so far.
    package var value: UInt64 { cell.load(ordering: .relaxed) }

    package func render(name: String, labels: String, into text: inout MetricText) {
        text.sample(name, labels, "\(value)")
    }
}

/// A number that goes up and down; one atomic operation, from any thread.
package final class Gauge: Metric {
    package static let typeName = "gauge"
    private let cell = Atomic<Int>(0)

    init() {}

    /// Adds, or subtracts when negative.
    package func add(_ amount: Int = 1) { cell.wrappingAdd(amount, ordering: .relaxed) }

    /// Subtracts.
    package func subtract(_ amount: Int = 1) { cell.wrappingSubtract(amount, ordering: .relaxed) }

    /// Replaces the value.
    package func set(_ value: Int) { cell.store(value, ordering: .relaxed) }

    /// The value now.
    package var value: Int { cell.load(ordering: .relaxed) }

    package func render(name: String, labels: String, into text: inout MetricText) {
        text.sample(name, labels, "\(value)")
    }
}
