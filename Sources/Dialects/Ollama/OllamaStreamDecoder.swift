// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
import JSON

/// Reads the lines of Ollama's stream; there is one choice, and the line with `"done":true` is the last.
package struct OllamaStreamDecoder: StreamDecoder {
    private enum Phase { case empty, open, done, failed }

    /// No honest stream comes near; what a stream makes us remember has an end.
    private static let callLimit = 4096

    private var phase = Phase.empty
    private var line = OllamaLine()
    private var callCount = 0
    private let isWhole: Bool

    /// A decoder at the start of a stream.
    ///
    /// When `isWhole`, it is for an answer in one piece, which it reads as one event.
    package init(isWhole: Bool = false) {
        self.isWhole = isWhole
    }

    package mutating func decode(
        _ data: Span<UInt8>, named _: Span<UInt8>, into event: inout DecodedEvent
    ) throws(MalformedEvent) {
        event.reset()
        guard phase == .empty || phase == .open else {
            event.isAfterEnd = true
            return
        }
        do {
            try line.read(data)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        guard callCount &+ line.calls.count <= Self.callLimit else { throw MalformedEvent(at: 0) }
        if let range = line.error {
            let value = try? JSONValue(parsing: data.extracting(range), allowsLoneSurrogates: true)
            phase = .failed
            event.isTerminal = true
            var failure = OpenAIErrorBody.read(value ?? .null, status: 502)
            if let status = OpenAIErrorBody.status(of: failure) { failure.status = status }
            event.deltas.append(.failure(failure))
            return
        }
        event.modelRange = line.modelRange
        guard line.hasMessage || line.isDone else { return }
        if phase == .empty {
            phase = .open
            event.deltas.append(.start(choice: 0))
        }
        if !line.thinking.isEmpty { event.deltas.append(.reasoning(choice: 0, line.thinking)) }
        if !line.text.isEmpty { event.deltas.append(.text(choice: 0, line.text)) }
        if !line.logprobs.isEmpty { event.deltas.append(.logprobs(choice: 0, line.logprobs)) }
        for call in line.calls { append(call, of: data, to: &event) }
        if line.isDone || isWhole { end(of: data, in: &event) }
    }

    package var ending: StreamEnding {
        switch phase {
        case .empty: .empty
        case .open: .truncated
        case .done: .complete
        case .failed: .failed
        }
    }

    /// Tells a call. What stands in the data as an object becomes the inside of a string in the event's own text, which begins
    /// with the data, so that the other slices are right as they are.
    private mutating func append(_ call: OllamaLine.Call, of data: Span<UInt8>, to event: inout DecodedEvent) {
        // Nobody could be called.
        guard !call.name.isEmpty else { return }
        let number = callCount
        callCount &+= 1
        event.deltas.append(.toolCall(choice: 0, call: number, id: call.id, name: call.name))
        guard !call.arguments.isEmpty else { return }
        guard !call.isEscaped else {
            event.deltas.append(.toolArguments(choice: 0, call: number, call.arguments))
            return
        }
        if !event.hasOwnText {
            event.hasOwnText = true
            event.ownText.removeAll()
            event.ownText.append(data)
        }
        let start = event.ownText.count
        event.ownText.appendEscaped(data.extracting(call.arguments))
        event.deltas.append(.toolArguments(choice: 0, call: number, start..<event.ownText.count))
    }

    private mutating func end(of data: Span<UInt8>, in event: inout DecodedEvent) {
        phase = .done
        // The server leaves out what is 0.
        event.deltas.append(.usage(TokenUsage(input: line.usage.input ?? 0, output: line.usage.output ?? 0)))
        var reason = FinishReason.stop
        if let word = line.reason, !word.equals("load", in: data), !word.equals("unload", in: data) {
            reason = FinishReason(word, in: data)
        }
        if reason == .stop, callCount > 0 { reason = .toolCalls }
        event.deltas.append(.finish(choice: 0, reason))
        guard !isWhole else { return }
        event.isTerminal = true
        event.deltas.append(.end)
    }
}
