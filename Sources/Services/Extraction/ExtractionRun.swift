// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Reactor
internal import Storage
internal import Telemetry

/// One extraction of a document, from taking it in the database to its end there. It does not depend on any client.
final class ExtractionRun {
    let request: ExtractionRequest
    /// The run's own identifier, by which the database knows whose the document is.
    let id = Identifier.make("run")
    private(set) var progress = ExtractionProgress()
    private let service: ExtractionService
    private var watchers: [ObjectIdentifier: any ExtractionWatcher] = [:]
    private var text: [UInt8] = []
    private var chunks: [DocumentChunk] = []
    private var outcomes: [ChunkOutcome?] = []
    private var resultBytes = 0
    private var succeeded = 0
    private var next = 0
    private var calls: [Int: ChunkCall] = [:]
    private var beat: LoopTimer?
    private var retry: LoopTimer?
    private var failedSaves = 0
    private var isOver = false
    /// Whether the database says that the document is this run's.
    private var hasClaim = false
    /// What is to be stored of a run that ended before it had the document.
    private var lateEnd: DocumentEnd?
    private let pieceSchema: JSONSchema

    init(_ request: ExtractionRequest, _ service: ExtractionService) {
        self.request = request
        self.service = service
        pieceSchema = request.schema.schema.ofPiece
    }

    /// Tells a watcher what comes from now on.
    func add(_ watcher: any ExtractionWatcher) { watchers[ObjectIdentifier(watcher)] = watcher }

    /// The watcher's client has left; the run goes on.
    func remove(_ watcher: any ExtractionWatcher) { watchers[ObjectIdentifier(watcher)] = nil }

    // MARK: The steps

    func start() {
        let now = wallClockMicroseconds()
        service.store.claim(
            request.document, request.owner, run: id, schema: request.schema.text, staleBefore: now - ExtractionPolicy.stale,
            at: now
        ) { [self] error in
            guard !isOver else {
                if error == nil, let lateEnd { store(lateEnd, .failure(.cancelled)) }
                return
            }
            switch error {
            case nil:
                hasClaim = true
                beatLater()
                load()
            case .conflict, .notFound:
                close(
                    .failure(ExtractionFailure(code: "conflict", message: "The document is gone, or somebody else extracts it.")))
            case .storage(let error): close(.failure(ExtractionRun.storageFailed(error)))
            }
        }
    }

    private func load() {
        service.store.text(of: request.document, request.owner) { [self] result in
            guard !isOver else { return }
            switch result {
            case .success(let text): cut(text)
            case .failure(.storage(let error)): end(.failure(ExtractionRun.storageFailed(error)))
            case .failure: end(.failure(ExtractionFailure(code: "not_found", message: "The document is gone.")))
            }
        }
    }

    private func cut(_ text: String) {
        advance(.chunking)
        let chunker = DocumentChunker(tokens: service.policy.chunkTokens, overlap: service.policy.overlapTokens)
        let work: @Sendable () -> ([UInt8], [DocumentChunk]) = {
            let bytes = Array(text.utf8)
            return (bytes, chunker.chunks(of: bytes))
        }
        submit(work) { [self] bytes, chunks in
            guard chunks.count <= service.policy.maxChunks else {
                return end(
                    .failure(
                        ExtractionFailure(
                            code: "too_many_chunks",
                            message: "The document has \(chunks.count) chunks; at most \(service.policy.maxChunks) are extracted."
                        )))
            }
            self.text = bytes
            self.chunks = chunks
            outcomes = Array(repeating: nil, count: chunks.count)
            progress.chunks = chunks.count
            advance(.extracting)
            pump()
        }
    }

    /// Keeps as many chunks under way as there may be.
    private func pump() {
        while !isOver, next < chunks.count, calls.count < service.policy.maxConcurrent {
            let index = next
            next += 1
            let terms = ChunkCall.Terms(
                piece: String(decoding: text[chunks[index].range], as: UTF8.self), number: index + 1, count: chunks.count,
                model: request.model, schema: pieceSchema, id: request.id, caller: request.caller,
                timeout: service.policy.chunkTimeout)
            let call = ChunkCall(service.relay, terms) { [weak self] result in self?.ended(index, result) }
            calls[index] = call
            call.start()
        }
    }

    private func ended(_ index: Int, _ result: Result<JSONValue, ExtractionFailure>) {
        guard !isOver, calls.removeValue(forKey: index) != nil else { return }
        var outcome: ChunkOutcome
        switch result {
        case .success(let value):
            resultBytes += value.text.utf8.count
            succeeded += 1
            outcome = .done(value)
            if resultBytes > ExtractionPolicy.maxResults {
                succeeded -= 1
                outcome = .failed(ExtractionFailure(code: "result_too_large", message: "The document's results are too large."))
            }
        case .failure(let failure): outcome = .failed(failure)
        }
        outcomes[index] = outcome
        progress.chunksDone += 1
        tell { $0.ended(chunk: index, error: outcome.error, self.progress) }
        tell { $0.advanced(self.progress) }
        let isHopeless = succeeded == 0 && progress.chunksDone >= min(chunks.count, ExtractionPolicy.hopeless)
        if isHopeless, case .failed(let failure) = outcome {
            return end(
                .failure(
                    ExtractionFailure(
                        code: failure.code, message: "All of the first \(progress.chunksDone) chunks failed: \(failure.message)"))
            )
        }
        if progress.chunksDone == chunks.count { merge() } else { pump() }
    }

