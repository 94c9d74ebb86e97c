// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import Providers
internal import Reactor
internal import Storage
internal import Telemetry

/// One message of a user on its way: stored, answered, the answer stored. Performs what `ChatTurnState` says.
///
/// No transaction is open while a model answers.
package final class ChatTurn {
    private let service: ChatService
    private let request: ChatTurnRequest
    private var listener: (any ChatTurnListener)?
    private var state = ChatTurnState()
    private var exchange: Exchange?
    private var sink: TextSink?
    private var timer: LoopTimer?
    private let question: StoredMessage
    private var session = ""
    private var attribution: Attribution?
    private var estimatedInput = 0
    private var text = ""
    private var isCut = false
    private var answer: StoredMessage?
    private var failure: (failure: ChatFailure, retryAfter: String?)?
    private var storeError: ChatStoreError?

    init(_ request: ChatTurnRequest, _ listener: any ChatTurnListener, _ service: ChatService) {
        self.service = service
        self.request = request
        self.listener = listener
        question = StoredMessage(
            id: Identifier.make("msg"), role: .user, content: request.text, createdAt: wallClockMicroseconds())
    }

    /// The client has left: the model is asked no further, and what it said is stored.
    package func clientLeft() {
        listener = nil
        perform(state.clientLeft())
    }

    /// The client has taken what was buffered.
    package func drained() { exchange?.drained() }

    func start() {
        guard let store = service.store else { return }
        let policy = service.policy
        store.open(
            request.destination, request.owner, question, title: ChatTitle.make(from: request.text),
            limit: policy.history, characters: policy.historyTokens.multipliedReportingOverflow(by: 4).partialValue
        ) { [self] result in
            switch result {
            case .success(let opened): open(opened)
            case .failure(let error): perform(state.openFailed(error))
            }
        }
    }

    private func open(_ opened: OpenedTurn) {
        session = opened.session.id
        listener?.opened(session: session, question: question.id)
        guard state.opened() == .ask else { return close() }
        ask(opened)
    }

    /// Hands the request to the relay: the one place where the chat asks a model.
    private func ask(_ opened: OpenedTurn) {
        let named = request.model ?? opened.session.model
        var chat = ChatRequest(
            model: named.isEmpty ? service.defaultModel(for: request.caller) : named,
            messages: ChatHistory.messages(
                opened.recent, system: request.system ?? opened.session.system, limit: service.policy.historyTokens))
        chat.streams = request.isStream
        chat.includesUsage = true
        chat.sampling.temperature = request.temperature
        chat.outputLimit = request.maxTokens.map { OutputLimit(tokens: $0, countsReasoning: true) }
        estimatedInput = chat.estimatedTokens
        // The conversation's model may be one that another key of its owner was good for.
        guard request.caller.mayUse(chat.model) else {
            let failure = ChatFailure.modelNotAllowed(chat.model)
            service.relay.recordRefusal(failure, id: request.id, door: request.door, caller: request.caller)
            return end(failure, retryAfter: nil)
        }
        let sink = TextSink(self)
        self.sink = sink
        var asked = RelayRequest(
            upstream: UpstreamRequest(composed: chat), id: request.id, door: request.door, caller: request.caller,
            received: request.received)
        asked.headerText = request.headerText
        service.relay.begin(asked, withinLimits: sink, isWanted: { [self] in state.phase == .asking }) { [self] exchange in
            // It may have failed already, and the turn with it.
            if state.phase == .asking { self.exchange = exchange }
        }
    }

    private func perform(_ action: ChatTurnState.Action) {
        switch action {
        case .nothing, .ask, .receive: return
        case .cancel:
            exchange?.clientLeft()
            close()
        case .cancelAndSave:
            exchange?.clientLeft()
            compose(.clientDisconnected)
            save()
        case .save: save()
        case .pause(let time):
            // A database may take its time to say that it is locked.
            listener?.heartbeat()
            let timer = LoopTimer(service.relay.loop) { [unowned self] in self.perform(state.pauseEnded()) }
            timer.schedule(after: time)
            self.timer = timer
        case .check: check()
        case .tellDone:
            if let answer {
                listener?.done(FinishedTurn(session: session, question: question.id, answer: answer))
            }
            close()
        case .tellFailure:
            if let failure { listener?.failed(failure.failure, retryAfter: failure.retryAfter) }
            close()
        case .tellMissing:
            listener?.failed(ChatTurn.missing, retryAfter: nil)
            close()
        case .tellStorage:
            if let storeError, answer != nil { service.countFailedSave(request.id, storeError) }
            listener?.failed(ChatTurn.storageFailed, retryAfter: nil)
            close()
        case .end: close()
        }
    }

    /// The one end of every turn.
    private func close() {
        listener = nil
        exchange = nil
        sink = nil
        // Not the timer: this may be called from its own action.
        service.finished(self)
    }

    /// Makes the answer's row.
    private func compose(_ outcome: Outcome) {
        let estimate = (text.utf8.count + 3) / 4
        let usage = sink?.usage
        // A count that came before the end does not count what came after it.
        let output = outcome == .completed ? usage?.output ?? estimate : max(usage?.output ?? 0, estimate)
        let elapsed = service.relay.loop.now &- request.received
        answer = StoredMessage(
            id: Identifier.make("msg"), role: .assistant, content: text, createdAt: wallClockMicroseconds(),
            answer: AnswerRecord(
                outcome: outcome.rawValue, isPartial: isCut || outcome != .completed, isStreamed: request.isStream,
                milliseconds: Int(elapsed / 1_000_000), inputTokens: max(0, usage?.input ?? estimatedInput),
                outputTokens: max(0, output),
                isEstimated: outcome != .completed || usage?.input == nil || usage?.output == nil,
                model: attribution?.model ?? "", provider: attribution?.provider ?? "", requestID: request.id))
    }

    private func save() {
        exchange = nil
        guard let store = service.store, let answer else { return }
        store.close(session, request.owner, answer) { [self] error in
            guard let error else { return perform(state.saved()) }
            storeError = error
            perform(state.saveFailed(error, mayRetry: service.mayRetry))
        }
    }

    private func check() {
        guard let store = service.store, let answer else { return }
        store.hasMessage(answer.id) { [self] result in
            switch result {
            case .success(let isStored): perform(state.checked(isStored: isStored))
            case .failure(let error):
                storeError = error
                perform(state.saveFailed(error, mayRetry: service.mayRetry))
            }
        }
    }
}

