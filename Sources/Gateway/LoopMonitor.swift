// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTPServer
internal import Reactor
internal import Telemetry

/// Measures how late the loop is, and how much waits in its buffers, ten times a second.
final class LoopMonitor {
    private static let interval: UInt64 = 100_000_000
    private let server: HTTPServer
    private let storage: StorageAssembly
    private let metrics: GatewayMetrics
    private var ticker: PreciseTicker?

    init(_ loop: EventLoop, _ server: HTTPServer, _ storage: StorageAssembly, _ metrics: GatewayMetrics) throws(ReactorError) {
        self.server = server
        self.storage = storage
        self.metrics = metrics
        ticker = try PreciseTicker(loop, interval: LoopMonitor.interval) { [unowned self] lateness in measure(lateness) }
    }

    private func measure(_ lateness: UInt64) {
        metrics.loopLag.observe(Double(lateness) / 1e9)
        metrics.outputBuffered.set(server.bufferedBytes)
        if let database = storage.database { StorageAssembly.measure(database, storage.engine, metrics) }
    }
}

@available(*, unavailable)
extension LoopMonitor: Sendable {}
