// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// What a stream has said of its output items so far, and what an event adds to that.
///
/// Items are told apart by their place in the output: their ids change from event to event at some upstreams. What of a text has
/// been handed on is counted, so that upstreams that only tell the whole are understood, and those that tell it thrice too.
struct ResponsesItemStates: Sendable {
    /// What a piece of text belongs to.
    enum Stream: Sendable { case text, refusal, summary, rawReasoning, input }

    private enum Kind: Equatable { case message, reasoning, call(Int), other }

    private struct Item {
        let outputIndex: Int
        var kind: Kind
        let id: String
        var isDone = false
        /// The units of UTF-16 that were handed on of each part of the content, or of the input.
        var content: [Int] = []
        /// The same of the parts of the summary.
        var summary: [Int] = []
        /// How many sources were handed on.
        var citationCount = 0
    }

    /// No honest stream comes near; what a stream makes us remember has an end.
    private static let limit = 4096
    private static let partLimit = 256

    private var items: [Item] = []
    private var callCount = 0
    /// Whether reasoning came last and is not signed, so that another part of it is set off by an empty line.
    private var isReasoningOpen = false
    /// Whether the answer has begun.
    private(set) var hasStarted = false

    /// Whether no item has been told of.
    var isEmpty: Bool { items.isEmpty }
    /// Whether a tool was called.
    var hasCalls: Bool { callCount > 0 }
    /// Whether no item more is remembered.
    var isFull: Bool { items.count >= Self.limit }

    mutating func start(_ event: inout DecodedEvent) {
        guard !hasStarted else { return }
        hasStarted = true
        event.deltas.append(.start(choice: 0))
    }

    /// Takes an item that begins; what it may already hold is taken when it is told again.
    mutating func begin(_ range: Range<Int>, at outputIndex: Int?, of data: Span<UInt8>, _ event: inout DecodedEvent) {
        let object = ResponsesObject(range, of: data)
        let id = id(of: object, in: data)
        let index = outputIndex ?? items.count
        if let known = place(of: index), !items[known].isDone, items[known].id == id { return }
        start(&event)
        _ = append(object, id: id, at: index, of: data, &event)
    }

    /// Takes a piece of a text.
    mutating func add(
        _ slice: Range<Int>, to stream: Stream, part: Int, at outputIndex: Int?, of data: Span<UInt8>,
        logprobs: Range<Int> = 0..<0, _ event: inout DecodedEvent
    ) {
        guard !slice.isEmpty, let place = place(of: stream, at: outputIndex) else { return }
        append(slice, to: stream, part: part, of: place, data, &event)
        guard !logprobs.isEmpty else { return }
        event.deltas.append(.logprobs(choice: 0, own(logprobs, of: data, &event)))
    }

    /// Takes a whole text, of which only what was not handed on before matters.
    mutating func complete(
        _ whole: Range<Int>, of stream: Stream, part: Int, at outputIndex: Int?, of data: Span<UInt8>,
        logprobs: Range<Int> = 0..<0, _ event: inout DecodedEvent
    ) {
        guard let place = place(of: stream, at: outputIndex) else { return }
        let sent = sent(stream, part: part, of: place)
        append(data.dropFirst(inUTF16: sent, of: whole), to: stream, part: part, of: place, data, &event)
        if sent == 0, !logprobs.isEmpty { event.deltas.append(.logprobs(choice: 0, own(logprobs, of: data, &event))) }
    }

    mutating func cite(_ annotation: Range<Int>, at outputIndex: Int?, of data: Span<UInt8>, _ event: inout DecodedEvent) {
        let object = ResponsesObject(annotation, of: data)
        guard object.says("type", "url_citation", in: data), let url = object.string("url"),
            let place = place(of: .text, at: outputIndex)
        else { return }
        start(&event)
        items[place].citationCount &+= 1
        let title = object.string("title") ?? 0..<0
        event.deltas.append(
            .citation(choice: 0, url: own(url, of: data, &event), title: own(title, of: data, &event)))
    }

