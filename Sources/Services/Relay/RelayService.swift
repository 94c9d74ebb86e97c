// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import Providers
package import Reactor
package import Telemetry

/// Starts exchanges and knows those under way, on one event loop.
package final class RelayService {
    package let loop: EventLoop
    package let policy: RelayPolicy
    let plan: RoutePlan
    let log: Log
    let metrics: GatewayMetrics
    private let audit: any AuditSink
    /// Who keeps answers as they came; `nil` keeps none.
    let spool: AnswerSpool?
    /// Who holds callers to their limits.
    package let limits: LimitService
    private(set) var exchanges: [ObjectIdentifier: Exchange] = [:]
    /// Bytes of requests that are kept for their records.
    private var keptBytes = 0
    /// Answers that are read on although their clients have left.
    var drainsUnderWay = 0

    package init(
        _ loop: EventLoop, plan: RoutePlan, policy: RelayPolicy, audit: any AuditSink, limits: LimitService, log: Log,
        metrics: GatewayMetrics, spool: AnswerSpool? = nil
    ) {
        self.spool = spool
        self.limits = limits
        self.loop = loop
        self.plan = plan
        self.policy = policy
        self.audit = audit
        self.log = log
        self.metrics = metrics
    }

    /// How many exchanges are under way.
    package var activeCount: Int { exchanges.count }

    /// Whether a request that begins now will be recorded, or need not be.
    package var isRecorded: Bool { audit.isOpen }

    var mayDrain: Bool { drainsUnderWay < policy.maxDrains }

    /// The models that can be asked for, with who serves each.
    package var models: [(model: String, owner: String)] { plan.listing }

    /// The provider that would be asked first for a model; `nil` when there is none.
    package func owner(of model: String) -> String? { plan.candidates(for: model).first?.provider.name }

    /// Whether anybody can be asked for a model.
    package func serves(_ model: String) -> Bool { !plan.candidates(for: model).isEmpty }

    /// Whether somebody who can be asked for a model counts tokens.
    package func countsTokens(_ model: String) -> Bool {
        plan.candidates(for: model).contains { $0.weight > 0 && $0.provider.countsTokens }
    }

    /// Begins to answer a request through `sink`, which may be called before this returns.
    package func begin(_ request: RelayRequest, _ sink: any ClientSink) -> Exchange {
        let exchange = Exchange(request, sink, self)
        exchanges[ObjectIdentifier(exchange)] = exchange
        metrics.streamsActive.add()
        exchange.start(request)
        return exchange
    }

    /// Records a request that a door refused before it could become an exchange; `isStranger` says that nobody was admitted.
    package func recordRefusal(
        _ failure: ChatFailure, id: String, door: String, caller: Caller, isStranger: Bool = false
    ) {
        var record = AuditRecord(unasked: id, door, caller, failure.status, .refused)
        record.error = policy.reason(failure)
        record.isStranger = isStranger
        audit.record(record)
    }

    /// Records a request that the gateway answered by itself, as with an estimate.
    package func recordAnswer(id: String, door: String, caller: Caller, model: String) {
        var record = AuditRecord(unasked: id, door, caller, 200, .completed)
        record.requestedModel = model
        audit.record(record)
    }

    /// Records a request whose client left before it could become an exchange.
    func recordLeft(id: String, door: String, caller: Caller) {
        audit.record(AuditRecord(unasked: id, door, caller, 499, .clientDisconnected))
    }

    /// Ends everything that is under way, telling each client why.
    package func cancelAll(_ reason: String) {
        let reason = ChatFailure(status: 503, message: reason, type: "server_error", code: "server_shutting_down")
        for exchange in exchanges.values { exchange.cancel(reason) }
    }

    // MARK: Called by exchanges

    /// How many of `wanted` bytes of a request may be kept until its record is made: all, or none.
    func keep(_ wanted: Int) -> Int {
        guard wanted <= policy.keptLimit - keptBytes else { return 0 }
        keptBytes += wanted
        return wanted
    }

    /// Gives back what `keep` took.
    func release(_ bytes: Int) { keptBytes -= bytes }

    func finished(_ exchange: Exchange, _ record: AuditRecord) {
        guard exchanges.removeValue(forKey: ObjectIdentifier(exchange)) != nil else { return }
        metrics.streamsActive.subtract()
        if exchange.wasDrained { drainsUnderWay -= 1 }
        release(exchange.keptBytes)
        limits.settle(exchange.lease, record, isFree: exchange.operation == .countTokens)
        audit.record(record)
    }
}

@available(*, unavailable)
extension RelayService: Sendable {}

extension AuditRecord {
    /// The record of a request that ends now and that nobody was asked for.
    fileprivate init(unasked id: String, _ door: String, _ caller: Caller, _ status: Int, _ outcome: Outcome) {
        self.init()
        receivedAt = wallClockMicroseconds()
        requestID = id
        (self.door, self.caller, self.status, self.outcome) = (door, caller, status, outcome)
    }
}
