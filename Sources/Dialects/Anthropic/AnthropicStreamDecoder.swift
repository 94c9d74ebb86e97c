// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Chat
import JSON

/// Reads a stream of Messages events.
package struct AnthropicStreamDecoder: StreamDecoder {
    private enum Phase { case open, done, failed }

    /// A call whose block is open.
    private struct Call {
        let block: Int
        let number: Int
        var hasArguments = false
        /// The input that came with the block's start: what counts unless pieces of it follow.
        var input: ByteBuffer
        /// Whether its block was closed.
        var isEnded = false
        /// Whether it has come to no input, as far as is known.
        var lacksInput: Bool { !hasArguments && input.count <= 2 }
    }

    /// No honest stream comes near; what a stream makes us remember has an end.
    private static let callLimit = 1024
    private static let inputLimit = 32 << 20

    private var phase = Phase.open
    private var hasStarted = false
    private var hasMessageStart = false
    private var hasBlocks = false
    private var isFinished = false
    private var calls: [Call] = []
    private var callCount = 0
    private var usage = AnthropicUsage()

    /// A decoder at the start of a stream.
    package init() {}

    package mutating func decode(
        _ data: Span<UInt8>, named name: Span<UInt8>, into event: inout DecodedEvent
    ) throws(MalformedEvent) {
        event.reset()
        guard phase == .open else {
            event.isAfterEnd = true
            return
        }
        if name.equals(0..<name.count, ("error" as StaticString).bytes) {
            fail(AnthropicErrorBody.readInStream(data), into: &event)
            return
        }
        let read: AnthropicEvent
        do {
            read = try AnthropicEvent(data, named: name)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        switch read.kind {
        case .blockDelta: addDelta(read, to: &event)
        case .blockStart: try beginBlock(read, of: data, into: &event)
        case .blockStop: endCall(of: read.index, into: &event)
        case .messageStart: beginMessage(read, into: &event)
        case .messageDelta: endMessage(read, of: data, into: &event)
        case .messageStop:
            phase = .done
            event.isTerminal = true
            event.deltas.append(.end)
        case .error: fail(AnthropicErrorBody.readInStream(data), into: &event)
        case .ping, .other: break
        }
    }

    package var ending: StreamEnding {
        switch phase {
        case .failed: .failed
        case _ where !hasStarted: .empty
        case _ where isFinished: .complete
        case .done: .unfinished
        case .open: .truncated
        }
    }

    private mutating func start(into event: inout DecodedEvent) {
        guard !hasStarted else { return }
        hasStarted = true
        event.deltas.append(.start(choice: 0))
    }

    private mutating func beginMessage(_ read: AnthropicEvent, into event: inout DecodedEvent) {
        guard !hasMessageStart else {
            // Repeated before anything was said it does no harm; later the answers of two tries are spliced.
            guard hasBlocks || isFinished else {
                event.isAfterEnd = true
                return
            }
            fail(
                ChatFailure(status: 502, message: "The upstream began another answer in the middle of one."),
                into: &event)
            return
        }
        hasMessageStart = true
        start(into: &event)
        event.modelRange = read.modelRange
        report(read.usage, into: &event)
    }

    private mutating func beginBlock(
        _ read: AnthropicEvent, of data: Span<UInt8>, into event: inout DecodedEvent
    ) throws(MalformedEvent) {
        let piece = read.piece
        if piece.kind == .toolUse {
            let held = calls.reduce(piece.input.count) { $0 &+ $1.input.count }
            guard calls.count < Self.callLimit, held <= Self.inputLimit else {
                throw MalformedEvent(at: piece.input.lowerBound)
            }
        }
        hasBlocks = true
        start(into: &event)
        tellEnded(of: data, into: &event)
        switch piece.kind {
        case .text:
            if !piece.text.isEmpty { event.deltas.append(.text(choice: 0, piece.text)) }
        case .thinking:
            if !piece.thinking.isEmpty { event.deltas.append(.reasoning(choice: 0, piece.thinking)) }
            if !piece.signature.isEmpty { event.deltas.append(.reasoningSignature(choice: 0, piece.signature)) }
        case .redactedThinking:
            event.deltas.append(.redactedReasoning(choice: 0, piece.redacted))
        case .toolUse where !piece.name.isEmpty:
            calls.removeAll { $0.block == read.index }
            var input = ByteBuffer()
            if !piece.input.isEmpty { input.append(data, piece.input) } else { input.append(literal: "{}") }
            calls.append(Call(block: read.index, number: callCount, input: input))
            event.deltas.append(.toolCall(choice: 0, call: callCount, id: piece.id, name: piece.name))
            callCount &+= 1
        default:
            break
        }
    }

    /// Takes a delta by its own kind: in a block of the vendor's servers there is none that is taken.
    private mutating func addDelta(_ read: AnthropicEvent, to event: inout DecodedEvent) {
        let piece = read.piece
        switch piece.kind {
        case .textDelta:
            guard !piece.text.isEmpty else { return }
            start(into: &event)
            event.deltas.append(.text(choice: 0, piece.text))
        case .thinkingDelta:
            guard !piece.thinking.isEmpty else { return }
            start(into: &event)
            event.deltas.append(.reasoning(choice: 0, piece.thinking))
        case .signatureDelta:
            guard !piece.signature.isEmpty else { return }
            start(into: &event)
            event.deltas.append(.reasoningSignature(choice: 0, piece.signature))
        case .inputDelta:
            guard !piece.partialInput.isEmpty, let place = calls.firstIndex(where: { $0.block == read.index })
            else { return }
            if !calls[place].hasArguments {
                calls[place].hasArguments = true
                calls[place].input = ByteBuffer()
            }
            event.deltas.append(.toolArguments(choice: 0, call: calls[place].number, piece.partialInput))
        case .citationsDelta:
            guard !piece.url.isEmpty else { return }
            start(into: &event)
            event.deltas.append(.citation(choice: 0, url: piece.url, title: piece.title))
        default:
            break
        }
    }

    /// Ends the call of a block; without pieces of input, the one that its start gave is told now.
    ///
    /// An empty one may only mean that the answer was cut there: it waits for the next block, or for the end and its reason.
    private mutating func endCall(of block: Int, into event: inout DecodedEvent) {
        guard let place = calls.firstIndex(where: { $0.block == block }) else { return }
        if calls[place].lacksInput {
            calls[place].isEnded = true
        } else {
            tellInput(of: calls.remove(at: place), into: &event)
        }
    }

    /// Tells of the calls before a block that their input is empty, in an event that begins the block.
    private mutating func tellEnded(of data: Span<UInt8>, into event: inout DecodedEvent) {
        guard calls.contains(where: \.isEnded) else { return }
        event.ownText.removeAll()
        event.ownText.append(data)
        for call in calls where call.isEnded { tellInput(of: call, into: &event) }
        calls.removeAll(where: \.isEnded)
    }

    private func tellInput(of call: Call, into event: inout DecodedEvent) {
        guard !call.hasArguments else { return }
        event.hasOwnText = true
        let start = event.ownText.count
        event.ownText.appendEscaped(call.input.bytes)
        event.deltas.append(.toolArguments(choice: 0, call: call.number, start..<event.ownText.count))
    }

    private mutating func endMessage(
        _ read: AnthropicEvent, of data: Span<UInt8>, into event: inout DecodedEvent
    ) {
        start(into: &event)
        if let token = read.piece.stopReason {
            if isFinished {
                event.repeatedFinishes.append(token.range.lowerBound &- 1..<token.range.upperBound &+ 1)
            } else {
                isFinished = true
                let reason = FinishReason(read.piece, token, in: data)
                // A block that was not closed is whole all the same, unless the answer was cut.
                if !Optional(reason).isCut { for call in calls { tellInput(of: call, into: &event) } }
                calls.removeAll()
                event.deltas.append(.finish(choice: 0, reason))
            }
        }
        report(read.usage, into: &event)
    }

    private mutating func report(_ latest: AnthropicUsage?, into event: inout DecodedEvent) {
        guard let latest else { return }
        usage.update(with: latest)
        event.deltas.append(.usage(usage.tokens))
    }

    private mutating func fail(_ failure: ChatFailure, into event: inout DecodedEvent) {
        phase = .failed
        event.isTerminal = true
        event.deltas.append(.failure(failure))
    }
}
