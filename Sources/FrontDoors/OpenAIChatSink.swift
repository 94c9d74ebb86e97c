// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Services

/// An exchange's client that speaks OpenAI's chat dialect.
final class OpenAIChatSink: ClientSink {
    private let response: ResponseWriter
    private let requestID: String
    private let clientModel: String
    private let wantsUsage: Bool
    private var encoder: PassthroughStreamEncoder
    /// Storage that all sinks of a loop encode into, one at a time.
    private let buffer: EncodeBuffer

    init(_ response: ResponseWriter, requestID: String, _ chat: ChatRequest, _ buffer: EncodeBuffer) {
        self.response = response
        self.requestID = requestID
        self.buffer = buffer
        clientModel = chat.model
        wantsUsage = chat.includesUsage
        encoder = PassthroughStreamEncoder(
            upstreamModel: chat.model, clientModel: chat.model, wantsUsage: chat.includesUsage)
    }

    var isSaturated: Bool { response.isSaturated }

    func begin(_ attribution: Attribution) {
        encoder = PassthroughStreamEncoder(
            upstreamModel: attribution.model, clientModel: clientModel, wantsUsage: wantsUsage)
        var fields = common(attribution)
        fields.append("Content-Type", "text/event-stream; charset=utf-8")
        fields.append("Cache-Control", "no-cache, no-transform")
        fields.append("X-Accel-Buffering", "no")
        fields.append("X-Sluice-Stream-Id", attribution.streamID)
        response.start(status: 200, fields: fields)
    }

    func write(_ event: DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>) {
        send { encoder.encode(event, data: data, named: name, into: &$0) }
    }

    func heartbeat() {
        send { encoder.heartbeat(into: &$0) }
        response.flush()
    }

    func flush() { response.flush() }

    func respond(whole body: Span<UInt8>, _ event: borrowing DecodedEvent, _ attribution: Attribution) {
        var fields = common(attribution)
        fields.append("Content-Type", "application/json")
        guard let range = event.modelRange, attribution.model != clientModel else {
            return response.respond(status: 200, fields: fields, body: body)
        }
        buffer.use { bytes in
            bytes.append(body, 0..<range.lowerBound)
            bytes.appendEscaped(clientModel.utf8.span)
            bytes.append(body, range.upperBound..<body.count)
            response.respond(status: 200, fields: fields, body: bytes.bytes)
        }
    }

    func refuse(_ failure: ChatFailure, retryAfter: String?, _ attribution: Attribution?) {
        var fields = HTTPFields()
        if let attribution { name(attribution, in: &fields) }
        if let retryAfter { fields.append("Retry-After", retryAfter) }
        ErrorReply.send(failure, requestID: requestID, fields: fields, to: response)
    }

    func fail(_ failure: ChatFailure) {
        send { encoder.fail(failure, requestID: requestID, into: &$0) }
        response.finish()
    }

    func finish() {
        send { encoder.finish(into: &$0) }
        response.finish()
    }

    private func send(_ encode: (inout ByteBuffer) -> Void) {
        response.write(encode)
    }

    private func common(_ attribution: Attribution) -> HTTPFields {
        var fields = HTTPFields()
        fields.append("X-Request-Id", requestID)
        name(attribution, in: &fields)
        return fields
    }

    private func name(_ attribution: Attribution, in fields: inout HTTPFields) {
        fields.append("X-Sluice-Provider", attribution.provider)
        fields.append("X-Sluice-Model", attribution.model)
        fields.append("X-Sluice-Attempts", String(attribution.attempts))
    }
}

/// A buffer that is used by one encoder after the other and keeps its capacity.
final class EncodeBuffer {
    private var bytes = ByteBuffer(capacity: 4096)

    /// Lends the buffer, empty.
    func use(_ work: (inout ByteBuffer) -> Void) {
        var lent = ByteBuffer()
        swap(&lent, &bytes)
        lent.removeAll(keepingAtMost: 1 << 20)
        work(&lent)
        swap(&lent, &bytes)
    }
}

@available(*, unavailable)
extension OpenAIChatSink: Sendable {}
