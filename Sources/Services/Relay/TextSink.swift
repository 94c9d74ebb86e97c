// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
internal import JSON

/// Who gets the text of an answer that the gateway itself asked for, as it arrives. `end` is the last call.
package protocol TextReceiver: AnyObject {
    /// Whether upstream should pause until `Exchange.drained`.
    var isSaturated: Bool { get }
    /// A provider answers; called once, before any text.
    func begin(_ attribution: Attribution)
    /// A piece of the visible text of the first choice, or of its refusal.
    func receive(_ text: String)
    /// A piece of what the model thinks before it speaks.
    func reason(_ text: String)
    /// Upstream is silent; a client that waits may need a sign of life.
    func heartbeat()
    /// All that one read of upstream brought was received.
    func flush()
    /// The answer is whole, or failed: before its first text or in the midst of it.
    func end(_ failure: ChatFailure?, retryAfter: String?)
}

extension TextReceiver {
    package func reason(_ text: String) {}
}

/// Turns an exchange's events into text, for services that converse with models themselves.
package final class TextSink: ClientSink {
    /// The tokens that the provider has reported so far.
    package private(set) var usage: TokenUsage?
    private let receiver: any TextReceiver
    private var hasBegun = false

    /// A sink that tells `receiver`.
    package init(_ receiver: any TextReceiver) {
        self.receiver = receiver
    }

    package var isSaturated: Bool { receiver.isSaturated }

    package func begin(_ attribution: Attribution, isAnswering: Bool) {
        if isAnswering { announce(attribution) }
    }

    package func choose(_ attribution: Attribution, isStream: Bool) { announce(attribution) }

    package func write(_ event: DecodedEvent, named name: Span<UInt8>, _ data: Span<UInt8>) {
        if event.hasOwnText {
            tell(event.deltas, event.ownText.bytes)
        } else {
            tell(event.deltas, data)
        }
    }

    package func heartbeat() { receiver.heartbeat() }

    package func flush() { receiver.flush() }

    package func respond(whole body: Span<UInt8>, _ event: borrowing DecodedEvent, _ attribution: Attribution) {
        announce(attribution)
        if event.hasOwnText { tell(event.deltas, event.ownText.bytes) } else { tell(event.deltas, body) }
        receiver.end(nil, retryAfter: nil)
    }

    package func respond(_ answer: ChatAccumulator, _ attribution: Attribution) {
        announce(attribution)
        usage = answer.usage
        let text = answer.choices.first?.spoken ?? ""
        if !text.isEmpty { receiver.receive(text) }
        receiver.end(nil, retryAfter: nil)
    }

    package func refuse(_ failure: ChatFailure, retryAfter: String?, _ attribution: Attribution?) {
        receiver.end(failure, retryAfter: retryAfter)
    }

    package func fail(_ failure: ChatFailure) { receiver.end(failure, retryAfter: nil) }

    package func finish() { receiver.end(nil, retryAfter: nil) }

    private func announce(_ attribution: Attribution) {
        guard !hasBegun else { return }
        hasBegun = true
        receiver.begin(attribution)
    }

    private func tell(_ deltas: [ChatDelta], _ data: Span<UInt8>) {
        for delta in deltas {
            switch delta {
            case .text(choice: 0, let slice) where !slice.isEmpty: receiver.receive(data.jsonText(slice))
            case .reasoning(choice: 0, let slice) where !slice.isEmpty: receiver.reason(data.jsonText(slice))
            case .usage(let reported):
                var known = usage ?? TokenUsage()
                known.update(with: reported)
                usage = known
            // What a model says when it will not answer is what it says.
            case .refusal(choice: 0, let slice) where !slice.isEmpty: receiver.receive(data.jsonText(slice))
            default: break
            }
        }
    }
}

@available(*, unavailable)
extension TextSink: Sendable {}
