// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Synchronization

/// Work that other threads hand to a loop: the one way into a loop from outside of its thread.
///
/// An eventfd(2) wakes the loop, once for all that was posted since it last looked.
package final class LoopMailbox: Sendable {
    private struct Contents {
        var work: [@Sendable () -> Void] = []
        var isClosed = false
    }

    private let contents = Mutex(Contents())
    private let descriptor: Int32

    /// A mailbox whose work `watch` runs on a loop.
    ///
    /// Throws `ReactorError.unavailable` when the system has no descriptor left.
    package init() throws(ReactorError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .unavailable("eventfd") }
    }

    deinit { close(descriptor) }

    /// Runs `work` soon, on the loop that watches; from any thread. What is posted after `closeForGood` is dropped.
    package func post(_ work: @escaping @Sendable () -> Void) {
        let isFirst = contents.withLock { contents in
            guard !contents.isClosed else { return false }
            contents.work.append(work)
            return contents.work.count == 1
        }
        guard isFirst else { return }
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Takes no more work, and forgets what has not run.
    package func closeForGood() {
        contents.withLock { contents in
            contents.isClosed = true
            contents.work = []
        }
    }

    /// Runs what is posted on `loop`, as long as the watcher that this returns is kept.
    package func watch(on loop: EventLoop) -> SocketWatcher {
        let watcher = SocketWatcher(loop, descriptor: descriptor) { [self] _ in deliver() }
        watcher.watch(.read)
        return watcher
    }

    private func deliver() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
        var batch: [@Sendable () -> Void] = []
        contents.withLock { swap(&batch, &$0.work) }
        for work in batch { work() }
    }
}
