// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import SSE

@testable import Dialects

extension ByteBuffer {
    var text: String { String(decoding: storage, as: UTF8.self) }
}

extension AccumulatedPart {
    /// The id of a call; empty for what is none.
    var id: String {
        switch kind {
        case .toolCall(_, let id, _), .customCall(_, let id, _): id
        default: ""
        }
    }

    /// The name of a call's tool; empty for what is none.
    var name: String {
        switch kind {
        case .toolCall(_, _, let name), .customCall(_, _, let name): name
        default: ""
        }
    }

    var number: Int { callNumber ?? -1 }
    var arguments: String { text }
}

extension ChatAccumulator {
    /// Takes all that an event says.
    mutating func append(_ event: DecodedEvent, from data: Span<UInt8>) {
        for delta in event.deltas {
            if event.hasOwnText {
                append(delta, from: event.ownText.bytes)
            } else {
                append(delta, from: data)
            }
        }
    }
}

extension StreamEncoder {
    /// Writes what an event says.
    mutating func encode(_ event: DecodedEvent, from data: Span<UInt8>, into buffer: inout ByteBuffer) {
        if event.hasOwnText {
            encode(event, of: event.ownText.bytes, into: &buffer)
        } else {
            encode(event, of: data, into: &buffer)
        }
    }
}

/// A stream fed event by event through decoder, accumulator and a passthrough encoder.
struct StreamReplay {
    var decoder = OpenAIChatStreamDecoder()
    var encoder: PassthroughStreamEncoder
    var accumulator = ChatAccumulator()
    var output = ByteBuffer()
    var malformedCount = 0
    var terminalCount = 0
    private var event = DecodedEvent()

    init(upstreamModel: String = "m", clientModel: String = "m", wantsUsage: Bool = true) {
        encoder = PassthroughStreamEncoder(
            upstreamModel: upstreamModel, clientModel: clientModel, wantsUsage: wantsUsage)
    }

    @discardableResult
    mutating func feed(_ data: String, named name: String = "") -> DecodedEvent {
        let bytes = Array(data.utf8)
        let nameBytes = Array(name.utf8)
        do {
            try decoder.decode(bytes.span, named: nameBytes.span, into: &event)
        } catch {
            malformedCount += 1
            return DecodedEvent()
        }
        if event.isTerminal { terminalCount += 1 }
        if !event.isAfterEnd {
            accumulator.append(event, from: bytes.span)
        }
        encoder.encode(event, data: bytes.span, named: nameBytes.span, into: &output)
        return event
    }

    /// A stream that comes in these chunks.
    static func replaying(_ chunks: [[UInt8]]) throws -> StreamReplay {
        var replay = StreamReplay()
        var parser = EventStreamParser()
        for chunk in chunks {
            try parser.feed(chunk.span) { data, fields in
                var copy = ByteBuffer()
                copy.append(data)
                replay.feed(copy.text, named: fields.name == "message" ? "" : fields.name)
            }
        }
        return replay
    }

    /// The payloads that the encoder wrote.
    var payloads: [String] {
        output.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
            .map { String($0.dropFirst("data: ".count)) }
    }
}