    private func merge() {
        text = []
        advance(.merging)
        let outcome = ExtractionOutcome(
            chunks: chunks, outcomes: outcomes.compactMap { $0 }, schema: request.schema, model: request.model)
        outcomes = []
        submit({ outcome.text() }) { [self] text in
            advance(.saving)
            end(.success(text))
        }
    }

    /// Has work done by the pool, later when it has too much to do.
    private func submit<Value: Sendable>(_ work: @escaping @Sendable () -> Value, _ done: @escaping (Value) -> Void) {
        let isTaken = service.workers.submit(for: request.owner, work) { [self] value in if !isOver { done(value) } }
        guard !isTaken else { return }
        let timer = LoopTimer(service.relay.loop) { [unowned self] in self.submit(work, done) }
        timer.schedule(after: 200_000_000)
        retry = timer
    }

    // MARK: The end

    /// Whether its end is still open: from when on a result is being stored, it is what the database says.
    var mayBeCancelled: Bool { !isOver && progress.stage != .saving }

    /// Somebody cancels it, or the process goes down.
    func cancel(_ failure: ExtractionFailure) { end(.failure(failure)) }

    /// The document was taken away: cancelled through another process, or deleted.
    private func lost() { close(.failure(.cancelled)) }

    /// Stores how it ended, then tells so.
    private func end(_ result: Result<String, ExtractionFailure>) {
        guard !isOver else { return }
        let end: DocumentEnd =
            switch result {
            case .success(let text): .done(text)
            case .failure(.cancelled): .cancelled
            case .failure(let failure): .failed(failure.code == "interrupted" ? "interrupted" : failure.message)
            }
        // A failure is told at once; a result is told when it is durable.
        if case .failure = result { close(result) }
        if hasClaim { store(end, result) } else { lateEnd = end }
    }

    private func store(_ end: DocumentEnd, _ result: Result<String, ExtractionFailure>) {
        service.store.end(request.document, run: id, end, at: wallClockMicroseconds()) { [self] error in
            retry = nil
            switch error {
            case nil: close(result)
            case .conflict, .notFound: lost()
            case .storage(let error):
                guard error.isTransient, failedSaves < ExtractionPolicy.pauses.count else {
                    service.log.error(
                        "an extraction's end could not be stored", ["id": .text(request.document), "error": .text("\(error)")])
                    return close(.failure(ExtractionRun.storageFailed(error)))
                }
                // Held by its own timer, as nobody else may know the run any more.
                let timer = LoopTimer(service.relay.loop) { [self] in store(end, result) }
                timer.schedule(after: ExtractionPolicy.pauses[failedSaves])
                failedSaves += 1
                retry = timer
            }
        }
    }

    private func stopCalls() {
        for call in calls.values { call.cancel() }
        calls = [:]
    }

    /// The one end of every run, as far as watchers are concerned.
    private func close(_ result: Result<String, ExtractionFailure>) {
        guard !isOver else { return }
        isOver = true
        stopCalls()
        beat?.cancel()
        service.finished(self)
        switch result {
        case .success(let text):
            advance(.done)
            tell { $0.done(text) }
        case .failure(let failure): tell { $0.failed(failure) }
        }
        watchers = [:]
        text = []
    }

    // MARK: Telling

    private func advance(_ stage: ExtractionProgress.Stage) {
        progress.stage = stage
        tell { $0.advanced(self.progress) }
    }

    private func tell(_ message: (any ExtractionWatcher) -> Void) {
        // A watcher may leave while it is told.
        for watcher in Array(watchers.values) { message(watcher) }
    }

    private func beatLater() {
        let timer = beat ?? LoopTimer(service.relay.loop) { [unowned self] in self.sayAlive() }
        beat = timer
        timer.schedule(after: ExtractionPolicy.heartbeat)
    }

    private func sayAlive() {
        service.store.beat(request.document, run: id, progress: progress.text, at: wallClockMicroseconds()) { [self] result in
            guard !isOver else { return }
            if case .success(false) = result, progress.stage != .saving { return lost() }
            beatLater()
        }
    }

    private static func storageFailed(_ error: StorageError) -> ExtractionFailure {
        ExtractionFailure(code: "storage_unavailable", message: "Documents cannot be stored at present.")
    }
}

@available(*, unavailable)
extension ExtractionRun: Sendable {}
