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
            for delta in event.deltas { accumulator.append(delta, from: bytes.span) }
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
