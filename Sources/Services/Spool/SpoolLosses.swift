// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Telemetry

/// Counts answers that are not kept whole, and tells of the first; of a further one when none was lost for a minute.
final class SpoolLosses: Sendable {
    private static let silence: UInt64 = 60_000_000_000
    private let log: Log
    private let metrics: GatewayMetrics
    /// When one was last lost.
    private let last = Mutex<UInt64?>(nil)

    init(log: Log, metrics: GatewayMetrics) {
        self.log = log
        self.metrics = metrics
    }

    /// Counts `count` answers at `now`, on the monotonic clock; from any thread.
    func add(_ count: Int, _ loss: SpoolLoss, _ reason: String, at now: UInt64) {
        guard count > 0 else { return }
        metrics.spoolDropped.with(["reason": loss.rawValue]).add(count)
        let isNews = last.withLock { last in
            defer { last = now }
            return last.map { now &- $0 > SpoolLosses.silence } ?? true
        }
        if isNews { log.error("answers are not spooled whole", ["reason": .text(reason)]) }
    }
}
