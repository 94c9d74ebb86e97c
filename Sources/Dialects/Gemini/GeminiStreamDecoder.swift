// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
internal import JSON

/// Reads a stream of Gemini's chunks, bare or in the envelope of Google's internal service.
///
/// The stream has no terminator: it is over when the body ends after every choice gave its reason.
package struct GeminiStreamDecoder: StreamDecoder {
    private enum Phase { case open, done, failed }

    private var phase = Phase.open
    private var chunk: GeminiChunk
    private var choices = GeminiChoiceStates()
    private var usage = GeminiUsage()

    /// A decoder at the start of a stream; `isWrapped` when each chunk stands in the member `response`.
    package init(isWrapped: Bool = false) {
        chunk = GeminiChunk(isWrapped: isWrapped)
    }

    package mutating func decode(
        _ data: Span<UInt8>, named name: Span<UInt8>, into event: inout DecodedEvent
    ) throws(MalformedEvent) {
        event.reset()
        guard phase == .open else {
            event.isAfterEnd = true
            return
        }
        // Google sends none, but some who imitate it do.
        guard !data.equals(0..<data.count, ("[DONE]" as StaticString).bytes) else {
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
        guard choices.canTake(chunk, of: data.count) else { throw MalformedEvent(at: 0) }
        if let range = chunk.error {
            let error = try? JSONValue(parsing: data.extracting(range), allowsLoneSurrogates: true)
            fail(GeminiErrorBody.read(error ?? .null, status: 502), into: &event)
            return
        }
        choices.apply(chunk, of: data, to: &event)
        guard !choices.isOverfull else {
            event.deltas.removeAll(keepingCapacity: true)
            fail(ChatFailure(status: 502, message: "A tool call of the upstream has too many pieces."), into: &event)
            return
        }
        event.modelRange = chunk.modelRange
        if !chunk.usage.isEmpty {
            usage.update(with: chunk.usage)
            event.deltas.append(.usage(usage.tokens))
        }
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
        event.deltas.append(.failure(failure))
    }
}
