// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibevent
internal import Glibc

/// Runs an action on the loop each time the process gets a signal.
@safe
package final class SignalWatcher {
    private let loop: EventLoop
    private let action: () -> Void
    private var event: OpaquePointer?

    /// Watches `number` (such as `SIGTERM`) until let go of.
    package init(_ loop: EventLoop, signal number: Int32, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
        unsafe event = event_new(
            loop.base, number, Int16(EV_SIGNAL | EV_PERSIST), signalArrived,
            Unmanaged.passUnretained(self).toOpaque())
        if let event = unsafe event { _ = unsafe event_add(event, nil) }
    }

    deinit { if let event = unsafe event { unsafe event_free(event) } }

    func arrived() { action() }

    /// Makes the process ignore the signals that would end it for no good reason.
    ///
    /// `SIGPIPE`, `SIGXFSZ`: a write to a gone peer or beyond the limit of a file is an error code, not a death. The others: a stray signal of a supervisor or a
    /// closed terminal must not take streams with it.
    package static func ignoreStraySignals() {
        for number in [SIGPIPE, SIGXFSZ, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT] { _ = signal(number, SIG_IGN) }
    }
}

@available(*, unavailable)
extension SignalWatcher: Sendable {}
