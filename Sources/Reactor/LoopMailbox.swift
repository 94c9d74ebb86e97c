// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Synchronization

/// Messages that other threads hand to a loop: the one way into a loop from outside of its thread.
///
/// What crosses is data; what it is for (completions, handles) stays on the loop, in whatever `watch` is given. An eventfd(2)
/// wakes the loop, once for all that was posted since it last looked. Nothing here bounds how much waits: who posts does.
package final class LoopMailbox<Message: Sendable>: Sendable {
    private struct Contents {
        var messages: [Message] = []
        var isClosed = false
    }

    private let contents = Mutex(Contents())
    private let descriptor: Int32

    /// A mailbox whose messages `watch` tells to a loop.
    ///
    /// Throws `ReactorError.unavailable` when the system has no descriptor left.
    package init() throws(ReactorError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .unavailable("eventfd") }
    }

    deinit { close(descriptor) }

    /// Hands a message over; from any thread. What is posted after `closeForGood` is dropped.
    package func post(_ message: Message) {
        let isFirst = contents.withLock { contents in
            guard !contents.isClosed else { return false }
            contents.messages.append(message)
            return contents.messages.count == 1
        }
        guard isFirst else { return }
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Takes no more messages, and forgets those that were not told.
    package func closeForGood() {
        contents.withLock { contents in
            contents.isClosed = true
            contents.messages = []
        }
    }

    /// Tells each message to `receive` on `loop`, in the order of posting, as long as the watcher that this returns is kept.
    package func watch(on loop: EventLoop, _ receive: @escaping (Message) -> Void) -> SocketWatcher {
        let watcher = SocketWatcher(loop, descriptor: descriptor) { [self] _ in
            for message in takeAll() { receive(message) }
        }
        watcher.watch(.read)
        return watcher
    }

    private func takeAll() -> [Message] {
        // Read before the messages are taken: one that comes in between wakes the loop for nothing, and none is missed.
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
        return contents.withLock { contents in
            var batch: [Message] = []
            swap(&batch, &contents.messages)
            return batch
        }
    }
}
