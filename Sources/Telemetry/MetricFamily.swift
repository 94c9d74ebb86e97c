// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// All series of one name, told apart by the values of their labels.
package final class MetricFamily<Series: Metric>: Sendable {
    private let name: String
    private let help: String
    private let labels: [String]
    private let limit: Int
    private let make: @Sendable () -> Series
    private let children = Mutex<[[String]: Child]>([:])

    private struct Child {
        let series: Series
        /// The labels as they are rendered.
        let labels: String
    }

    init(
        name: String, help: String, labels: [String], limit: Int, make: @escaping @Sendable () -> Series
    ) {
        self.name = name
        self.help = help
        self.labels = labels
        self.limit = limit
        self.make = make
    }

    /// The series with these label values; keep it where it is used often, as this takes a lock.
    ///
    /// A label that is not given is empty, one that the family does not have is ignored, a value is cut at
    /// 128 bytes. Once the family has 1000 series, every new set of values shares the one in which all are
    /// `other`.
    package func with(_ values: KeyValuePairs<String, String>) -> Series {
        let key = labels.map { label in
            Self.cut(values.first { $0.key == label }?.value ?? "")
        }
        return children.withLock { children in
            if let found = children[key] { return found.series }
            let stored = children.count < limit ? key : labels.map { _ in "other" }
            if let found = children[stored] { return found.series }
            let series = make()
            children[stored] = Child(series: series, labels: MetricText.labels(labels, stored))
            return series
        }
    }

    private static func cut(_ value: String) -> String {
        guard value.utf8.count > 128 else { return value }
        var result = ""
        for scalar in value.unicodeScalars {
            guard result.utf8.count <= 124 else { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}

extension MetricFamily: RenderedFamily {
    func render(into text: inout MetricText) {
        let sorted = children.withLock { Array($0.values) }.sorted { $0.labels < $1.labels }
        text.header(name, type: Series.typeName, help: help)
        for child in sorted { child.series.render(name: name, labels: child.labels, into: &text) }
    }
}

/// What the registry asks of a family.
protocol RenderedFamily: Sendable {
    func render(into text: inout MetricText)
}

/// A family of one series without labels whose value is read when it is rendered.
struct ReadFamily: RenderedFamily {
    let name: String
    let help: String
    let type: String
    let read: @Sendable () -> Double?

    func render(into text: inout MetricText) {
        guard let value = read() else { return }
        text.header(name, type: type, help: help)
        text.sample(name, "", MetricText.number(value))
    }
}
