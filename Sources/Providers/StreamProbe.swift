// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat

/// Finds out by a request of a few tokens whether a model streams: the first sign of an answer is enough.
final class StreamProbe: UpstreamReceiver {
    private var done: ((StreamMode) -> Void)?

    /// `done` is called once, inside of the transfer that is being looked at.
    init(_ done: @escaping (StreamMode) -> Void) {
        self.done = done
    }

    /// The request: a word that any model answers.
    static func request(_ model: String) -> ChatRequest {
        var chat = ChatRequest(model: model, messages: [ChatMessage(role: .user, content: .text("Hi"))])
        chat.outputLimit = OutputLimit(tokens: 16, countsReasoning: true)
        chat.streams = true
        return chat
    }

    var isSaturated: Bool { false }

    func receive(_: DecodedEvent, named _: Span<UInt8>, _: Span<UInt8>) { end(.both) }

    func receive(whole _: Span<UInt8>, _: DecodedEvent) { end(.wholeOnly) }

    func receive(answer _: ChatAccumulator) { end(.wholeOnly) }

    func receivedComment() {}

    func receivedMalformedEvent() {}

    func flush() {}

    func finish() { end(.both) }

    /// A provider that fails has shown nothing, and is asked as the clients wish.
    func fail(_ failure: UpstreamFailure) { end(failure.streamRefusal == .needsWhole ? .wholeOnly : .both) }

    private func end(_ mode: StreamMode) {
        let done = done
        self.done = nil
        done?(mode)
    }
}

@available(*, unavailable)
extension StreamProbe: Sendable {}
