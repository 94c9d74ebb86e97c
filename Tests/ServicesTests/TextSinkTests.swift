// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Services

@Suite("TextSink")
struct TextSinkTests {
    private final class Listener: TextReceiver {
        var pieces: [String] = []
        var isSaturated: Bool { false }
        func begin(_ attribution: Attribution) {}
        func receive(_ text: String) { pieces.append(text) }
        func heartbeat() {}
        func flush() {}
        func end(_ failure: ChatFailure?, retryAfter: String?) {}
    }

    private let data = Array("Well: no.".utf8)
    private let deltas: [ChatDelta] = [.text(choice: 0, 0..<5), .refusal(choice: 0, 5..<9), .refusal(choice: 1, 0..<9)]

    @Test("hands on a refusal in a stream as text, of the first choice alone")
    func stream() {
        let listener = Listener()
        var event = DecodedEvent()
        event.deltas = deltas
        let name: [UInt8] = []
        TextSink(listener).write(event, named: name.span, data.span)
        #expect(listener.pieces == ["Well:", " no."])
    }

    @Test("hands on a refusal in a whole answer as text")
    func whole() {
        let listener = Listener()
        var answer = ChatAccumulator(limit: 1000)
        for delta in deltas { answer.append(delta, from: data.span) }
        let attribution = Attribution(provider: "p", model: "m", attempts: 1, streamID: "s", dialect: .openAIChat, maker: "p")
        TextSink(listener).respond(answer, attribution)
        #expect(listener.pieces == ["Well: no."])
    }
}