    /// Takes an item that is told whole. Its slices are of the event's own text.
    mutating func end(_ range: Range<Int>, at outputIndex: Int?, of data: Span<UInt8>, _ event: inout DecodedEvent) {
        event.hasOwnText = true
        let object = ResponsesObject(range, of: data)
        let id = id(of: object, in: data)
        let index = outputIndex ?? items.last?.outputIndex ?? 0
        var known = place(of: index)
        if let place = known {
            if items[place].isDone {
                // Told again; or another item, from one who gives each the same place.
                guard items[place].id != id else { return }
                known = nil
            } else if !isSameKind(items[place].kind, object, in: data) {
                known = nil
            }
        }
        guard known != nil || !isFull else { return }
        start(&event)
        let place = known ?? append(object, id: id, at: index, of: data, &event)
        items[place].isDone = true
        switch items[place].kind {
        case .message: endMessage(object, place, of: data, &event)
        case .reasoning: endReasoning(object, place, of: data, &event)
        case .call:
            guard let input = object.string("arguments") ?? object.string("input") else { return }
            let rest = data.dropFirst(inUTF16: sent(.input, part: 0, of: place), of: input)
            append(rest, to: .input, part: 0, of: place, data, &event)
        case .other: endOther(object, of: data, &event)
        }
    }

    /// Takes the output of a response that has ended: items that were never told of, or not to their end.
    mutating func endAll(_ output: Range<Int>?, of data: Span<UInt8>, _ event: inout DecodedEvent) {
        let isNew = items.isEmpty
        for (index, range) in data.objects(in: output) {
            guard !isNew else {
                end(range, at: index, of: data, &event)
                continue
            }
            let object = ResponsesObject(range, of: data)
            if let place = place(of: index), !items[place].isDone, isSameKind(items[place].kind, object, in: data) {
                end(range, at: index, of: data, &event)
            }
        }
    }

    // MARK: The parts of an item

    private mutating func endMessage(
        _ object: ResponsesObject, _ place: Int, of data: Span<UInt8>, _ event: inout DecodedEvent
    ) {
        let index = items[place].outputIndex
        var citations = 0
        for (part, range) in data.objects(in: object.value("content")) {
            let content = ResponsesObject(range, of: data)
            if let text = content.string("text") {
                let logprobs = content.value("logprobs").map { data.insideOfArray($0) } ?? 0..<0
                complete(text, of: .text, part: part, at: index, of: data, logprobs: logprobs, &event)
            } else if let refusal = content.string("refusal") {
                complete(refusal, of: .refusal, part: part, at: index, of: data, &event)
            }
            for (_, annotation) in data.objects(in: content.value("annotations")) {
                guard ResponsesObject(annotation, of: data).says("type", "url_citation", in: data) else { continue }
                citations &+= 1
                if citations > items[place].citationCount { cite(annotation, at: index, of: data, &event) }
            }
        }
    }

    private mutating func endReasoning(
        _ object: ResponsesObject, _ place: Int, of data: Span<UInt8>, _ event: inout DecodedEvent
    ) {
        let index = items[place].outputIndex
        for (stream, name) in [(Stream.summary, "summary" as StaticString), (.rawReasoning, "content")] {
            for (part, range) in data.objects(in: object.value(name)) {
                guard let text = ResponsesObject(range, of: data).string("text") else { continue }
                complete(text, of: stream, part: part, at: index, of: data, &event)
            }
        }
        guard let encrypted = object.string("encrypted_content"), !encrypted.isEmpty else { return }
        isReasoningOpen = false
        let isShown = (items[place].content + items[place].summary).contains { $0 > 0 }
        let slice = own(encrypted, of: data, &event)
        event.deltas.append(isShown ? .reasoningSignature(choice: 0, slice) : .redactedReasoning(choice: 0, slice))
    }

    /// Of what the vendor's own tools did, only an image is part of the answer.
    private func endOther(_ object: ResponsesObject, of data: Span<UInt8>, _ event: inout DecodedEvent) {
        guard object.says("type", "image_generation_call", in: data), let result = object.string("result"),
            !result.isEmpty
        else { return }
        let start = event.ownText.count
        event.ownText.append(literal: "image/")
        if let format = object.string("output_format"), !format.isEmpty {
            event.ownText.append(data, format)
        } else {
            event.ownText.append(literal: "png")
        }
        let mediaType = start..<event.ownText.count
        event.deltas.append(.image(choice: 0, mediaType: mediaType, base64: own(result, of: data, &event)))
    }

    // MARK: Places and slices

    /// What tells an item from another at the same place, up to a length that ids have.
    private func id(of object: ResponsesObject, in data: Span<UInt8>) -> String {
        let id = object.string("call_id") ?? object.string("id") ?? 0..<0
        return String(data.jsonText(id).prefix(128))
    }

    /// The place of the item that an event is about: the last one when the event does not say.
    private func place(of outputIndex: Int?) -> Int? {
        guard let outputIndex else { return items.indices.last }
        return items.lastIndex { $0.outputIndex == outputIndex }
    }

