// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
package import Reactor
internal import Storage
package import Telemetry

/// Work that a process which is going down waits for.
package protocol DrainedService: AnyObject {
    /// How many answers are under way.
    var activeCount: Int { get }
    /// Ends everything that is under way, telling each client why as far as its answer allows.
    func cancelAll(_ reason: String)
}

extension RelayService: DrainedService {}

/// Hands requests on as they are and knows those under way, on one event loop.
package final class ProxyService: DrainedService {
    let loop: EventLoop
    let metrics: GatewayMetrics
    /// Bytes of a request's body that may wait for upstream before the client is paused.
    let watermark: Int
    /// Who holds callers to their limits.
    package var limits: LimitService { relay.limits }
    /// Who keeps the bodies of all requests within one bound.
    let relay: RelayService
    private let audit: any AuditSink
    private(set) var exchanges: [ObjectIdentifier: ProxyExchange] = [:]

    package init(
        _ loop: EventLoop, watermark: Int, audit: any AuditSink, relay: RelayService,
        metrics: GatewayMetrics
    ) {
        self.loop = loop
        self.watermark = watermark
        self.relay = relay
        self.audit = audit
        self.metrics = metrics
    }

    package var activeCount: Int { exchanges.count }

    /// Begins to hand a request on; its answer goes to `sink`, first after this has returned.
    package func begin(_ request: ProxyRequest, _ sink: any ProxySink) -> ProxyExchange {
        let exchange = ProxyExchange(request, sink, self)
        exchanges[ObjectIdentifier(exchange)] = exchange
        metrics.streamsActive.add()
        metrics.upstreamTransfersActive.add()
        exchange.start()
        return exchange
    }

    package func cancelAll(_ reason: String) {
        let reason = ChatFailure(status: 503, message: reason, type: "server_error", code: "server_shutting_down")
        for exchange in exchanges.values { exchange.cancel(reason) }
    }

    // MARK: Called by exchanges

    func finished(_ exchange: ProxyExchange, _ record: AuditRecord) {
        guard exchanges.removeValue(forKey: ObjectIdentifier(exchange)) != nil else { return }
        metrics.streamsActive.subtract()
        metrics.upstreamTransfersActive.subtract()
        relay.release(exchange.requestBody.count)
        // Callers whose tokens or money are limited are not let in, but a key may have got such a limit since.
        limits.settle(exchange.request.lease, record)
        audit.record(record)
    }
}

@available(*, unavailable)
extension ProxyService: Sendable {}
