// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import SSE

@testable import Dialects

/// The bytes of a provider's stream on their way to a client, as the gateway takes them there: handed on where
/// both speak the same dialect, written anew elsewhere.
struct HubPassage {
    let provider: Dialect
    let client: Dialect
    private(set) var decoder: any StreamDecoder
    private var passthrough: PassthroughStreamEncoder?
    private var translator: any StreamEncoder
    /// What the provider said.
    private(set) var said = ChatAccumulator(limit: 1 << 26)
    private(set) var output = ByteBuffer()
    private(set) var malformedCount = 0
    private(set) var terminalCount = 0
    private(set) var afterEndCount = 0
    /// What the client was told to have failed.
    private(set) var failure: ChatFailure?
    private var parser = EventStreamParser()
    private var lines = LineParser()
    private var event = DecodedEvent()
    private var isOver = false

    /// `isHandedOn` is whether a stream of the client's own dialect keeps its bytes.
    init(from provider: Dialect, to client: Dialect, isHandedOn: Bool = true) {
        self.provider = provider
        self.client = client
        decoder = provider.codec.streamDecoder()
        translator = client.codec.streamEncoder(Self.context(client, maker: provider.maker))
        if isHandedOn, provider == client {
            passthrough = PassthroughStreamEncoder(
                client, upstreamModel: "upstream-model", clientModel: "client-model", wantsUsage: true)
        }
    }

    /// What an answer is written for: a client with a function and a tool that takes text, and a fixed seed and time.
    static func context(_ client: Dialect, maker: String) -> AnswerContext {
        var chat = ChatRequest(model: "client-model", messages: [], origin: client)
        chat.includesUsage = true
        chat.streams = true
        chat.tools = [
            ChatTool(name: "get_weather", kind: .function(parameters: nil, isStrict: nil)),
            ChatTool(name: "run_sql", kind: .custom(format: nil)),
        ]
        return AnswerContext(
            chat: chat, seed: "abcdefghijklmnopqrstuvwx", created: 1_700_000_000, maker: maker, estimatedInput: 7)
    }

    /// Takes the stream in these pieces and its end.
    static func of(
        _ chunks: [ArraySlice<UInt8>], from provider: Dialect, to client: Dialect, isHandedOn: Bool = true
    ) throws -> HubPassage {
        var passage = HubPassage(from: provider, to: client, isHandedOn: isHandedOn)
        for chunk in chunks { try passage.feed(Array(chunk)) }
        passage.end()
        return passage
    }

    mutating func feed(_ chunk: [UInt8]) throws {
        var events: [(data: [UInt8], name: String)] = []
        if provider.codec.framing == .lines {
            try lines.feed(chunk.span) { events.append((Self.copy($0), "")) }
        } else {
            try parser.feed(chunk.span) { data, fields in
                events.append((Self.copy(data), fields.name == "message" ? "" : fields.name))
            }
        }
        for event in events { take(event.data, named: event.name) }
    }

    /// The provider's body has ended.
    mutating func end() {
        var events: [(data: [UInt8], name: String)] = []
        if provider.codec.framing == .lines {
            lines.finish { events.append((Self.copy($0), "")) }
        } else {
            let end: EventStreamEnd = decoder.ending == .complete ? .dispatchCompleteLines : .dispatchEverything
            try? parser.finish(end) { data, fields in
                events.append((Self.copy(data), fields.name == "message" ? "" : fields.name))
            }
        }
        for event in events { take(event.data, named: event.name) }
        guard !isOver else { return }
        switch decoder.ending {
        case .complete: finish()
        case .empty: failEmpty()
        default:
            fail(
                ChatFailure(
                    status: 502, message: "The upstream broke off.", type: "upstream_error", code: "upstream_truncated"))
        }
    }

    private mutating func take(_ data: [UInt8], named name: String) {
        do {
            try decoder.decode(data.span, named: name.utf8.span, into: &event)
        } catch {
            malformedCount += 1
            return
        }
        if event.isTerminal { terminalCount += 1 }
        guard !event.isAfterEnd, !isOver else {
            afterEndCount += 1
            return
        }
        for case .failure(let reported) in event.deltas { return fail(reported) }
        said.append(event, of: data.span)
        if !event.isTerminal || !event.isDone {
            if passthrough != nil {
                passthrough?.encode(event, data: data.span, named: name.utf8.span, into: &output)
            } else if event.hasOwnText {
                let text = event.ownText
                translator.encode(event, of: text.bytes, into: &output)
            } else {
                translator.encode(event, of: data.span, into: &output)
            }
        }
        if event.isTerminal { said.choices.isEmpty && output.isEmpty ? failEmpty() : finish() }
    }

    private mutating func finish() {
        isOver = true
        if passthrough != nil { passthrough?.finish(into: &output) } else { translator.finish(into: &output) }
    }

    private mutating func failEmpty() {
        fail(
            ChatFailure(
                status: 502, message: "The upstream said nothing.", type: "upstream_error", code: "upstream_empty"))
    }

    private mutating func fail(_ reported: ChatFailure) {
        isOver = true
        failure = reported
        if passthrough != nil {
            passthrough?.fail(reported, requestID: "req_1", into: &output)
        } else {
            translator.fail(reported, requestID: "req_1", into: &output)
        }
    }

    private static func copy(_ span: Span<UInt8>) -> [UInt8] {
        var copy = ByteBuffer()
        copy.append(span)
        return copy.storage
    }
}

extension HubPassage {
    /// The dialects in which clients speak.
    static let clients: [Dialect] = [.openAIChat, .openAIResponses, .anthropic, .gemini]

    /// A whole answer as a client of another dialect gets it: in one piece, or as the stream it asked for.
    static func whole(
        _ body: [UInt8], from provider: Dialect, to client: Dialect
    ) throws -> (said: ChatAccumulator, body: ByteBuffer, stream: ByteBuffer) {
        var event = DecodedEvent()
        try provider.codec.decodeWhole(body.span, into: &event)
        var said = ChatAccumulator(limit: 1 << 26)
        said.append(event, of: body.span)
        let context = context(client, maker: provider.maker)
        var (answer, stream) = (ByteBuffer(), ByteBuffer())
        client.codec.writeAnswer(said, context, into: &answer)
        var encoder = client.codec.streamEncoder(context)
        if event.hasOwnText {
            encoder.encode(event, of: event.ownText.bytes, into: &stream)
        } else {
            encoder.encode(event, of: body.span, into: &stream)
        }
        encoder.finish(into: &stream)
        return (said, answer, stream)
    }
}