    private func isSameKind(_ kind: Kind, _ object: ResponsesObject, in data: Span<UInt8>) -> Bool {
        switch kind {
        case .message: object.says("type", "message", in: data)
        case .reasoning: object.says("type", "reasoning", in: data)
        case .call: object.says("type", "function_call", in: data) || object.says("type", "custom_tool_call", in: data)
        case .other:
            !["message", "reasoning", "function_call", "custom_tool_call"].contains { object.says("type", $0, in: data) }
        }
    }

    private mutating func append(
        _ object: ResponsesObject, id: String, at index: Int, of data: Span<UInt8>, _ event: inout DecodedEvent
    ) -> Int {
        var item = Item(outputIndex: index, kind: .other, id: id)
        let isCustom = object.says("type", "custom_tool_call", in: data)
        if object.says("type", "message", in: data) {
            item.kind = .message
        } else if object.says("type", "reasoning", in: data) {
            item.kind = .reasoning
        } else if isCustom || object.says("type", "function_call", in: data), object.string("name")?.isEmpty == false {
            item.kind = .call(callCount)
            let id = own(object.string("call_id") ?? object.string("id") ?? 0..<0, of: data, &event)
            let name = own(object.string("name") ?? 0..<0, of: data, &event)
            event.deltas.append(
                isCustom
                    ? .customCall(choice: 0, call: callCount, id: id, name: name)
                    : .toolCall(choice: 0, call: callCount, id: id, name: name))
            callCount &+= 1
            isReasoningOpen = false
        }
        items.append(item)
        return items.count &- 1
    }

    /// The place of the item that a text belongs to, which begins when it was not told of; a call cannot be guessed.
    private mutating func place(of stream: Stream, at outputIndex: Int?) -> Int? {
        let kind: Kind
        switch stream {
        case .text, .refusal: kind = .message
        case .summary, .rawReasoning: kind = .reasoning
        case .input:
            return items.lastIndex { item in
                guard case .call = item.kind else { return false }
                return outputIndex == nil || outputIndex == item.outputIndex
            }
        }
        let known = items.lastIndex { $0.kind == kind && (outputIndex == nil || outputIndex == $0.outputIndex) }
        guard known == nil, !isFull else { return known }
        items.append(Item(outputIndex: outputIndex ?? items.count, kind: kind, id: ""))
        return items.count &- 1
    }

    private mutating func append(
        _ slice: Range<Int>, to stream: Stream, part: Int, of place: Int, _ data: Span<UInt8>, _ event: inout DecodedEvent
    ) {
        guard !slice.isEmpty else { return }
        start(&event)
        let isReasoning = stream == .summary || stream == .rawReasoning
        let isNewPart = isReasoning && isReasoningOpen && sent(stream, part: part, of: place) == 0
        count(data.lengthInUTF16(slice), in: stream, part: part, of: place)
        isReasoningOpen = isReasoning
        // Only then has the event no slice so far that would not be of its own text.
        if isNewPart { event.hasOwnText = true }
        let start = event.ownText.count
        if isNewPart { event.ownText.append(literal: "\\n\\n") }
        var slice = own(slice, of: data, &event)
        if isNewPart { slice = start..<slice.upperBound }
        switch stream {
        case .text: event.deltas.append(.text(choice: 0, slice))
        case .refusal: event.deltas.append(.refusal(choice: 0, slice))
        case .summary, .rawReasoning: event.deltas.append(.reasoning(choice: 0, slice))
        case .input:
            guard case .call(let call) = items[place].kind else { return }
            event.deltas.append(.toolArguments(choice: 0, call: call, slice))
        }
    }

    /// A slice of the text that the event's slices are of.
    private func own(_ slice: Range<Int>, of data: Span<UInt8>, _ event: inout DecodedEvent) -> Range<Int> {
        guard event.hasOwnText else { return slice }
        let start = event.ownText.count
        event.ownText.append(data, slice)
        return start..<event.ownText.count
    }

    private func sent(_ stream: Stream, part: Int, of place: Int) -> Int {
        let parts = stream == .summary ? items[place].summary : items[place].content
        return parts.indices.contains(part) ? parts[part] : 0
    }

    private mutating func count(_ units: Int, in stream: Stream, part: Int, of place: Int) {
        guard part >= 0, part < Self.partLimit else { return }
        if stream == .summary {
            while items[place].summary.count <= part { items[place].summary.append(0) }
            items[place].summary[part] &+= units
        } else {
            while items[place].content.count <= part { items[place].content.append(0) }
            items[place].content[part] &+= units
        }
    }
}
