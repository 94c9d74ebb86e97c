// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc
internal import Synchronization

/// Runs work on an event loop from any thread.
package struct LoopPoster: Sendable {
    private let box: Postbox

    init(_ box: Postbox) { self.box = box }

    /// Queues `work` for the loop's thread and wakes it; dropped when the loop is gone.
    package func post(_ work: @escaping @Sendable () -> Void) { box.put(work) }
}

/// Work from other threads, with the eventfd that wakes the loop.
final class Postbox: Sendable {
    let descriptor: Int32
    private let queue = Mutex<[@Sendable () -> Void]>([])

    init() throws(ReactorError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { throw .unavailable("eventfd") }
    }

    deinit { close(descriptor) }

    func put(_ work: @escaping @Sendable () -> Void) {
        queue.withLock { $0.append(work) }
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    func take() -> [@Sendable () -> Void] {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
        return queue.withLock { work in
            defer { work = [] }
            return work
        }
    }
}
