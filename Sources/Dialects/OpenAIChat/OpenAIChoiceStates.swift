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
        var callCount = 0
    }

    /// A tool call that has begun. Which one upstream means it tells by place, id or both.
    private struct Call {
        let choice: Int
        let place: Int
        let number: Int
        var id: String
    }

    /// No honest stream comes near; what a stream makes us remember has an end.
    private static let limit = 4096

    private var choices: [Choice] = []
    private var calls: [Call] = []

    /// Whether no choice has begun.
    var isEmpty: Bool { choices.isEmpty }

    /// Whether every choice that began has ended.
    var areFinished: Bool { choices.allSatisfy(\.isFinished) }

    /// Whether the limit allows what a chunk may add.
    func canTake(_ chunk: OpenAIChatChunk) -> Bool {
        let count = chunk.fragments.count
        let isClose = choices.count &+ count > Self.limit || calls.count &+ count > Self.limit
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
                guard let call = findCall(place, fragment, of: data, event: &event), !fragment.arguments.isEmpty else {
                    continue
                }
                let slice = fragment.isRaw ? escape(fragment.arguments, of: data, in: &event) : fragment.arguments
                event.deltas.append(.toolArguments(choice: index, call: call, slice))
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

    /// The number of the call that a fragment belongs to, which begins if it has not; a call begins with its name, so that there
    /// is none for a fragment before it.
    ///
    /// Some upstreams repeat id and name on every fragment; some give each call of a turn the same index.
    private mutating func findCall(
        _ place: Int, _ fragment: OpenAIChatChunk.ToolFragment, of data: Span<UInt8>, event: inout DecodedEvent
    ) -> Int? {
        let choice = choices[place].index
        let id = fragment.id
        // Without an index the place is only that within the chunk: an id that is known says more.
        if !fragment.isPlaced, !id.isEmpty,
            let named = calls.last(where: { $0.choice == choice && data.jsonText(id, equals: $0.id.utf8.span) })
        {
            return named.number
        }
        // The last one at the place: an earlier one was ended by the one that took its place.
        if let known = calls.lastIndex(where: { $0.choice == choice && $0.place == fragment.index }) {
            let isSame =
                id.isEmpty || fragment.name.isEmpty || data.jsonText(id, equals: calls[known].id.utf8.span)
            if isSame { return calls[known].number }
        }
        guard !fragment.name.isEmpty else { return nil }
        let number = choices[place].callCount
        choices[place].callCount &+= 1
        calls.append(Call(choice: choice, place: fragment.index, number: number, id: data.jsonText(id)))
        if !fragment.signature.isEmpty {
            event.deltas.append(.callSignature(choice: choice, fragment.signature))
        }
        event.deltas.append(
            fragment.isCustom
                ? .customCall(choice: choice, call: number, id: id, name: fragment.name)
                : .toolCall(choice: choice, call: number, id: id, name: fragment.name))
        return number
    }

    /// Makes the inside of a string of JSON as it stands. All slices of the event are then ranges of its own text, which
    /// begins with the data, so that the others are right as they are.
    private func escape(_ range: Range<Int>, of data: Span<UInt8>, in event: inout DecodedEvent) -> Range<Int> {
        if !event.hasOwnText {
            event.hasOwnText = true
            event.ownText.removeAll()
            event.ownText.append(data)
        }
        let start = event.ownText.count
        event.ownText.appendEscaped(data.extracting(range))
        return start..<event.ownText.count
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
