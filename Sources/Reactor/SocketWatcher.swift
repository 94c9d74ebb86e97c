// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent

/// Readiness of a descriptor that somebody else owns, such as one of libcurl's sockets.
@safe
package final class SocketWatcher {
    /// What to wait for, and what was found.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: Int16
        package init(rawValue: Int16) { self.rawValue = rawValue }
        /// There is something to read, or the peer is gone.
        package static let read = Interest(rawValue: Int16(EV_READ))
        /// There is room to write.
        package static let write = Interest(rawValue: Int16(EV_WRITE))
    }

    private let loop: EventLoop
    private let descriptor: Int32
    private let action: (Interest) -> Void
    private var event: OpaquePointer?
    private var interest: Interest = []

    /// Watches nothing until `watch` is called; `action` gets what is ready, level-triggered.
    package init(_ loop: EventLoop, descriptor: Int32, _ action: @escaping (Interest) -> Void) {
        self.loop = loop
        self.descriptor = descriptor
        self.action = action
    }

    deinit { if let event = unsafe event { unsafe event_free(event) } }

    /// Replaces what is waited for; empty stops.
    package func watch(_ wanted: Interest) {
        guard wanted != interest else { return }
        interest = wanted
        if let event = unsafe event {
            _ = unsafe event_del(event)
            guard !wanted.isEmpty else { return }
            _ = unsafe event_assign(
                event, loop.base, descriptor, wanted.rawValue | Int16(EV_PERSIST), socketReady,
                Unmanaged.passUnretained(self).toOpaque())
        } else {
            guard !wanted.isEmpty else { return }
            unsafe event = event_new(
                loop.base, descriptor, wanted.rawValue | Int16(EV_PERSIST), socketReady,
                Unmanaged.passUnretained(self).toOpaque())
        }
        if let event = unsafe event { _ = unsafe event_add(event, nil) }
    }

    func ready(_ events: Int16) { action(Interest(rawValue: events)) }
}

@available(*, unavailable)
extension SocketWatcher: Sendable {}
