// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import HTTPClient
internal import HTTPSemantics
package import Providers
internal import Reactor
internal import Storage
package import Telemetry

/// One client request with all that is done to answer it: performs what `ExchangeState` says.
package final class Exchange {
    let relay: RelayService
    private(set) var state: ExchangeState
    private var sink: (any ClientSink)?
    private(set) var transfer: (any UpstreamTransfer)?
    private(set) var accumulator: ChatAccumulator
    var record = AuditRecord()
    private(set) var attribution: Attribution?
    let streamID = Identifier.make("stream")
    let received: UInt64
    /// When a provider was first asked.
    private(set) var firstAsked: UInt64?
    private(set) var firstEvent: UInt64?
    /// When the client last got something, on the loop's clock.
    private var lastWrite: UInt64
    private var timer: LoopTimer?
    private var failure: UpstreamFailure?
    /// What is asked, as long as somebody else may have to be asked it.
    var request: UpstreamRequest?
    private var attempts = AttemptPlan([])
    private(set) var current: Candidate?
    /// The last failure of a provider that was asked, rather than could not be.
    private var lastRefusal: UpstreamFailure?
    private var retryTimer: LoopTimer?
    private(set) var isPaused = false
    /// How often upstream had to wait for the client.
    private(set) var pauses = 0
    /// What the request holds of the bytes that all running requests may keep for their records.
    var keptBytes = 0
    let operation: UpstreamRequest.Operation
    /// About how many tokens the request has; known when the answer has begun.
    var estimatedInput = 0
    /// Events of upstream that were skipped.
    private var malformedEvents = 0
    /// What the caller's limits granted, to be settled with the end.
    let lease: LimitLease?
    /// Whether the answer was read on after the client had left.
    private(set) var wasDrained = false
    /// The header fields of the answer of the attempt under way.
    var answerFields: [(name: String, value: String)] = []
    /// What keeps the answer of the attempt under way, where answers are kept.
    var spooled: SpooledAnswer?

    init(_ request: RelayRequest, _ sink: any ClientSink, _ relay: RelayService) {
        self.relay = relay
        self.sink = sink
        state = ExchangeState(isStream: request.upstream.chat.streams)
        accumulator = ChatAccumulator(limit: relay.policy.captureLimit)
        received = request.received
        lease = request.lease
        lastWrite = request.received
        operation = request.upstream.operation
        record.headerText = request.headerText
        record.requestID = request.id
        record.door = request.door
        record.caller = request.caller
        record.requestedModel = request.upstream.chat.model
        record.isStream = request.upstream.chat.streams
    }

    /// How it ended; `nil` as long as it goes on.
    package var outcome: Outcome? { if case .over(let outcome) = state.phase { outcome } else { nil } }

    /// The client has left: whatever is under way for it ends now.
    package func clientLeft() {
        let policy = relay.policy
        guard state.phase != .draining else { return }
        let drains = policy.onDisconnect == .drain && transfer != nil && relay.mayDrain
        sink = nil
        perform(state.clientLeft(drains: drains))
        if state.phase == .draining {
            relay.drainsUnderWay += 1
            wasDrained = true
            timer?.schedule(after: policy.drainTime)
            transfer?.resume()
        }
    }

    /// The client has taken what was buffered.
    package func drained() {
        guard isPaused else { return }
        isPaused = false
        transfer?.resume()
    }

    /// An operator, or the end of the process, ends it; the client is told `reason`.
    package func cancel(_ reason: ChatFailure) {
        failure = UpstreamFailure(.transient, reason)
        perform(state.cancelled())
    }

    // MARK: Called by the relay

    func start(_ request: RelayRequest) {
        let model = request.upstream.chat.model
        attempts = AttemptPlan(relay.plan.groups(for: model) { Double.random(in: 0..<1) })
        guard let candidate = attempts.first() else {
            return refuse(
                ChatFailure(
                    status: 404,
                    message:
                        "The model '\(model)' does not exist or no provider serves it: ask for 'provider/model', or see /v1/models.",
                    type: "invalid_request_error", code: "model_not_found", parameter: "model"))
        }
        self.request = request.upstream
        let timer = LoopTimer(relay.loop) { [unowned self] in self.checkSilence() }
        timer.schedule(after: relay.policy.commitAfter)
        self.timer = timer
        let begun = relay.loop.now
        ask(candidate)
        relay.metrics.overhead.observe(Double(relay.loop.now &- begun) / 1e9)
    }

    /// Asks a provider; `refusal` is how it has just refused the form of the answer.
    private func ask(_ candidate: Candidate, after refusal: StreamRefusal? = nil) {
        guard let request, state.phase == .waiting || state.phase == .streaming else {
            // Nobody is asked for a client that has left meanwhile.
            return perform(state.drainExpired())
        }
        current = candidate
        answerFields = []
        let provider = candidate.provider
        var attribution = Attribution(
            provider: provider.name, model: candidate.model, attempts: record.attempts + 1,
            streamID: streamID, dialect: provider.dialect(for: request.dialect), maker: provider.maker)
        self.attribution = attribution
        record.provider = attribution.provider
        record.model = attribution.model
        if refusal == nil, request.operation == .chat, provider.needsProbe(candidate.model, at: relay.loop.now) {
            return probe(candidate)
        }
        record.attempts += 1
        if firstAsked == nil { firstAsked = relay.loop.now }
        spooled = spool(attribution, for: request.dialect)
        do {
            let opened = try provider.open(
                request, model: candidate.model, at: relay.loop.now, after: refusal, tap: spooled, self)
            transfer = opened.transfer
            attribution.dropped = opened.dropped
            relay.metrics.upstreamTransfersActive.add()
            self.attribution = attribution
        } catch {
            // As every failure: later, so that a row of them does not nest.
            let failure = error
            relay.loop.deferred { [self] in fail(failure) }
        }
    }

    /// Looks how a model answers, then asks it.
    private func probe(_ candidate: Candidate) {
        let done = { [unowned self] in
            relay.loop.deferred { [self] in
                letGo()
                ask(candidate)
            }
        }
        transfer = candidate.provider.probe(candidate.model, at: relay.loop.now, done)
        if transfer != nil { relay.metrics.upstreamTransfersActive.add() } else { done() }
    }

    /// Asks somebody else, or the same again, after a failure that the client has seen nothing of; false when there is nobody.
    private func recover(from failure: UpstreamFailure) -> Bool {
        guard request != nil, firstEvent == nil, state.phase == .waiting || state.phase == .streaming else { return false }
        letGo()
        if let refusal = failure.streamRefusal, let current {
            relay.loop.deferred { [self] in ask(current, after: refusal) }
            return true
        }
        if failure.failureClass != .unfit { lastRefusal = failure }
        record.failedAttempts.append(
            FailedAttempt(provider: record.provider, model: record.model, error: relay.policy.reason(failure.failure)))
        let wait = failure.retryAfter.flatMap { Exchange.nanoseconds(ofRetryAfter: $0) }
        let step = attempts.next(after: failure.failureClass, retryAfter: wait, draw: Double.random(in: 0..<1))
        guard case .ask(let candidate, let delay) = step else { return false }
        relay.log.info(
            "upstream failed, asking again",
            [
                "id": .text(record.requestID), "provider": .text(record.provider), "model": .text(Redaction.text(record.model)),
                "attempt": .integer(record.attempts), "error": .text(relay.policy.reason(failure.failure)),
                "next": .text("\(candidate.provider.name)/\(candidate.model)"),
                "wait_ms": .integer(Int(delay / 1_000_000)),
            ])
        // Never at once: this is called from inside the transfer that failed.
        let timer = LoopTimer(relay.loop) { [unowned self] in self.ask(candidate) }
        timer.schedule(after: delay)
        retryTimer = timer
        return true
    }

    private func refuse(_ failure: ChatFailure) {
        self.failure = UpstreamFailure(.callerFault, failure)
        perform(state.refused())
    }

    // MARK: Performing

    private func perform(_ action: ExchangeState.Action) {
        switch action {
        case .nothing: return
        case .begin, .write, .respond: preconditionFailure("\(action) needs the event at hand")
        case .beginWithHeartbeat:
            if let attribution { sink?.begin(attribution, isAnswering: false) }
            sink?.heartbeat()
            lastWrite = relay.loop.now
        case .heartbeat:
            sink?.heartbeat()
            lastWrite = relay.loop.now
        case .refuse:
            let failure = self.failure ?? emptyAnswer
            record.status = failure.failure.status
            record.error = relay.policy.reason(failure.failure)
            sink?.refuse(failure.failure, retryAfter: failure.retryAfter, attribution)
            close()
        case .fail:
            record.error = failure.map { relay.policy.reason($0.failure) }
            if let failure { sink?.fail(failure.failure) }
            close()
        case .finish:
            sink?.finish()
            // The terminal event may stand before the end of the body: the connection is worth the moment.
            letGo()
            close()
        case .cancel, .settle: close()
        }
    }

    private func letGo() {
        guard let transfer else { return }
        relay.metrics.upstreamTransfersActive.subtract()
        transfer.release()
        self.transfer = nil
    }

    /// The one end of every exchange: upstream is let go of, the record is made.
    private func close() {
        timer = nil
        retryTimer = nil
        spooled?.finish(.cancelled)
        letGoOfRequest()
        if let transfer {
            relay.metrics.upstreamTransfersActive.subtract()
            transfer.cancel()
        }
        transfer = nil
        sink = nil
        guard case .over(let outcome) = state.phase else { return }
        if malformedEvents > 1 {
            relay.log.warning(
                "upstream events skipped: not understood",
                ["id": .text(record.requestID), "provider": .text(record.provider), "count": .integer(malformedEvents)])
        }
        complete(outcome)
        let record = record
        let relay = relay
        // The record is off the client's path: the answer's last bytes are with the kernel by then.
        relay.loop.deferred { relay.finished(self, record) }
    }

    /// Serves the head that is held back, then heartbeats, then the end of a drain: fires seldom and looks at the time
    /// of the last write.
    private func checkSilence() {
        if state.phase == .draining { return perform(state.drainExpired()) }
        let now = relay.loop.now
        let limit = state.hasStarted ? relay.policy.heartbeatInterval : relay.policy.commitAfter
        if now >= lastWrite &+ limit {
            perform(state.silenceLasted())
            guard !state.isOver else { return }
            awaitHeartbeat()
        } else {
            timer?.schedule(at: lastWrite &+ limit)
        }
    }

    /// An interval of 0 means no heartbeats.
    private func awaitHeartbeat() {
        let interval = relay.policy.heartbeatInterval
        if interval > 0 { timer?.schedule(after: interval) } else { timer?.cancel() }
    }

    /// The answer has begun: from here on nobody else can be asked.
    private func noteFirstEvent(isStream: Bool) {
        firstEvent = relay.loop.now
        // The client comes first.
        relay.loop.deferred { [self] in letGoOfRequest() }
        attempts = AttemptPlan([])
        if state.isStream, let attribution { sink?.choose(attribution, isStream: isStream) }
    }

    private func begin() {
        if let attribution { sink?.begin(attribution, isAnswering: true) }
        awaitHeartbeat()
    }
}

