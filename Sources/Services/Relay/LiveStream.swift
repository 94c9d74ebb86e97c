// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPClient
internal import Providers
internal import Reactor

/// An exchange under way, as somebody who looks on sees it; times in nanoseconds.
package struct LiveStream: Sendable, Equatable {
    /// What an exchange waits for.
    package enum Phase: String, Sendable {
        /// Nobody is being asked: it waits for its turn, or to ask again.
        case queued
        /// A provider is asked, and there is no connection yet.
        case connecting
        /// The provider has the request, and has said nothing.
        case waiting
        /// Events come.
        case streaming
        /// The client has left, and the answer is read on for its token counts.
        case draining
    }

    /// The stream's own identifier, which the client has in `X-Sluice-Stream-Id`.
    package var id: String
    package var requestID: String
    package var door: String
    /// The model as the client named it.
    package var model: String
    /// Who is being asked; empty before anybody was.
    package var provider: String
    /// The model as the provider calls it.
    package var upstreamModel: String
    package var caller: Caller
    /// Whether the client wants a stream.
    package var isStream: Bool
    package var phase: Phase
    /// Since the request's head.
    package var age: UInt64
    /// From the request's head until a provider was first asked; `nil` before.
    package var queueTime: UInt64?
    /// How long the connection to the provider that is asked now took; `nil` while there is none.
    package var connectTime: UInt64?
    /// From the request's head to the first event; `nil` before.
    package var firstTokenTime: UInt64?
    /// Events that went to the client.
    package var events: Int
    /// Tokens of the answer so far: what the provider said, or an estimate by the length of the text.
    package var outputTokens: Int
    /// Tokens in a second since the first came; `nil` before.
    package var tokensPerSecond: Double?
    /// How often upstream had to wait for the client.
    package var pauses: Int
    /// Whether it waits now.
    package var isPaused: Bool
    /// How often a provider was asked.
    package var attempts: Int
}

extension Exchange {
    /// How it stands now. Everything is read from what the exchange keeps anyway: a chunk costs nothing more for it.
    var live: LiveStream {
        let now = relay.loop.now
        let tokens = outputTokens
        return LiveStream(
            id: streamID, requestID: record.requestID, door: record.door, model: record.requestedModel,
            provider: record.provider, upstreamModel: record.model, caller: record.caller, isStream: record.isStream,
            phase: livePhase, age: now &- received, queueTime: firstAsked.map { $0 &- received },
            connectTime: transfer?.connectTime, firstTokenTime: firstEvent.map { $0 &- received },
            events: record.events, outputTokens: tokens,
            tokensPerSecond: firstEvent.flatMap { first in
                now > first ? Double(tokens) / (Double(now &- first) / 1e9) : nil
            }, pauses: pauses, isPaused: isPaused, attempts: record.attempts)
    }

    private var livePhase: LiveStream.Phase {
        if state.phase == .draining { return .draining }
        if firstEvent != nil { return .streaming }
        guard let transfer else { return .queued }
        return transfer.connectTime == nil ? .connecting : .waiting
    }

    /// Four bytes a token, as requests are estimated. What was not kept for the record is counted by the events.
    private var outputTokens: Int {
        var bytes = 0
        for choice in accumulator.choices {
            for part in choice.parts { bytes &+= part.escaped.count }
        }
        let estimate = accumulator.isTruncated ? max(record.events, bytes / 4) : (bytes &+ 3) / 4
        return max(accumulator.usage?.output ?? 0, firstEvent == nil ? 0 : estimate)
    }
}

extension RelayService {
    /// The exchanges under way that `viewer` may see, newest first, at most `limit` of them, and how many there are.
    package func liveStreams(for viewer: Caller, limit: Int) -> (streams: [LiveStream], total: Int) {
        let found = exchanges.values.filter { !$0.state.isOver && viewer.maySee($0.record.caller) }
        let newest = found.sorted { $0.received > $1.received }.prefix(limit)
        return (newest.map(\.live), found.count)
    }

    /// Ends a stream that `viewer` may see; false when there is none of that identifier.
    package func cancelStream(_ id: String, for viewer: Caller) -> Bool {
        let wanted = exchanges.values.first { $0.streamID == id && !$0.state.isOver }
        guard let wanted, viewer.maySee(wanted.record.caller) else { return false }
        wanted.cancel(LiveStream.cancelled)
        return true
    }
}

extension LiveStream {
    /// What the client of a stream is told that somebody has ended.
    ///
    /// 499 as Google's CANCELLED has it: a status that clients do not repeat the request for.
    static var cancelled: ChatFailure {
        ChatFailure(
            status: 499, message: "The stream was cancelled by its owner or an operator.", type: "cancelled",
            code: "stream_cancelled")
    }
}