// What the model says.
extension ChatTurn: TextReceiver {
    package var isSaturated: Bool { listener?.isSaturated ?? false }

    package func begin(_ attribution: Attribution) {
        self.attribution = attribution
        listener?.answering(attribution)
    }

    package func receive(_ text: String) {
        guard state.received() == .receive else { return }
        keep(text)
        listener?.receive(text)
    }

    package func reason(_ text: String) {
        if state.phase == .asking { listener?.reason(text) }
    }

    package func heartbeat() { listener?.heartbeat() }

    package func flush() { listener?.flush() }

    package func end(_ failure: ChatFailure?, retryAfter: String?) {
        let outcome: Outcome = failure == nil ? .completed : exchange?.outcome ?? .refused
        if let failure { self.failure = (failure, retryAfter) }
        let action = state.ended(isWhole: failure == nil)
        if action == .save { compose(outcome) }
        perform(action)
    }

    /// Adds to what is stored, up to the bound; cut between two characters.
    private func keep(_ piece: String) {
        let room = service.policy.answerLimit - text.utf8.count
        guard !isCut else { return }
        guard piece.utf8.count > room else { return text += piece }
        isCut = true
        var fitting = piece.utf8.index(piece.utf8.startIndex, offsetBy: room)
        while fitting > piece.startIndex, fitting.samePosition(in: piece.unicodeScalars) == nil {
            fitting = piece.utf8.index(before: fitting)
        }
        text += piece[..<fitting]
    }
}

extension ChatTurn {
    /// There is no such conversation, or no longer.
    package static let missing = ChatFailure(
        status: 404, message: "There is no such conversation.", type: "invalid_request_error", code: "not_found")

    /// The database does not do what it should.
    package static let storageFailed = ChatFailure(
        status: 503, message: "Conversations cannot be stored at present.", type: "server_error", code: "storage_unavailable")
}

@available(*, unavailable)
extension ChatTurn: Sendable {}
