// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Storage

/// A run of another process, watched through the database, where it says every few seconds how far it is.
final class RemoteRun {
    private static let interval: UInt64 = 1_000_000_000
    private let service: ExtractionService
    private let document: String
    private let owner: Owner
    private weak var watcher: (any ExtractionWatcher)?
    private var timer: LoopTimer?
    private var last: ExtractionProgress?

    /// Watches for `watcher`, as long as this is kept.
    init(_ document: String, _ owner: Owner, _ watcher: any ExtractionWatcher, _ service: ExtractionService) {
        self.document = document
        self.owner = owner
        self.watcher = watcher
        self.service = service
        timer = LoopTimer(service.relay.loop) { [unowned self] in self.look() }
        timer?.schedule(after: 0)
    }

    private func look() {
        service.store.find(document, owner) { [weak self] result in self?.found(result) }
    }

    private func found(_ result: Result<StoredDocument, DocumentStoreError>) {
        guard let watcher else { return }
        guard case .success(let document) = result else {
            if case .failure(.notFound) = result { return watcher.failed(.cancelled) }
            timer?.schedule(after: RemoteRun.interval)
            return
        }
        switch document.status {
        case .extracting:
            if document.heartbeatAt < wallClockMicroseconds() - ExtractionPolicy.stale { service.sweep() }
            if let progress = document.progress.flatMap({ ExtractionProgress($0) }), progress != last {
                last = progress
                watcher.advanced(progress)
            }
            timer?.schedule(after: RemoteRun.interval)
        case .done:
            service.store.result(of: self.document, owner) { [weak self] result in
                guard let watcher = self?.watcher else { return }
                if case .success(let text?) = result {
                    watcher.done(text)
                } else {
                    watcher.failed(ExtractionFailure(stored: nil))
                }
            }
        case .cancelled: watcher.failed(.cancelled)
        case .failed, .stored: watcher.failed(ExtractionFailure(stored: document.error))
        }
    }
}

@available(*, unavailable)
extension RemoteRun: Sendable {}
