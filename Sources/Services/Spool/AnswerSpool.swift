// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Storage
internal import Synchronization
package import Telemetry

/// Keeps the answers of providers as they came, each chunk with its time, in files (docs/audit.md tells their form).
///
/// The loop copies the bytes into a batch, which a thread of its own writes. When that does not keep up, answers are cut and counted;
/// no stream waits, or notices.
package final class AnswerSpool {
    /// Set by the thread when it has written all.
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    let loop: EventLoop
    let policy: SpoolPolicy
    private let queue: WorkQueue<SpoolBatch>
    private let losses: SpoolLosses
    private let written = Flag()
    private var batch = SpoolBatch()
    private var timer: LoopTimer?
    private var lastNumber: UInt64 = 0
    /// The answers under way of which something was lost: no more of them is kept.
    private var cut: Set<UInt64> = []

    /// A spool of the answers that come on `loop`.
    ///
    /// Throws when the folder cannot be made or written to, with a line for the operator; blocks for as long as that takes to find out.
    package init(_ loop: EventLoop, _ policy: SpoolPolicy, log: Log, metrics: GatewayMetrics) throws(StorageError) {
        let folder = SpoolFolder(policy.path)
        try folder.prepare()
        self.loop = loop
        self.policy = policy
        losses = SpoolLosses(log: log, metrics: metrics)
        // The batches' bound is their bytes: an empty one is never put in.
        queue = try WorkQueue(maxJobs: 65_536, maxBytes: policy.queueLimit)
        let (queue, losses, written) = (queue, losses, written)
        try WorkerThread.start {
            var writer = SpoolWriter(folder, policy, losses)
            writer.run(queue)
            written.isSet.store(true, ordering: .releasing)
        }
        timer = LoopTimer(loop) { [unowned self] in self.flush() }
    }

    deinit { queue.closeForGood() }

    /// Begins to keep an answer that is about to be asked for.
    package func begin(_ origin: SpoolOrigin) -> SpooledAnswer {
        lastNumber &+= 1
        return SpooledAnswer(origin, number: lastNumber, self)
    }

    /// Hands over what waits; nothing is kept from then on.
    package func drain() {
        flush()
        queue.closeForGood()
    }

    /// Whether all is written, after `drain`.
    package var isWritten: Bool { written.isSet.load(ordering: .acquiring) }

    // MARK: Called by answers

    func isCut(_ number: UInt64) -> Bool { !cut.isEmpty && cut.contains(number) }

    func append(_ entry: SpoolBatch.Entry) {
        batch.append(entry)
        schedule()
    }

    func append(_ chunk: Span<UInt8>, of number: UInt64, at time: Int) {
        batch.append(chunk, of: number, at: time)
        schedule()
    }

    func finish(_ number: UInt64, at time: Int, _ end: SpoolEnd) {
        // The end of one that was cut is told already.
        guard cut.remove(number) == nil else { return }
        append(.end(number, at: time, end))
    }

    // MARK: Private

    private func schedule() {
        if batch.weight >= SpoolPolicy.batchBytes {
            flush()
        } else if timer?.isScheduled == false {
            timer?.schedule(after: policy.flushInterval)
        }
    }

    private func flush() {
        timer?.cancel()
        guard !batch.entries.isEmpty else { return }
        let full = batch
        batch = SpoolBatch()
        do {
            try queue.put(full, bytes: full.weight)
        } catch {
            lose(full)
        }
    }

    /// The disk does not keep up: what is in the batch is lost, and each of its answers ends there.
    private func lose(_ lost: SpoolBatch) {
        /// What the batch held of an answer.
        struct Part {
            var began = false
            var ended = false
            /// Whether it was cut before, so that there is only its end to tell, again.
            var wasCut = false
            var time = 0
        }
        var parts: [UInt64: Part] = [:]
        for entry in lost.entries {
            switch entry {
            case .begin(let number, _): parts[number, default: Part()].began = true
            case .chunk(let number, let time, _): parts[number, default: Part()].time = time
            case .end(let number, let time, let end):
                parts[number, default: Part()].time = time
                parts[number, default: Part()].ended = true
                if case .truncated = end { parts[number, default: Part()].wasCut = true }
            }
        }
        for (number, part) in parts {
            // One whose end was lost with the rest of it gets no more calls.
            if !part.ended { cut.insert(number) }
            // Of one that began in this batch there is no file.
            if !part.began { batch.append(.end(number, at: part.time, .truncated(.queue))) }
        }
        let count = parts.values.count { !$0.wasCut }
        losses.add(count, .queue, "more came than the disk took", at: loop.recentNow)
        if !batch.entries.isEmpty { timer?.schedule(after: policy.flushInterval) }
    }
}

@available(*, unavailable)
extension AnswerSpool: Sendable {}
