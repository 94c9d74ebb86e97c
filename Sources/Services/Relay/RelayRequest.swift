// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
package import Providers
package import Storage

/// A chat request as a front door hands it to the relay.
package struct RelayRequest {
    /// What is asked.
    package var upstream: UpstreamRequest
    /// The request's identifier, in every log line and error of it.
    package var id: String
    /// The front door's path, such as `/v1/chat/completions`.
    package var door: String
    /// Who asks.
    package var caller: Caller
    /// What of the client's head is recorded, without credentials: `name: value`, a line each.
    package var headerText = ""
    /// What its limits granted it, to be settled when it ends.
    package var lease: LimitLease?
    /// When the head was complete, on the loop's clock.
    package var received: UInt64

    package init(upstream: UpstreamRequest, id: String, door: String, caller: Caller, received: UInt64) {
        self.upstream = upstream
        self.id = id
        self.door = door
        self.caller = caller
        self.received = received
    }
}

/// How the relay treats streams; times in nanoseconds.
package struct RelayPolicy: Equatable, Sendable {
    /// What becomes of an answer whose client has left.
    package enum OnDisconnect: String, Sendable {
        /// Upstream is stopped at once.
        case cancel
        /// The answer is read to its end for the token counts, bounded in time and in number.
        case drain
    }

    /// After how much silence a stream gets a heartbeat.
    package var heartbeatInterval: UInt64 = 15_000_000_000
    /// How long the status is held back for an early error.
    package var commitAfter: UInt64 = 10_000_000_000
    /// Whether records may hold what was asked and answered, and what a provider said of it.
    package var keepsContent = true
    /// How many bytes of an answer are kept for the record.
    package var captureLimit = 1 << 20
    /// How many bytes of a request's body are kept for the record.
    package var requestLimit = 64 << 10
    /// How many bytes of bodies all running requests keep together; of more nothing is kept.
    package var keptLimit = 64 << 20
    /// What becomes of an answer whose client has left.
    package var onDisconnect = OnDisconnect.cancel
    /// How long an answer is drained.
    package var drainTime: UInt64 = 60_000_000_000
    /// How many answers are drained at once; beyond it they are cancelled.
    package var maxDrains = 64

    package init() {}
}

extension RelayPolicy {
    /// What records and the log tell of a failure: where they hold no content its code, as a provider's sentence may quote the request.
    func reason(_ failure: ChatFailure) -> String {
        keepsContent ? failure.message : failure.code ?? failure.type ?? "status \(failure.status)"
    }
}
