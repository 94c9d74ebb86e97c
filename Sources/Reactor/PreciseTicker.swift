// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CProcess
internal import Glibc

/// Ticks at exact moments of the kernel's clock (timerfd_create(2)), and says how late the loop took each.
///
/// For what measures the loop itself: libevent's clock goes in steps of some milliseconds, and so do `LoopTimer`s.
package final class PreciseTicker {
    private let descriptor: Int32
    private let interval: UInt64
    private let tick: (_ lateness: UInt64) -> Void
    private var watcher: SocketWatcher?
    /// When the next tick is due, on the loop's clock.
    private var due: UInt64

    /// Ticks each `interval` nanoseconds, for the first time after one; `tick` gets how many nanoseconds ago that was due. Of the
    /// ticks that came while the loop was busy only the first is told.
    ///
    /// Throws `ReactorError.unavailable` when the system has no descriptor left.
    package init(_ loop: EventLoop, interval: UInt64, _ tick: @escaping (_ lateness: UInt64) -> Void) throws(ReactorError) {
        descriptor = sluice_timerfd_create(CLOCK_MONOTONIC, Int32(O_CLOEXEC | O_NONBLOCK))
        guard descriptor >= 0 else { throw .unavailable("timerfd") }
        self.interval = interval
        self.tick = tick
        due = loop.now &+ interval
        let times = [interval, due].flatMap { [Int($0 / 1_000_000_000), Int($0 % 1_000_000_000)] }
        _ = unsafe sluice_timerfd_settime(descriptor, Int32(SLUICE_TIMER_ABSTIME), times, nil)
        let watcher = SocketWatcher(loop, descriptor: descriptor) { [unowned self] _ in ticked(at: loop.now) }
        watcher.watch(.read)
        self.watcher = watcher
    }

    deinit {
        watcher = nil
        close(descriptor)
    }

    private func ticked(at now: UInt64) {
        var count: UInt64 = 0
        guard unsafe read(descriptor, &count, 8) == 8, count > 0 else { return }
        let first = due
        due &+= count &* interval
        tick(now &- min(now, first))
    }
}

@available(*, unavailable)
extension PreciseTicker: Sendable {}
