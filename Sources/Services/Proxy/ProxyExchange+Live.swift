// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPClient
internal import Providers
internal import Reactor

extension ProxyExchange {
    /// How it stands now. Of a model nothing is told, and of tokens only what upstream has said.
    var live: LiveStream {
        let now = service.loop.now
        return LiveStream(
            id: streamID, requestID: request.id, door: request.door, model: "", provider: request.target.name,
            upstreamModel: "", caller: request.caller, isStream: capture.isStream, phase: livePhase,
            age: now &- request.received, queueTime: 0, connectTime: transfer?.connectTime,
            firstTokenTime: firstChunk.map { $0 &- request.received }, events: 0,
            outputTokens: max(0, capture.usage?.output ?? 0), tokensPerSecond: nil, pauses: pauses, isPaused: isPaused,
            attempts: 1)
    }

    private var livePhase: LiveStream.Phase {
        if phase == .answering { return .streaming }
        return transfer?.connectTime == nil ? .connecting : .waiting
    }
}

extension ProxyService {
    /// The requests under way that `viewer` may see, newest first, at most `limit` of them, and how many there are.
    package func liveStreams(for viewer: Caller, limit: Int) -> (streams: [LiveStream], total: Int) {
        let found = exchanges.values.filter { $0.phase != .over && viewer.maySee($0.request.caller) }
        let newest = found.sorted { $0.request.received > $1.request.received }.prefix(limit)
        return (newest.map(\.live), found.count)
    }

    /// Ends a request that `viewer` may see; false when there is none of that identifier.
    package func cancelStream(_ id: String, for viewer: Caller) -> Bool {
        let wanted = exchanges.values.first { $0.streamID == id && $0.phase != .over }
        guard let wanted, viewer.maySee(wanted.request.caller) else { return false }
        wanted.cancel(LiveStream.cancelled)
        return true
    }
}
