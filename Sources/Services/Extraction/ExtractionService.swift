// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
package import Storage
package import Telemetry

/// Extractions of documents, on one event loop: knows the runs of this process, and clears up after those of dead ones.
package final class ExtractionService {
    /// The documents.
    package let store: DocumentStore
    /// Threads for what takes long.
    package let workers: WorkerPool
    /// The bounds.
    package let policy: ExtractionPolicy
    let relay: RelayService
    let log: Log
    private var runs: [String: ExtractionRun] = [:]
    private var followers: [ObjectIdentifier: RemoteRun] = [:]
    private var sweeper: LoopTimer?
    /// Nanoseconds between two looks for runs of dead processes.
    private static let sweepInterval: UInt64 = 10_000_000_000

    /// A service for documents in `database`, which asks models through `relay`.
    package init(_ relay: RelayService, _ database: any Database, _ workers: WorkerPool, _ policy: ExtractionPolicy, log: Log) {
        self.relay = relay
        store = DocumentStore(database)
        self.workers = workers
        self.policy = policy
        self.log = log
        let timer = LoopTimer(relay.loop) { [unowned self] in self.sweep() }
        timer.schedule(after: 0)
        sweeper = timer
    }

    /// How many runs are under way here.
    package var activeCount: Int { runs.count }

    /// The schema of the run of a document that is under way here.
    package func runningSchema(of document: String) -> String? { runs[document]?.request.schema.text }

    /// Whether an owner may begin no more runs for now: there are enough, or half of them are the owner's.
    package func isFull(for owner: Owner) -> Bool {
        runs.count >= policy.maxRuns
            || runs.values.count(where: { $0.request.owner == owner }) >= max(1, policy.maxRuns / 2)
    }

    /// Begins a run, or joins one that somebody began meanwhile. The watcher is not told before this returns.
    package func start(_ request: ExtractionRequest, _ watcher: any ExtractionWatcher) {
        if join(request.document, watcher) != nil { return }
        let run = ExtractionRun(request, self)
        runs[request.document] = run
        run.add(watcher)
        run.start()
    }

    /// Watches a run that is under way here. Gives how far it is; `nil` when there is none.
    package func join(_ document: String, _ watcher: any ExtractionWatcher) -> ExtractionProgress? {
        guard let run = runs[document] else { return nil }
        run.add(watcher)
        return run.progress
    }

    /// Watches a run of another process.
    package func follow(_ document: String, _ owner: Owner, _ watcher: any ExtractionWatcher) {
        followers[ObjectIdentifier(watcher)] = RemoteRun(document, owner, watcher, self)
    }

    /// A watcher's client has left, or was told the end.
    package func leave(_ document: String, _ watcher: any ExtractionWatcher) {
        runs[document]?.remove(watcher)
        followers[ObjectIdentifier(watcher)] = nil
    }

    /// Cancels a document's extraction, wherever it runs; `conflict` when there is none.
    package func cancel(_ document: String, _ owner: Owner, _ done: @escaping (DocumentStoreError?) -> Void) {
        store.cancel(document, owner, at: wallClockMicroseconds()) { [self] error in
            guard let run = runs[document], run.request.owner == owner else { return done(error) }
            // A run that has not taken the document yet is none to the database.
            let isCancelled = error == nil || (error == .conflict && run.mayBeCancelled)
            if isCancelled { run.cancel(.cancelled) }
            done(isCancelled ? nil : error)
        }
    }

    /// Stops what runs for a document that was deleted.
    package func deleted(_ document: String) { runs[document]?.cancel(.cancelled) }

    /// The process goes down: whatever runs is stored as interrupted.
    package func cancelAll(_: String) {
        for run in runs.values { run.cancel(ExtractionFailure(stored: "interrupted")) }
    }

    /// Looks for runs of processes that died, and marks them.
    func sweep() {
        let now = wallClockMicroseconds()
        store.sweep(staleBefore: now - ExtractionPolicy.stale, at: now) { [self] result in
            if case .success(let count) = result, count > 0 {
                log.warning("extractions of a process that died were marked as interrupted", ["count": .integer(count)])
            }
        }
        sweeper?.schedule(after: ExtractionService.sweepInterval)
    }

    // MARK: Called by runs

    func finished(_ run: ExtractionRun) {
        if runs[run.request.document] === run { runs[run.request.document] = nil }
    }
}

extension ExtractionService: DrainedService {}

@available(*, unavailable)
extension ExtractionService: Sendable {}
