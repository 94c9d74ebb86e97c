// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import SSE

@testable import Dialects

/// A stream of one dialect on its way through the hub to a client of another.
struct DialectReplay {
    var decoder: any StreamDecoder
    var encoder: any StreamEncoder
    /// What the decoder said.
    var said = ChatAccumulator()
    var output = ByteBuffer()
    var malformedCount = 0
    var terminalCount = 0
    var afterEndCount = 0
    var failure: ChatFailure?
    /// The deltas of the last event.
    var last = DecodedEvent()

    init(
        from upstream: Dialect, to client: Dialect, maker: String = "anthropic", estimate: Int = 0,
        model: String = "client-model"
    ) {
        decoder = upstream.codec.streamDecoder()
        encoder = client.codec.streamEncoder(Self.context(client, maker: maker, estimate: estimate, model: model))
    }

    static func context(
        _ client: Dialect, maker: String = "anthropic", estimate: Int = 0, model: String = "client-model"
    ) -> AnswerContext {
        var chat = ChatRequest(model: model, messages: [], origin: client)
        chat.includesUsage = true
        return AnswerContext(
            chat: chat, seed: "abcdefghijklmnopqrstuvwx", created: 1, maker: maker, estimatedInput: estimate)
    }

    mutating func feed(_ data: String, named name: String = "") {
        let (bytes, nameBytes) = (Array(data.utf8), Array(name.utf8))
        do {
            try decoder.decode(bytes.span, named: nameBytes.span, into: &last)
        } catch {
            malformedCount += 1
            return
        }
        if last.isTerminal { terminalCount += 1 }
        guard !last.isAfterEnd else {
            afterEndCount += 1
            return
        }
        for case .failure(let reported) in last.deltas { failure = reported }
        said.append(last, of: bytes.span)
        let text = last.hasOwnText ? last.ownText.storage : bytes
        encoder.encode(last, of: text.span, into: &output)
    }

    /// Feeds chunks of an event stream, and ends it as the relay would.
    mutating func feed(chunks: [[UInt8]]) throws {
        var parser = EventStreamParser()
        for chunk in chunks {
            var events: [(String, String)] = []
            try parser.feed(chunk.span) { data, fields in
                var copy = ByteBuffer()
                copy.append(data)
                events.append((copy.text, fields.name == "message" ? "" : fields.name))
            }
            for (data, name) in events { feed(data, named: name) }
        }
        end()
    }

    mutating func end() {
        if let failure {
            encoder.fail(failure, requestID: "req-1", into: &output)
        } else if decoder.ending == .complete {
            encoder.finish(into: &output)
        } else {
            encoder.fail(ChatFailure(status: 502, message: "cut"), requestID: "req-1", into: &output)
        }
    }

    /// The events written, as name and payload.
    var events: [(name: String, data: JSONValue)] {
        output.text.components(separatedBy: "\n\n").compactMap { block in
            let lines = block.components(separatedBy: "\n").filter { !$0.isEmpty }
            guard let data = lines.last, data.hasPrefix("data: "), data != "data: [DONE]" else { return nil }
            let name = lines.first { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) } ?? ""
            let bytes = Array(data.dropFirst(6).utf8)
            return (name, (try? JSONValue(parsing: bytes.span, allowsLoneSurrogates: true)) ?? .null)
        }
    }

    /// What reading the output again says.
    func again(as dialect: Dialect) throws -> DialectReplay {
        var replay = DialectReplay(from: dialect, to: dialect)
        try replay.feed(chunks: [output.storage])
        return replay
    }
}

/// The events of a Messages stream, spelled with less.
enum Messages {
    static func event(_ type: String, _ members: String = "") -> String {
        let rest = members.isEmpty ? "" : "," + members
        return "event: \(type)\ndata: {\"type\":\"\(type)\"\(rest)}\n\n"
    }

    static let start = event(
        "message_start",
        #""message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"#
            + #""stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":3,"#
            + #""cache_creation_input_tokens":2,"output_tokens":1}}"#)

    static func open(_ index: Int, _ block: String) -> String {
        event("content_block_start", "\"index\":\(index),\"content_block\":\(block)")
    }

    static func delta(_ index: Int, _ delta: String) -> String {
        event("content_block_delta", "\"index\":\(index),\"delta\":\(delta)")
    }

    static func text(_ index: Int, _ text: String) -> String {
        delta(index, #"{"type":"text_delta","text":"\#(text)"}"#)
    }

    static func input(_ index: Int, _ json: String) -> String {
        delta(index, #"{"type":"input_json_delta","partial_json":"\#(json)"}"#)
    }

    static func close(_ index: Int) -> String { event("content_block_stop", "\"index\":\(index)") }

    static func end(_ reason: String, _ more: String = "") -> String {
        event(
            "message_delta",
            #""delta":{"stop_reason":"\#(reason)","stop_sequence":null\#(more)},"usage":{"output_tokens":20}"#)
            + event("message_stop")
    }

    static func block(_ type: String) -> String {
        switch type {
        case "thinking": #"{"type":"thinking","thinking":"","signature":""}"#
        default: #"{"type":"text","text":""}"#
        }
    }

    /// A turn with everything: thinking, text, two calls.
    static let full =
        start + open(0, block("thinking")) + event("ping")
        + delta(0, #"{"type":"thinking_delta","thinking":"Let \"me\" see…"}"#)
        + delta(0, #"{"type":"signature_delta","signature":"c2ln"}"#) + close(0)
        + open(1, #"{"type":"redacted_thinking","data":"cmVk"}"#) + close(1)
        + open(2, block("text")) + text(2, "Hel") + text(2, "lo\\n\\ud83d\\ude00 ż") + close(2)
        + open(3, #"{"type":"tool_use","id":"toolu_1","name":"f","input":{}}"#) + input(3, "")
        + input(3, #"{\"a\":"#) + input(3, #"\"b\"}"#) + close(3)
        + open(4, #"{"type":"tool_use","id":"toolu_2","name":"g","input":{}}"#) + close(4)
        + end("tool_use")
}
