// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTPServer
internal import Reactor
internal import Telemetry

/// Measures how late the loop is, and how much waits in its buffers, ten times a second.
final class LoopMonitor {
    private static let interval: UInt64 = 100_000_000
    private let loop: EventLoop
    private let server: HTTPServer
    private let storage: StorageAssembly
    private let metrics: GatewayMetrics
    private var timer: LoopTimer?
    private var due: UInt64 = 0

    init(_ loop: EventLoop, _ server: HTTPServer, _ storage: StorageAssembly, _ metrics: GatewayMetrics) {
        self.loop = loop
        self.server = server
        self.storage = storage
        self.metrics = metrics
    }

    func start() {
        let timer = LoopTimer(loop) { [unowned self] in self.measure() }
        self.timer = timer
        due = loop.now &+ LoopMonitor.interval
        timer.schedule(at: due)
    }

    private func measure() {
        let now = loop.now
        metrics.loopLag.observe(Double(now &- due) / 1e9)
        metrics.outputBuffered.set(server.bufferedBytes)
        if let database = storage.database { StorageAssembly.measure(database, storage.engine, metrics) }
        due = now &+ LoopMonitor.interval
        timer?.schedule(at: due)
    }
}

@available(*, unavailable)
extension LoopMonitor: Sendable {}
