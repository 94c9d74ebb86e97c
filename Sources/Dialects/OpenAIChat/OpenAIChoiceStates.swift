// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

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
            case .tool(let toolIndex, let isPlaced, let id, let name, let arguments):
                let call = findCall(
                    place, at: toolIndex, isPlaced: isPlaced, id: id, name: name, of: data, event: &event)
                guard !arguments.isEmpty else { continue }
                event.deltas.append(.toolArguments(choice: index, call: call, arguments))
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

    /// The number of the call that a fragment belongs to, which begins if it has not.
    ///
    /// Some upstreams repeat id and name on every fragment; some give each call of a turn the same index.
    private mutating func findCall(
        _ place: Int, at toolIndex: Int, isPlaced: Bool, id: Range<Int>, name: Range<Int>,
        of data: Span<UInt8>, event: inout DecodedEvent
    ) -> Int {
        let choice = choices[place].index
        // Without an index the place is only that within the chunk: an id that is known says more.
        if !isPlaced, !id.isEmpty,
            let named = calls.last(where: { $0.choice == choice && data.jsonText(id, equals: $0.id.utf8.span) })
        {
            return named.number
        }
        // The last one at the place: an earlier one was ended by the one that took its place.
        if let known = calls.lastIndex(where: { $0.choice == choice && $0.place == toolIndex }) {
            let isSame = id.isEmpty || name.isEmpty || data.jsonText(id, equals: calls[known].id.utf8.span)
            if isSame { return calls[known].number }
        }
        let number = choices[place].callCount
        choices[place].callCount &+= 1
        calls.append(Call(choice: choice, place: toolIndex, number: number, id: data.jsonText(id)))
        event.deltas.append(.toolCall(choice: choice, call: number, id: id, name: name))
        return number
    }
}

extension FinishReason {
    /// Reads the spelling of chat completions.
    init(_ token: JSONToken, in data: Span<UInt8>) {
        if token.equals("stop", in: data) {
            self = .stop
        } else if token.equals("length", in: data) {
            self = .length
        } else if token.equals("tool_calls", in: data) || token.equals("function_call", in: data) {
            self = .toolCalls
        } else if token.equals("content_filter", in: data) {
            self = .contentFilter
        } else {
            self = .other(token.string(in: data))
        }
    }

    /// The spelling of chat completions.
    var openAIName: String {
        switch self {
        case .stop, .stopSequence, .pause, .refusal: "stop"
        case .length, .contextFull: "length"
        case .toolCalls: "tool_calls"
        case .contentFilter: "content_filter"
        case .malformedCall: "error"
        case .other(let name): name
        }
    }
}
