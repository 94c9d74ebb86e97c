// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// What a stream has said of its choices so far, and what a chunk adds to that.
struct OpenAIChoiceStates: Sendable {
    private struct Choice {
        let index: Int
        var isFinished = false
        /// How many calls have been told.
        var callCount = 0
    }

    /// No honest stream comes near; what a stream makes us remember has an end.
    private static let limit = 4096

    private var choices: [Choice] = []
    private var calls = OpenAICallStates()

    /// Whether no choice has begun.
    var isEmpty: Bool { choices.isEmpty }

    /// Whether every choice that began has ended.
    var areFinished: Bool { choices.allSatisfy(\.isFinished) }

    /// Whether the limit allows what a chunk may add.
    func canTake(_ chunk: OpenAIChatChunk) -> Bool {
        let count = chunk.fragments.count
        let isClose = choices.count &+ count > Self.limit || calls.count &+ count > Self.limit || calls.isFull
        return !isClose
            || chunk.fragments.allSatisfy { fragment in
                if case .tool = fragment.content { return false }
                return place(of: fragment.choice) != nil
            }
    }

    /// Takes a chunk's pieces over as deltas.
    mutating func apply(_ chunk: OpenAIChatChunk, of data: Span<UInt8>, to event: inout DecodedEvent) {
        for fragment in chunk.fragments {
            let index = fragment.choice
            let place = begin(index, event: &event)
            switch fragment.content {
            case .role:
                break
            case .text(let slice):
                event.deltas.append(.text(choice: index, slice))
            case .refusal(let slice):
                event.deltas.append(.refusal(choice: index, slice))
            case .reasoning(let slice):
                event.deltas.append(.reasoning(choice: index, slice))
            case .reasoningSignature(let slice):
                event.deltas.append(.reasoningSignature(choice: index, slice))
            case .redactedReasoning(let slice):
                event.deltas.append(.redactedReasoning(choice: index, slice))
            case .citation(let url, let title):
                event.deltas.append(.citation(choice: index, url: url, title: title))
            case .image(let mediaType, let base64):
                event.deltas.append(.image(choice: index, mediaType: mediaType, base64: base64))
            case .logprobs(let slice):
                event.deltas.append(.logprobs(choice: index, slice))
            case .tool(let fragment):
                calls.take(fragment, of: index, told: &choices[place].callCount, from: data, to: &event)
            case .finish(let token):
                if choices[place].isFinished {
                    event.repeatedFinishes.append(token.range.lowerBound &- 1..<token.range.upperBound &+ 1)
                } else {
                    choices[place].isFinished = true
                    event.deltas.append(.finish(choice: index, FinishReason(token, in: data)))
                }
            }
        }
    }

    private func place(of index: Int) -> Int? {
        choices.firstIndex { $0.index == index }
    }

    /// The place of a choice, which begins if it has not.
    private mutating func begin(_ index: Int, event: inout DecodedEvent) -> Int {
        if let place = place(of: index) { return place }
        choices.append(Choice(index: index))
        event.deltas.append(.start(choice: index))
        return choices.count &- 1
    }

    /// Ends the choices of a whole answer for which upstream gave no reason.
    mutating func finishAll(in event: inout DecodedEvent) {
        for place in choices.indices where !choices[place].isFinished {
            choices[place].isFinished = true
            let reason = choices[place].callCount > 0 ? FinishReason.toolCalls : .stop
            event.deltas.append(.finish(choice: choices[place].index, reason))
        }
    }
}