// What upstream brings.
extension Exchange: UpstreamReceiver {
    package var isSaturated: Bool {
        guard let sink, sink.isSaturated else { return false }
        if !isPaused { pauses &+= 1 }
        isPaused = true
        return true
    }

    package func receive(_ event: borrowing DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>) {
        if firstEvent == nil { noteFirstEvent(isStream: true) }
        switch state.receivedEvent() {
        case .begin: begin()
        case .write: break
        default: return accumulator.append(event, of: data)
        }
        record.events &+= 1
        lastWrite = relay.loop.recentNow
        sink?.write(event, named: name, data)
        // The client comes first, then the record.
        accumulator.append(event, of: data)
    }

    package func receive(whole body: Span<UInt8>, _ event: DecodedEvent) {
        accumulator.append(event, of: body)
        record.isWhole = true
        if firstEvent == nil { noteFirstEvent(isStream: false) }
        guard state.isStream else {
            let action = state.receivedWhole()
            guard action == .respond, let attribution else { return perform(action) }
            sink?.respond(whole: body, event, attribution)
            return close()
        }
        let action = state.receivedEvent()
        if action == .begin { begin() }
        if action == .begin || action == .write {
            record.events &+= 1
            sink?.write(event, named: [UInt8]().span, body)
        }
        perform(state.completed())
    }

