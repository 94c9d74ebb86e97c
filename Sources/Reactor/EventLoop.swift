// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc

/// Why an event loop could not be made.
package enum ReactorError: Error, Equatable, Sendable {
    /// The operating system or libevent refused a resource; the text names it.
    case unavailable(String)
}

/// One thread's event loop: readiness, timers, deferred work and signals on a libevent base.
///
/// An iteration waits in epoll, runs what became ready, then all deferred work, and waits again. Deferred work that defers
/// more can hold the sockets and timers up for a few batches only. It belongs to the thread that calls `run`.
@safe
package final class EventLoop {
    /// libevent's base, for HTTPServer, which hands it to evhttp.
    package let base: OpaquePointer
    private var deferredWork: [() -> Void] = []
    private var deferredEvent: OpaquePointer?
    private var isPerformingDeferred = false
    /// How many batches of deferred work each came from the one before.
    private var chainLength = 0
    /// The batches of a chain that run before the sockets and timers have their turn.
    private static let chainLimit = 8
    private var timerEvent: OpaquePointer?
    private var timers = TimerHeap()
    private var armedFor: UInt64 = .max

    /// Makes a loop that does not run yet.
    ///
    /// Throws `ReactorError.unavailable` when epoll is not to be had.
    package init() throws(ReactorError) {
        guard let config = unsafe event_config_new() else { throw .unavailable("event_config") }
        defer { unsafe event_config_free(config) }
        // The changelist merges the DEL and ADD that one turn causes for the same descriptor; NOLOCK because
        // no other thread ever touches the base.
        _ = unsafe event_config_set_flag(
            config, Int32(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue | EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = unsafe event_base_new_with_config(config) else { throw .unavailable("event_base") }
        unsafe self.base = base
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe deferredEvent = event_new(base, -1, 0, runDeferredWork, context)
        unsafe timerEvent = event_new(base, -1, 0, fireTimers, context)
        guard unsafe deferredEvent != nil, unsafe timerEvent != nil else { throw .unavailable("event") }
    }

    deinit {
        if let event = unsafe deferredEvent { unsafe event_free(event) }
        if let event = unsafe timerEvent { unsafe event_free(event) }
        unsafe event_base_free(base)
    }

    /// Keeps malloc to one arena: each thread of libcurl's resolver would get one of its own otherwise.
    package static func useOneArena() {
        _ = mallopt(M_ARENA_MAX, 1)
    }

    /// The monotonic time in nanoseconds; only differences mean anything.
    package var now: UInt64 {
        recentNow = monotonicNow()
        return recentNow
    }

    /// The time when somebody last asked for `now`: good enough for what is measured in seconds, and free.
    package private(set) var recentNow = monotonicNow()

    /// Runs until `stop`.
    package func run() {
        _ = unsafe event_base_loop(base, Int32(EVLOOP_NO_EXIT_ON_EMPTY))
    }

    /// Ends `run` after the callbacks that are due now.
    package func stop() {
        _ = unsafe event_base_loopbreak(base)
    }

    /// Runs `work` after the current callback has returned and before the loop waits again.
    package func deferred(_ work: @escaping () -> Void) {
        deferredWork.append(work)
        guard deferredWork.count == 1, let event = unsafe deferredEvent else { return }
        chainLength = isPerformingDeferred ? chainLength &+ 1 : 0
        guard chainLength < EventLoop.chainLimit else {
            // An active event runs before libevent looks at anything else; one with a time, even of 0, after it.
            chainLength = 0
            var now = timeval()
            _ = unsafe event_add(event, &now)
            return
        }
        unsafe event_active(event, Int32(EV_TIMEOUT), 0)
    }

    // MARK: Called by the trampolines

    func performDeferred() {
        // Work deferred by this batch runs in the next one.
        var batch: [() -> Void] = []
        swap(&batch, &deferredWork)
        isPerformingDeferred = true
        for work in batch { work() }
        isPerformingDeferred = false
        if deferredWork.isEmpty {
            batch.removeAll(keepingCapacity: true)
            swap(&batch, &deferredWork)
        }
    }

    func performTimers() {
        armedFor = .max
        let now = monotonicNow()
        while let timer = timers.popDue(at: now) { timer.fired() }
        arm()
    }

    // MARK: Called by LoopTimer

    func schedule(_ timer: LoopTimer, at deadline: UInt64) {
        timers.insert(timer, at: deadline)
        if deadline < armedFor { arm() }
    }

    func unschedule(_ timer: LoopTimer) {
        timers.remove(timer)
    }

    /// Points libevent's one timer at the earliest deadline; left alone when it is already earlier, as it then
    /// finds nothing due and arms itself again.
    private func arm() {
        guard let event = unsafe timerEvent, let next = timers.earliest, next < armedFor else { return }
        armedFor = next
        let now = monotonicNow()
        let wait = next > now ? next - now : 0
        var interval = timeval(
            tv_sec: Int(wait / 1_000_000_000), tv_usec: Int((wait % 1_000_000_000 + 999) / 1000))
        if interval.tv_usec >= 1_000_000 {
            interval.tv_sec += 1
            interval.tv_usec -= 1_000_000
        }
        _ = unsafe event_add(event, &interval)
    }
}

@available(*, unavailable)
extension EventLoop: Sendable {}

/// The monotonic clock in nanoseconds.
package func monotonicNow() -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
}

/// Seconds since 1970, for what is shown to people and other machines; never for measuring.
package func wallClockSeconds() -> Int { time(nil) }

/// Microseconds since 1970, for what is stored; never for measuring.
package func wallClockMicroseconds() -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec / 1000)
}
