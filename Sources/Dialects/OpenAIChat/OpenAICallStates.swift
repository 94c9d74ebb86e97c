// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// The tool calls of a stream's choices, and which of them a fragment belongs to.
///
/// Upstream tells by place, by id or by both which call it means. Some repeat id and name on every fragment, some give each call of a
/// turn the same index, and some give no ids at all. A call begins with its name, for which what comes before waits: without one
/// nobody could be called.
struct OpenAICallStates: Sendable {
    private struct Call {
        let choice: Int
        let place: Int
        var number = 0
        var id: String
        var name: String
        /// How far the arguments have come; looked at only for calls without an id, of which nothing else tells the end.
        var progress = JSONProgress()
        /// Whether the name came again, and nothing with it, when the arguments were whole.
        var isNamedAgain = false
        /// What waits for the name; `nil` once the call was told.
        var held: Held?
    }

    private struct Held {
        var isCustom = false
        /// Escaped, as they came.
        var arguments = ByteBuffer()
        var signature = ByteBuffer()

        var count: Int { arguments.count &+ signature.count }
    }

    /// What may wait for names in all, in bytes.
    private static let heldLimit = 64 << 10
    /// What may be remembered of ids and names, in bytes.
    private static let nameLimit = 4 << 20

    private var calls: [Call] = []
    private var heldCount = 0
    private var nameCount = 0

    /// How many calls have begun.
    var count: Int { calls.count }

    /// Whether more was given than is remembered.
    var isFull: Bool { nameCount > Self.nameLimit || heldCount > Self.heldLimit }

    /// Takes a fragment over as deltas. `told` is the number of calls of the choice that have been told.
    mutating func take(
        _ fragment: OpenAIChatChunk.ToolFragment, of choice: Int, told: inout Int, from data: Span<UInt8>,
        to event: inout DecodedEvent
    ) {
        let slice = fragment.isRaw ? event.appendEscaped(fragment.arguments, of: data) : fragment.arguments
        guard let known = find(fragment, of: choice, in: data) else {
            let id = data.jsonText(fragment.id)
            let name = data.jsonText(fragment.name)
            let place = begin(Call(choice: choice, place: fragment.index, id: id, name: name))
            guard name.isEmpty else {
                calls[place].number = told
                told &+= 1
                if !fragment.signature.isEmpty {
                    event.deltas.append(.callSignature(choice: choice, fragment.signature))
                }
                event.begin(
                    told &- 1, of: choice, id: fragment.id, name: fragment.name, isCustom: fragment.isCustom)
                append(slice, to: place, of: data, to: &event)
                return
            }
            calls[place].held = Held()
            hold(fragment, slice, in: place, of: data, event: event)
            return
        }
        guard calls[known].held == nil else {
            if calls[known].id.isEmpty, !fragment.id.isEmpty { remember(id: data.jsonText(fragment.id), of: known) }
            if !fragment.name.isEmpty { remember(name: data.jsonText(fragment.name), of: known) }
            hold(fragment, slice, in: known, of: data, event: event)
            if !calls[known].name.isEmpty { tell(known, told: &told, from: data, to: &event) }
            return
        }
        guard calls[known].id.isEmpty, calls[known].progress.isComplete else {
            return append(slice, to: known, of: data, to: &event)
        }
        if !fragment.name.isEmpty {
            calls[known].isNamedAgain = true
        } else if calls[known].isNamedAgain, !slice.isEmpty {
            // It was the beginning of another call of the same tool.
            var call = Call(choice: choice, place: fragment.index, id: "", name: calls[known].name)
            call.held = Held(isCustom: fragment.isCustom)
            let place = begin(call)
            hold(fragment, slice, in: place, of: data, event: event)
            tell(place, told: &told, from: data, to: &event)
        } else {
            append(slice, to: known, of: data, to: &event)
        }
    }

    // MARK: Which call

    private func find(
        _ fragment: OpenAIChatChunk.ToolFragment, of choice: Int, in data: Span<UInt8>
    ) -> Int? {
        // Without an index the place is only that within the chunk: an id that is known says more.
        if !fragment.isPlaced, !fragment.id.isEmpty,
            let named = calls.lastIndex(where: {
                $0.choice == choice && data.jsonText(fragment.id, equals: $0.id.utf8.span)
            })
        {
            return named
        }
        // The last one at the place: an earlier one was ended by the one that took its place.
        guard let known = calls.lastIndex(where: { $0.choice == choice && $0.place == fragment.index }),
            isContinued(calls[known], by: fragment, in: data)
        else { return nil }
        return known
    }

