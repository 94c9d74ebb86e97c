// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import Dialects
internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Reactor
internal import Services

/// An exchange's client, spoken to in its dialect.
final class DialectSink: ClientSink {
    private let response: ResponseWriter
    private let requestID: String
    private let dialect: Dialect
    private let clientModel: String
    private let wantsUsage: Bool
    private let wantsArray: Bool
    /// What to answer when the request is to count its tokens and nobody else does.
    private let estimate: Int?
    /// The state of the caller's limits, for every answer.
    private let limitFields: HTTPFields?
    /// Storage that all sinks of a loop encode into, one at a time.
    private let buffer: EncodeBuffer
    /// What is answered, until it is known who answers.
    private var chat: ChatRequest?
    /// Writes the stream of an upstream that speaks the client's dialect.
    private var passthrough: PassthroughStreamEncoder?
    /// Writes the stream of one that speaks another, or does not stream.
    private var translator: (any StreamEncoder)?

    init(
        _ response: ResponseWriter, requestID: String, _ dialect: Dialect, _ chat: ChatRequest, wantsArray: Bool,
        estimate: Int? = nil, limitFields: HTTPFields? = nil, _ buffer: EncodeBuffer
    ) {
        self.limitFields = limitFields
        self.estimate = estimate
        self.response = response
        self.requestID = requestID
        self.dialect = dialect
        self.wantsArray = wantsArray
        self.buffer = buffer
        self.chat = chat
        clientModel = chat.model
        wantsUsage = chat.includesUsage
    }

    var isSaturated: Bool { response.isSaturated }

    func begin(_ attribution: Attribution, isAnswering: Bool) {
        var fields = common(isAnswering ? attribution : nil)
        let type = wantsArray ? "application/json; charset=utf-8" : "text/event-stream; charset=utf-8"
        fields.append("Content-Type", type)
        fields.append("Cache-Control", "no-cache, no-transform")
        fields.append("X-Accel-Buffering", "no")
        fields.append("X-Sluice-Stream-Id", attribution.streamID)
        response.start(status: 200, fields: fields)
    }

    func choose(_ attribution: Attribution, isStream: Bool) {
        guard chat != nil else { return }
        if isStream, attribution.dialect == dialect {
            passthrough = passthrough(upstreamModel: attribution.model)
        } else if let context = context(attribution) {
            translator = dialect.codec.streamEncoder(context)
        }
        chat = nil
    }

    func write(_ event: DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>) {
        send {
            if passthrough != nil {
                passthrough?.encode(event, data: data, named: name, into: &$0)
            } else if event.hasOwnText {
                translator?.encode(event, of: event.ownText.bytes, into: &$0)
            } else {
                translator?.encode(event, of: data, into: &$0)
            }
        }
    }

    func heartbeat() {
        send { bytes in
            if passthrough != nil {
                passthrough?.heartbeat(into: &bytes)
            } else if translator != nil {
                translator?.heartbeat(into: &bytes)
            } else {
                bytes.append(ASCII.lineFeed)
            }
        }
        response.flush()
    }

    func flush() { response.flush() }

    func respond(whole body: Span<UInt8>, _ event: borrowing DecodedEvent, _ attribution: Attribution) {
        guard attribution.dialect == dialect else {
            var answer = ChatAccumulator(limit: .max)
            answer.append(event, of: body)
            return respond(answer, attribution)
        }
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

    func respond(_ answer: ChatAccumulator, _ attribution: Attribution) {
        var fields = common(attribution)
        fields.append("Content-Type", "application/json")
        guard let context = context(attribution) else { return }
        buffer.use { bytes in
            dialect.codec.writeAnswer(answer, context, into: &bytes)
            response.respond(status: 200, fields: fields, body: bytes.bytes)
        }
    }

    func refuse(_ failure: ChatFailure, retryAfter: String?, _ attribution: Attribution?) {
        // Many servers that imitate Anthropic's have no such path.
        if let estimate, [404, 405, 429].contains(failure.status) || failure.status >= 500, attribution != nil {
            return TokenCountDoor.answer(estimate, dialect, requestID, response)
        }
        var fields = limitFields ?? HTTPFields()
        if let attribution { name(attribution, in: &fields) }
        if let retryAfter { fields.append("Retry-After", retryAfter) }
        ErrorReply.send(failure, dialect, requestID: requestID, fields: fields, to: response)
    }

    func fail(_ failure: ChatFailure) {
        chooseAnything()
        send {
            passthrough?.fail(failure, requestID: requestID, into: &$0)
            translator?.fail(failure, requestID: requestID, into: &$0)
        }
        response.finish()
    }

    func finish() {
        chooseAnything()
        send {
            passthrough?.finish(into: &$0)
            translator?.finish(into: &$0)
        }
        response.finish()
    }

    /// A stream that has only had heartbeats is ended in the client's dialect without anybody having answered.
    private func chooseAnything() {
        if passthrough == nil, translator == nil { passthrough = passthrough(upstreamModel: clientModel) }
    }

    private func passthrough(upstreamModel: String) -> PassthroughStreamEncoder {
        PassthroughStreamEncoder(
            dialect, upstreamModel: upstreamModel, clientModel: clientModel, wantsUsage: wantsUsage,
            wantsArray: wantsArray)
    }

    private func context(_ attribution: Attribution) -> AnswerContext? {
        guard let chat else { return nil }
        // The stream's identifier ends in 32 random digits.
        return AnswerContext(
            chat: chat, seed: String(attribution.streamID.suffix(32)), created: wallClockSeconds(),
            maker: attribution.maker, estimatedInput: chat.estimatedTokens, wantsArray: wantsArray)
    }

    private func send(_ encode: (inout ByteBuffer) -> Void) {
        response.write(encode)
    }

    private func common(_ attribution: Attribution?) -> HTTPFields {
        var fields = limitFields ?? HTTPFields()
        fields.append("X-Request-Id", requestID)
        // Where Anthropic's SDK looks for it.
        if dialect == .anthropic { fields.append("request-id", requestID) }
        if let attribution { name(attribution, in: &fields) }
        return fields
    }

    private func name(_ attribution: Attribution, in fields: inout HTTPFields) {
        fields.append("X-Sluice-Provider", attribution.provider)
        fields.append("X-Sluice-Model", attribution.model)
        fields.append("X-Sluice-Attempts", String(attribution.attempts))
        if !attribution.dropped.isEmpty {
            fields.append("X-Sluice-Dropped", DialectSink.list(attribution.dropped))
        }
    }

    /// Paths of members, which a client can make up: plain characters, and no more than a head should hold.
    private static func list(_ paths: [String]) -> String {
        var text = ""
        for path in paths {
            let plain = path.unicodeScalars.prefix(64).map { scalar in
                let isLetter = scalar.isASCII && scalar.properties.isAlphabetic
                let isPlain = isLetter || "0123456789_.-[]".unicodeScalars.contains(scalar)
                return isPlain ? Character(scalar) : "_"
            }
            guard text.utf8.count + plain.count < 1000 else { return text + ", ..." }
            if !text.isEmpty { text += ", " }
            text += String(plain)
        }
        return text
    }
}

@available(*, unavailable)
extension DialectSink: Sendable {}
