// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// What an exchange does next, decided without a socket, a clock or a dialect.
///
/// Each outside event is one mutating function that returns the one action it calls for. An exchange ends exactly once;
/// after that every event is answered with `nothing`.
package struct ExchangeState: Sendable {
    /// `waiting` goes to `streaming` or `over`, that to `draining` or `over`, that to `over`.
    package enum Phase: Equatable, Sendable {
        /// Nothing has been sent to the client: an error can still have a status.
        case waiting
        /// The head has been sent: an error is an event.
        case streaming
        /// The client has left and the answer is read on for its token counts.
        case draining
        /// Ended.
        case over(Outcome)
    }

    /// What the shell is to do.
    package enum Action: Equatable, Sendable {
        case nothing
        /// Send the head and the event at hand.
        case begin
        /// Send the event at hand.
        case write
        /// Send the head and a heartbeat.
        case beginWithHeartbeat
        /// Send a heartbeat.
        case heartbeat
        /// Send the whole answer at hand, and end.
        case respond
        /// Answer with an error status, and end.
        case refuse
        /// Send the failure as an event of the stream, and end it in good order.
        case fail
        /// Send the terminal event, and end.
        case finish
        /// Stop upstream: nobody listens.
        case cancel
        /// Take note that the drained answer is over.
        case settle
    }

    package private(set) var phase = Phase.waiting
    /// Whether the client wants a stream.
    package let isStream: Bool

    /// The state of an exchange whose client wants a stream, or one whole answer.
    package init(isStream: Bool) { self.isStream = isStream }

    /// Whether it has ended.
    package var isOver: Bool { if case .over = phase { true } else { false } }

    /// Whether bytes of an answer have been sent.
    package var hasStarted: Bool { phase == .streaming }

    /// Upstream brought an event that the client may see.
    package mutating func receivedEvent() -> Action {
        switch phase {
        case .waiting:
            phase = .streaming
            return .begin
        case .streaming: return .write
        case .draining, .over: return .nothing
        }
    }

    /// Upstream brought the whole answer to a client that wants it whole.
    package mutating func receivedWhole() -> Action {
        switch phase {
        case .waiting: return end(.completed, .respond)
        case .draining: return end(.clientDisconnected, .settle)
        case .streaming, .over: return .nothing
        }
    }

    /// Upstream's stream came to its orderly end.
    package mutating func completed() -> Action {
        switch phase {
        // Without a single event there is no answer: the shell gives the failure.
        case .waiting: return end(.upstreamError, .refuse)
        case .streaming: return end(.completed, .finish)
        case .draining: return end(.clientDisconnected, .settle)
        case .over: return .nothing
        }
    }

    /// Upstream failed, by its own word or by its silence.
    package mutating func failed(_ outcome: Outcome) -> Action {
        switch phase {
        case .waiting: return end(outcome, .refuse)
        case .streaming: return end(outcome, .fail)
        case .draining: return end(.clientDisconnected, .settle)
        case .over: return .nothing
        }
    }

    /// The gateway refuses the request itself, before or instead of asking upstream.
    package mutating func refused() -> Action {
        phase == .waiting ? end(.refused, .refuse) : .nothing
    }

    /// The client has left; `drains` says that its answer is worth reading to the end.
    package mutating func clientLeft(drains: Bool) -> Action {
        switch phase {
        case .waiting, .streaming:
            if drains {
                phase = .draining
                return .nothing
            }
            return end(.clientDisconnected, .cancel)
        case .draining, .over: return .nothing
        }
    }

    /// A drained answer took too long.
    package mutating func drainExpired() -> Action {
        phase == .draining ? end(.clientDisconnected, .cancel) : .nothing
    }

    /// Somebody other than the client ended it: an operator, the end of the process.
    package mutating func cancelled() -> Action {
        switch phase {
        case .waiting: return end(.cancelled, .refuse)
        case .streaming: return end(.cancelled, .fail)
        case .draining: return end(.clientDisconnected, .cancel)
        case .over: return .nothing
        }
    }

    /// Nothing has been sent for as long as a client and its proxies bear.
    package mutating func silenceLasted() -> Action {
        switch phase {
        case .waiting where isStream:
            phase = .streaming
            return .beginWithHeartbeat
        case .streaming: return .heartbeat
        case .waiting, .draining, .over: return .nothing
        }
    }

    private mutating func end(_ outcome: Outcome, _ action: Action) -> Action {
        phase = .over(outcome)
        return action
    }
}
