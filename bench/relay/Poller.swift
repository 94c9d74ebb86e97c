// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import CEpoll
import Glibc

/// A level-triggered epoll set whose events name the descriptor that is ready.
///
/// An event may be stale, of a descriptor closed and taken again earlier in the same batch, so what a
/// connection does on it must bear being called for nothing.
@safe final class Poller {
    private let epoll = epoll_create1(0)
    private var events = unsafe [epoll_event](repeating: epoll_event(), count: 1024)

    func add(_ descriptor: Int32, writable: Bool = false) {
        control(EPOLL_CTL_ADD, descriptor, writable: writable)
    }

    func change(_ descriptor: Int32, writable: Bool) {
        control(EPOLL_CTL_MOD, descriptor, writable: writable)
    }

    /// Takes a descriptor out without closing it: its reader has stalled.
    func remove(_ descriptor: Int32) {
        control(EPOLL_CTL_DEL, descriptor, writable: false)
    }

    /// Waits for at most `nanoseconds` (nil: for ever) and returns how many descriptors are ready.
    func wait(nanoseconds: Int64?) -> Int {
        let count: Int32
        if let nanoseconds {
            let bounded = max(0, nanoseconds)
            var time = timespec(tv_sec: Int(bounded / 1_000_000_000), tv_nsec: Int(bounded % 1_000_000_000))
            count = unsafe epoll_pwait2(epoll, &events, Int32(events.count), &time, nil)
        } else {
            count = unsafe epoll_wait(epoll, &events, Int32(events.count), -1)
        }
        return Int(max(0, count))
    }

    /// The descriptor of the ready event at `index`, and what it is ready for.
    func ready(_ index: Int) -> (descriptor: Int32, readable: Bool, writable: Bool) {
        let event = unsafe events[index]
        let flags = unsafe event.events
        // Hang-up and error count as readable: the read then says what happened.
        return (unsafe event.data.fd, flags & ~EPOLLOUT.rawValue != 0, flags & EPOLLOUT.rawValue != 0)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, writable: Bool) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | (writable ? EPOLLOUT.rawValue : 0)
        unsafe event.data.fd = descriptor
        guard unsafe epoll_ctl(epoll, operation, descriptor, &event) == 0 else {
            fail("epoll_ctl failed, errno \(errno)")
        }
    }
}
