// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Synchronization

/// Jobs on their way from event loops to a thread that may wait for them: bounded in number and bytes.
///
/// Whoever puts something in never waits; the thread waits in poll(2) on an eventfd(2).
final class WorkQueue<Job: Sendable>: Sendable {
    private struct Contents {
        var jobs: [(job: Job, bytes: Int)] = []
        var bytes = 0
        var isClosed = false
    }

    private let contents = Mutex(Contents())
    private let descriptor: Int32
    private let maxJobs: Int
    private let maxBytes: Int

    /// A queue that holds up to `maxJobs` jobs with up to `maxBytes` bytes together.
    ///
    /// Throws `StorageError.unavailable` when the system has no descriptor left.
    init(maxJobs: Int, maxBytes: Int) throws(StorageError) {
        self.maxJobs = maxJobs
        self.maxBytes = maxBytes
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .unavailable("no file descriptor is left") }
    }

    deinit { close(descriptor) }

    /// Puts a job in; says why not when it was not taken.
    ///
    /// A job that alone has more bytes than are allowed is taken when nothing else waits: it would never be otherwise.
    func put(_ job: Job, bytes: Int) throws(StorageError) {
        let refusal: StorageError? = contents.withLock { contents in
            guard !contents.isClosed else { return .closed }
            let isEmpty = contents.jobs.isEmpty
            guard isEmpty || (contents.jobs.count < maxJobs && contents.bytes &+ bytes <= maxBytes) else { return .overloaded }
            contents.jobs.append((job, bytes))
            contents.bytes &+= bytes
            return nil
        }
        if let refusal { throw refusal }
        wake()
    }

    /// Takes out the oldest jobs, up to `limit`, waiting up to `milliseconds` for one; none when the time is over, or by `wake`.
    func take(upTo limit: Int, waiting milliseconds: Int32) -> [Job] {
        var batch = takeNow(limit)
        if batch.isEmpty, !isOver {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&wanted, 1, milliseconds)
            var count: UInt64 = 0
            _ = unsafe read(descriptor, &count, 8)
            batch = takeNow(limit)
        }
        return batch
    }

    private func takeNow(_ limit: Int) -> [Job] {
        contents.withLock { contents in
            let batch = contents.jobs.prefix(limit)
            contents.bytes &-= batch.reduce(0) { $0 &+ $1.bytes }
            let jobs = batch.map(\.job)
            contents.jobs.removeFirst(jobs.count)
            return jobs
        }
    }

    /// Ends the wait of the thread.
    func wake() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Takes no more jobs; those that wait can still be taken out.
    func closeForGood() {
        contents.withLock { $0.isClosed = true }
        wake()
    }

    /// Whether it is closed, and nothing is left in it.
    var isOver: Bool { contents.withLock { $0.isClosed && $0.jobs.isEmpty } }
}