    package func receive(answer: ChatAccumulator) {
        accumulator = answer.limited(to: relay.policy.captureLimit)
        record.isWhole = true
        if firstEvent == nil { noteFirstEvent(isStream: false) }
        let action = state.receivedWhole()
        guard action == .respond, let attribution else { return perform(action) }
        sink?.respond(answer, attribution)
        close()
    }

    package func receivedComment() {
        guard state.hasStarted else { return }
        perform(state.silenceLasted())
    }

    package func receivedMalformedEvent() {
        relay.metrics.malformedEvents.add()
        malformedEvents &+= 1
        // A line for each would let one stream fill the log; the rest is told as a number at the end.
        guard malformedEvents == 1 else { return }
        relay.log.warning(
            "upstream event skipped: not understood", ["id": .text(record.requestID), "provider": .text(record.provider)])
    }

    package func flush() { sink?.flush() }

    package func finish() {
        // Whoever has only had heartbeats was answered nothing, which is no orderly end.
        guard firstEvent != nil else { return fail(emptyAnswer) }
        perform(state.completed())
    }

    package func fail(_ reported: UpstreamFailure) {
        // What a provider says of a key goes neither to the client nor into a log.
        var failure = reported
        failure.failure.message = Redaction.text(failure.failure.message, without: shownSecrets)
        if recover(from: failure) { return }
        // Where one failed and the other could not even be asked, the first says more.
        let told = failure.failureClass == .unfit ? lastRefusal ?? failure : failure
        self.failure = told
        switch told.failureClass {
        case .timeout: perform(state.failed(.upstreamTimeout))
        case .unfit: perform(state.failed(.refused))
        default: perform(state.failed(.upstreamError))
        }
    }
}

@available(*, unavailable)
extension Exchange: Sendable {}