    private func isContinued(
        _ call: Call, by fragment: OpenAIChatChunk.ToolFragment, in data: Span<UInt8>
    ) -> Bool {
        // Only a name begins a call.
        guard !fragment.name.isEmpty else { return true }
        guard fragment.id.isEmpty || call.id.isEmpty else { return data.jsonText(fragment.id, equals: call.id.utf8.span) }
        if call.name.isEmpty { return true }
        guard fragment.id.isEmpty, data.jsonText(fragment.name, equals: call.name.utf8.span) else { return false }
        // Without ids, a name that comes again behind whole arguments means the next call; some repeat it at the very end.
        return !call.id.isEmpty || !call.progress.isComplete || fragment.arguments.isEmpty
    }

    // MARK: What is remembered

    private mutating func begin(_ call: Call) -> Int {
        nameCount &+= call.id.utf8.count &+ call.name.utf8.count
        calls.append(call)
        return calls.count &- 1
    }

    private mutating func remember(id: String, of place: Int) {
        nameCount &+= id.utf8.count
        calls[place].id = id
    }

    private mutating func remember(name: String, of place: Int) {
        nameCount &+= name.utf8.count
        calls[place].name = name
    }

    private mutating func hold(
        _ fragment: OpenAIChatChunk.ToolFragment, _ slice: Range<Int>, in place: Int, of data: Span<UInt8>,
        event: borrowing DecodedEvent
    ) {
        let before = calls[place].held?.count ?? 0
        if fragment.isCustom { calls[place].held?.isCustom = true }
        if !fragment.signature.isEmpty {
            calls[place].held?.signature.removeAll()
            calls[place].held?.signature.append(data, fragment.signature)
        }
        if fragment.isRaw {
            calls[place].held?.arguments.append(event.ownText.bytes, slice)
        } else {
            calls[place].held?.arguments.append(data, slice)
        }
        heldCount &+= (calls[place].held?.count ?? 0) &- before
    }

    // MARK: What is told

    private mutating func append(
        _ slice: Range<Int>, to place: Int, of data: Span<UInt8>, to event: inout DecodedEvent
    ) {
        guard !slice.isEmpty else { return }
        if calls[place].id.isEmpty {
            if event.hasOwnText {
                calls[place].progress.take(event.ownText.bytes, slice)
            } else {
                calls[place].progress.take(data, slice)
            }
        }
        event.deltas.append(.toolArguments(choice: calls[place].choice, call: calls[place].number, slice))
    }

    /// Tells a call that waited, with all that came of it.
    private mutating func tell(
        _ place: Int, told: inout Int, from data: Span<UInt8>, to event: inout DecodedEvent
    ) {
        guard let held = calls[place].held else { return }
        calls[place].held = nil
        heldCount &-= held.count
        calls[place].number = told
        told &+= 1
        let choice = calls[place].choice
        if !held.signature.isEmpty {
            event.deltas.append(.callSignature(choice: choice, event.appendOwn(held.signature.bytes, of: data)))
        }
        var names = ByteBuffer()
        names.appendEscaped(calls[place].id.utf8.span)
        let idCount = names.count
        names.appendEscaped(calls[place].name.utf8.span)
        let slice = event.appendOwn(names.bytes, of: data)
        let end = slice.lowerBound &+ idCount
        event.begin(
            told &- 1, of: choice, id: slice.lowerBound..<end, name: end..<slice.upperBound, isCustom: held.isCustom)
        append(event.appendOwn(held.arguments.bytes, of: data), to: place, of: data, to: &event)
    }
}

extension DecodedEvent {
    fileprivate mutating func begin(
        _ call: Int, of choice: Int, id: Range<Int>, name: Range<Int>, isCustom: Bool
    ) {
        deltas.append(
            isCustom
                ? .customCall(choice: choice, call: call, id: id, name: name)
                : .toolCall(choice: choice, call: call, id: id, name: name))
    }

    /// Adds the inside of a string of JSON as it stands.
    fileprivate mutating func appendEscaped(_ range: Range<Int>, of data: Span<UInt8>) -> Range<Int> {
        makeOwnText(of: data)
        let start = ownText.count
        ownText.appendEscaped(data.extracting(range))
        return start..<ownText.count
    }

    /// Adds text that is escaped already.
    fileprivate mutating func appendOwn(_ text: Span<UInt8>, of data: Span<UInt8>) -> Range<Int> {
        makeOwnText(of: data)
        let start = ownText.count
        ownText.append(text)
        return start..<ownText.count
    }

    /// All slices of the event are then ranges of its own text, which begins with the data, so that the others are right as they are.
    private mutating func makeOwnText(of data: Span<UInt8>) {
        guard !hasOwnText else { return }
        hasOwnText = true
        ownText.removeAll()
        ownText.append(data)
    }
}
