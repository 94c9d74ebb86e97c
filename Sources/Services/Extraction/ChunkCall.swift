// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON
internal import Providers
internal import Reactor
internal import Storage

/// One piece of a document on its way through a model: asked once, and once more when the answer is of no use.
final class ChunkCall {
    /// What is asked, and on whose behalf.
    struct Terms {
        var piece: String
        var number: Int
        var count: Int
        var model: String
        var schema: JSONSchema
        var id: String
        var caller: Caller
        /// Nanoseconds for both tries together.
        var timeout: UInt64
    }

    /// Bytes of an answer that are taken.
    static let maxAnswer = 1 << 20
    /// How logs and records know the requests.
    static let door = "/api/v1/documents"
    private let relay: RelayService
    private let terms: Terms
    private let done: (Result<JSONValue, ExtractionFailure>) -> Void
    private var exchange: Exchange?
    private var timer: LoopTimer?
    /// Waits until the caller's limits have room.
    private var pause: LoopTimer?
    private var deadline: UInt64 = 0
    private var answer = ""
    private var isTooLong = false
    private var hasComplained = false
    private var isOver = false
    /// Tells the end of one exchange from that of the one before it.
    private var attempt = 0

    /// A call that tells `done` once, later, unless it is cancelled before.
    init(_ relay: RelayService, _ terms: Terms, _ done: @escaping (Result<JSONValue, ExtractionFailure>) -> Void) {
        self.relay = relay
        self.terms = terms
        self.done = done
    }

    func start() {
        let timer = LoopTimer(relay.loop) { [unowned self] in
            self.finish(.failure(ExtractionFailure(code: "timeout", message: "The model took too long.")))
        }
        deadline = relay.loop.now &+ terms.timeout
        timer.schedule(at: deadline)
        self.timer = timer
        ask(nil)
    }

    /// Ends it; nobody is told.
    func cancel() {
        guard !isOver else { return }
        isOver = true
        letGo()
    }

    private func ask(_ complaint: (answer: String, problem: String)?) {
        guard relay.isRecorded else { return askLater(complaint, 1_000_000_000, ChunkCall.unrecorded) }
        answer = ""
        attempt += 1
        let chat = ExtractionPrompt.request(
            terms.piece, number: terms.number, of: terms.count, model: terms.model, schema: terms.schema, complaint: complaint)
        let upstream = UpstreamRequest(composed: chat)
        guard !terms.caller.scopes.isEmpty else { return send(upstream, nil, isAgain: complaint != nil) }
        relay.limits.admit(terms.caller, upstream) { [self] admission in
            switch admission {
            case .granted(let lease, _):
                guard !isOver else { return relay.limits.settle(lease, tokens: 0, cost: .zero) }
                send(upstream, lease, isAgain: complaint != nil)
            case .refused(let failure, _):
                guard !isOver else { return }
                let wait = UInt64(max(1, failure.retryAfter ?? 0)) &* 1_000_000_000
                guard failure.retryAfter != nil else { return fail(failure) }
                askLater(complaint, wait, failure)
            }
        }
    }

    /// Asks again in `wait` nanoseconds, or fails where there is no time for that: a limit of its caller's, or an audit that is
    /// full, makes an extraction slower, not worse.
    private func askLater(_ complaint: (answer: String, problem: String)?, _ wait: UInt64, _ failure: ChatFailure) {
        guard relay.loop.now &+ wait < deadline else { return fail(failure) }
        let timer = LoopTimer(relay.loop) { [unowned self] in if !isOver { ask(complaint) } }
        timer.schedule(after: wait)
        pause = timer
    }

    private static let unrecorded = ChatFailure(
        status: 503, message: "The request cannot be recorded at present.", type: "server_error", code: "audit_unavailable")

    /// Hands the request to the relay: the one place where an extraction asks a model.
    private func send(_ upstream: UpstreamRequest, _ lease: LimitLease?, isAgain: Bool) {
        let attempt = attempt
        var request = RelayRequest(
            upstream: upstream, id: "\(terms.id)-\(terms.number)" + (isAgain ? "-again" : ""), door: ChunkCall.door,
            caller: terms.caller, received: relay.loop.now)
        request.lease = lease
        let exchange = relay.begin(request, TextSink(ChunkAnswer(self, attempt)))
        // It may be over already.
        if !isOver, attempt == self.attempt { self.exchange = exchange }
    }

    private func fail(_ failure: ChatFailure) {
        finish(.failure(ExtractionFailure(code: failure.code ?? "upstream_error", message: failure.message)))
    }

    private func finish(_ result: Result<JSONValue, ExtractionFailure>) {
        guard !isOver else { return }
        isOver = true
        letGo()
        relay.loop.deferred { [done] in done(result) }
    }

    private func letGo() {
        // Not the timer's own action's end: cancelled, and let go of with the call.
        timer?.cancel()
        pause?.cancel()
        let exchange = exchange
        self.exchange = nil
        exchange?.cancel(
            ChatFailure(
                status: 499, message: "The extraction no longer needs this answer.", type: "cancelled", code: "extraction_ended"))
    }

    fileprivate func receive(_ text: String, _ attempt: Int) {
        guard !isOver, attempt == self.attempt else { return }
        if answer.utf8.count + text.utf8.count > ChunkCall.maxAnswer { isTooLong = true } else { answer += text }
    }

    fileprivate func ended(_ failure: ChatFailure?, _ attempt: Int) {
        guard !isOver, attempt == self.attempt else { return }
        exchange = nil
        if let failure { return fail(failure) }
        guard !isTooLong else {
            return finish(.failure(ExtractionFailure(code: "answer_too_long", message: "The model's answer is too long.")))
        }
        switch ExtractionPrompt.read(answer, terms.schema) {
        case .success(let value): finish(.success(value))
        case .failure(let problem):
            guard !hasComplained else {
                return finish(
                    .failure(
                        ExtractionFailure(code: problem.code, message: "The model's answer cannot be used: \(problem.message).")))
            }
            hasComplained = true
            let answer = answer
            // Later: this is called from inside the exchange that has just ended.
            relay.loop.deferred { [weak self] in
                guard let self, !isOver else { return }
                ask((answer, problem.message))
            }
        }
    }
}

@available(*, unavailable)
extension ChunkCall: Sendable {}

/// The answer of one try.
private final class ChunkAnswer: TextReceiver {
    private weak var call: ChunkCall?
    private let attempt: Int

    init(_ call: ChunkCall, _ attempt: Int) {
        self.call = call
        self.attempt = attempt
    }

    let isSaturated = false

    func begin(_: Attribution) {}

    func receive(_ text: String) { call?.receive(text, attempt) }

    func heartbeat() {}

    func flush() {}

    func end(_ failure: ChatFailure?, retryAfter _: String?) { call?.ended(failure, attempt) }
}
