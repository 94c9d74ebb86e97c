// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Reactor
package import Storage

/// A few threads for what takes long: reading documents, cutting them up. The loop hands work over and hears of its end.
package final class WorkerPool {
    private struct Job: Sendable {
        let id: UInt64
        let work: @Sendable () -> any Sendable
    }

    private struct Reply: Sendable {
        let id: UInt64
        let lane: Int
        let value: any Sendable
    }

    /// A thread with the work that waits for it.
    private struct Lane {
        let queue: WorkQueue<Job>
        var pending = 0
    }

    private let mailbox: LoopMailbox<Reply>
    private var watcher: SocketWatcher?
    private var lanes: [Lane] = []
    private let laneCount: Int
    private let maxPending: Int
    private var completions: [UInt64: (owner: Owner, tell: (any Sendable) -> Void)] = [:]
    private var lastID: UInt64 = 0

    /// A pool of `threads`, each started when there is work for it, which takes up to `maxPending` pieces of work at once.
    ///
    /// Throws `ReactorError.unavailable` when the system has no descriptor left.
    package init(_ loop: EventLoop, threads: Int = 2, maxPending: Int = 16) throws(ReactorError) {
        mailbox = try LoopMailbox()
        laneCount = max(1, threads)
        self.maxPending = maxPending
        watcher = mailbox.watch(on: loop) { [unowned self] reply in self.receive(reply) }
    }

    deinit {
        for lane in lanes { lane.queue.closeForGood() }
        mailbox.closeForGood()
    }

    /// Does `work` on a thread and tells `done` on the loop, never before this returns. False when too much waits already, half of
    /// what may wait is the same owner's, or the system refuses a thread: then neither is called.
    package func submit<Value: Sendable>(
        for owner: Owner, _ work: @escaping @Sendable () -> Value, _ done: @escaping (Value) -> Void
    ) -> Bool {
        guard completions.values.count(where: { $0.owner == owner }) < max(1, maxPending / 2) else { return false }
        guard completions.count < maxPending, let lane = freest() else { return false }
        lastID &+= 1
        guard (try? lanes[lane].queue.put(Job(id: lastID, work: work), bytes: 0)) != nil else { return false }
        lanes[lane].pending += 1
        completions[lastID] = (owner, { value in if let value = value as? Value { done(value) } })
        return true
    }

    /// The thread that has least to do; a new one while all that there are have something.
    private func freest() -> Int? {
        let found = lanes.indices.min { lanes[$0].pending < lanes[$1].pending }
        if let found, lanes[found].pending == 0 || lanes.count == laneCount { return found }
        return start() ?? found
    }

    private func start() -> Int? {
        let number = lanes.count
        let mailbox = mailbox
        guard let queue = try? WorkQueue<Job>(maxJobs: maxPending, maxBytes: 1) else { return nil }
        let body: @Sendable () -> Void = {
            while !queue.isOver {
                for job in queue.take(upTo: 1, waiting: 60_000) {
                    mailbox.post(Reply(id: job.id, lane: number, value: job.work()))
                }
            }
        }
        guard (try? WorkerThread.start(body)) != nil else { return nil }
        lanes.append(Lane(queue: queue))
        return number
    }

    private func receive(_ reply: Reply) {
        lanes[reply.lane].pending -= 1
        completions.removeValue(forKey: reply.id)?.tell(reply.value)
    }
}

@available(*, unavailable)
extension WorkerPool: Sendable {}
