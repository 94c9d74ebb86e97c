// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Chat
import JSON

/// Reads a stream of chat completion chunks, as OpenAI and those who imitate it send them.
package struct OpenAIChatStreamDecoder: StreamDecoder {
    private enum Phase { case open, done, failed }

    private var phase = Phase.open
    private var chunk: OpenAIChatChunk
    private var choices = OpenAIChoiceStates()
    private var template = OpenAIChunkTemplate()
    private let isWhole: Bool

    /// A decoder at the start of a stream.
    ///
    /// When `isWhole`, it is for a completion in one piece, which it reads as one event.
    package init(isWhole: Bool = false) {
        self.isWhole = isWhole
        chunk = OpenAIChatChunk(isWhole: isWhole)
    }

    package mutating func decode(
        _ data: Span<UInt8>, named name: Span<UInt8>, into event: inout DecodedEvent
    ) throws(MalformedEvent) {
        if phase == .open, name.isEmpty, template.read(data, into: &event) { return }
        event.reset()
        guard phase == .open else {
            event.isAfterEnd = true
            return
        }
        if !name.isEmpty, name.equals(0..<name.count, ("error" as StaticString).bytes) {
            fail(OpenAIErrorBody.read(data, status: 502), into: &event)
            return
        }
        guard !EventText.isDone(data) else {
            phase = .done
            event.isDone = true
            event.isTerminal = true
            event.deltas.append(.end)
            return
        }
        do {
            try chunk.read(data)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        guard choices.canTake(chunk) else { throw MalformedEvent(at: 0) }
        if let range = chunk.error {
            let error = try? JSONValue(parsing: data.extracting(range), allowsLoneSurrogates: true)
            fail(OpenAIErrorBody.read(error ?? .null, status: 502), into: &event)
            return
        }
        if chunk.isBrokenOff(data) {
            fail(ChatFailure(status: 502, message: "The upstream broke the answer off."), into: &event)
            return
        }
        choices.apply(chunk, of: data, to: &event)
        if isWhole { choices.finishAll(in: &event) }
        event.modelRange = chunk.modelRange
        event.usageMember = chunk.usageMember
        if let usage = chunk.usage {
            event.isUsageOnly = chunk.choiceCount == 0
            event.deltas.append(.usage(usage))
        } else if event.deltas.isEmpty, !event.repeatedFinishes.isEmpty {
            event.isAfterEnd = true
        }
        template.learn(chunk, meaning: event, from: data)
    }

    package var ending: StreamEnding {
        switch phase {
        case .failed: .failed
        case _ where choices.isEmpty: .empty
        case _ where choices.areFinished: .complete
        case .done: .unfinished
        case .open: .truncated
        }
    }

    private mutating func fail(_ failure: ChatFailure, into event: inout DecodedEvent) {
        phase = .failed
        event.isTerminal = true
        var failure = failure
        // The stream began with 200, so what the error says is the only status there is.
        if let status = OpenAIErrorBody.status(of: failure) { failure.status = status }
        event.deltas.append(.failure(failure))
    }
}
