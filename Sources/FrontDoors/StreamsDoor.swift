// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Reactor
package import Services

/// `GET /api/v1/streams`: what is under way; `DELETE /api/v1/streams/{id}` ends one of them.
///
/// The administrator sees every stream, others their own; what belongs to somebody else is not there for them.
package final class StreamsDoor: Door {
    /// Where the list is; a stream is below it.
    package static let path = "/api/v1/streams"
    /// How many streams one answer tells of.
    private static let most = 1000
    package let methods = ["GET", "DELETE"]
    private let gate: DoorGate
    private let proxy: ProxyService

    /// A door to what the gate's relay answers and `proxy` hands on.
    package init(_ gate: DoorGate, _ proxy: ProxyService) {
        self.gate = gate
        self.proxy = proxy
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let viewer = gate.admitReader(request, id: id, door: StreamsDoor.path)?.caller else { return }
        let segments = request.head.pathSegments ?? []
        if request.head.method == "DELETE" {
            guard segments.count == 4,
                gate.relay.cancelStream(segments[3], for: viewer) || proxy.cancelStream(segments[3], for: viewer)
            else {
                return ErrorReply.send(StreamsDoor.noStream, .openAIChat, requestID: id, to: request.response)
            }
            return request.response.respond(status: 204, fields: JSONReply.fields(id), body: [UInt8]().span)
        }
        guard segments.count == 3 else {
            return ErrorReply.send(StreamsDoor.noStream, .openAIChat, requestID: id, to: request.response)
        }
        var limit = StreamsDoor.most
        if let text = request.head.queryParameter("limit") {
            guard let number = Int(text), number > 0 else {
                let wrong = BodyFields.wrong("limit", "a whole number from 1")
                return ErrorReply.send(wrong, .openAIChat, requestID: id, to: request.response)
            }
            limit = min(number, StreamsDoor.most)
        }
        let answered = gate.relay.liveStreams(for: viewer, limit: limit)
        let handedOn = proxy.liveStreams(for: viewer, limit: limit)
        let streams = (answered.streams + handedOn.streams).sorted { $0.age < $1.age }.prefix(limit)
        let now = wallClockSeconds()
        JSONReply.send(requestID: id, to: request.response) { json in
            json.object { json in
                json.member(
                    "data", array: { json in for stream in streams { StreamsDoor.write(stream, now, &json) } })
                json.member("total", answered.total + handedOn.total)
            }
        }
    }

    private static func write(_ stream: LiveStream, _ now: Int, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", stream.id)
            json.member("request_id", stream.requestID)
            json.member("door", stream.door)
            json.member("model", stream.model)
            json.member("provider", optional(stream.provider))
            json.member("upstream_model", optional(stream.upstreamModel))
            json.member("caller", stream.caller.name)
            json.member("organization", stream.caller.organization.map { .string($0) } ?? .null)
            json.member("stream", stream.isStream)
            json.member("phase", stream.phase.rawValue)
            json.member(
                "started_at", InternetDate.text(fromUnixTime: now - Int(clamping: stream.age / 1_000_000_000)))
            json.member("age_ms", milliseconds(stream.age))
            json.member("queue_ms", milliseconds(stream.queueTime))
            json.member("connect_ms", milliseconds(stream.connectTime))
            json.member("first_token_ms", milliseconds(stream.firstTokenTime))
            json.member("events", stream.events)
            json.member("output_tokens", stream.outputTokens)
            json.member("tokens_per_second", tenths(stream.tokensPerSecond))
            json.member("pauses", stream.pauses)
            json.member("paused", stream.isPaused)
            json.member("attempts", stream.attempts)
        }
    }

    private static func optional(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }

    private static func milliseconds(_ nanoseconds: UInt64) -> Int { Int(clamping: nanoseconds / 1_000_000) }

    private static func milliseconds(_ nanoseconds: UInt64?) -> JSONValue {
        nanoseconds.map { .number(String(milliseconds($0))) } ?? .null
    }

    /// A rate with one digit behind the point.
    private static func tenths(_ rate: Double?) -> JSONValue {
        guard let rate, let number = Int(exactly: (min(rate, 1e9) * 10).rounded()) else { return .null }
        return .number("\(number / 10).\(number % 10)")
    }

    private static let noStream = ChatFailure(
        status: 404, message: "There is no such stream.", type: "invalid_request_error", code: "stream_not_found")
}

@available(*, unavailable)
extension StreamsDoor: Sendable {}
