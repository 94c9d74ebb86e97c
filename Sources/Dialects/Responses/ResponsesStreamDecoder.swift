// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Chat
import JSON

/// Reads a stream of response events, as OpenAI and those who imitate it send them.
package struct ResponsesStreamDecoder: StreamDecoder {
    private enum Phase { case open, done, failed }

    private var phase = Phase.open
    private var isFinished = false
    private var items = ResponsesItemStates()

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
        guard !EventText.isDone(data) else {
            phase = .done
            event.isDone = true
            event.isTerminal = true
            event.deltas.append(.end)
            return
        }
        let read: ResponsesEvent
        do {
            read = try ResponsesEvent(data)
        } catch {
            guard name.equals(0..<name.count, ("error" as StaticString).bytes) else { throw MalformedEvent(at: error.offset) }
            fail(ResponsesFailure.readEvent(data), into: &event)
            return
        }
        if items.isFull, read.item != nil { throw MalformedEvent(at: 0) }
        apply(read, named: name, of: data, to: &event)
    }

    package var ending: StreamEnding {
        switch phase {
        case .failed: .failed
        case _ where isFinished: .complete
        case _ where !items.hasStarted: .empty
        case .done: .unfinished
        case .open: .truncated
        }
    }

    private mutating func apply(
        _ read: ResponsesEvent, named name: Span<UInt8>, of data: Span<UInt8>, to event: inout DecodedEvent
    ) {
        let index = read.outputIndex
        let part = read.partIndex
        switch kind(of: read, named: name, in: data) {
        case .textDelta:
            guard let delta = read.delta else { return }
            items.add(delta, to: .text, part: part, at: index, of: data, logprobs: read.logprobs, &event)
        case .delta(let stream):
            if let delta = read.delta { items.add(delta, to: stream, part: part, at: index, of: data, &event) }
        case .textDone:
            guard let whole = read.whole else { return }
            items.complete(whole, of: .text, part: part, at: index, of: data, logprobs: read.logprobs, &event)
        case .done(let stream):
            if let whole = read.whole { items.complete(whole, of: stream, part: part, at: index, of: data, &event) }
        case .annotation:
            if let annotation = read.annotation { items.cite(annotation, at: index, of: data, &event) }
        case .itemAdded:
            if let item = read.item { items.begin(item, at: index, of: data, &event) }
        case .itemDone:
            if let item = read.item { items.end(item, at: index, of: data, &event) }
        case .lifecycle:
            event.modelRange = read.response.flatMap { ResponsesObject($0, of: data).string("model") }
        case .ended:
            guard let response = read.response else { return }
            let object = ResponsesObject(response, of: data)
            event.modelRange = object.string("model")
            guard !object.says("status", "failed", in: data), !object.says("status", "cancelled", in: data) else {
                fail(ResponsesFailure.readEvent(data), into: &event)
                return
            }
            items.answer(object, of: data, &event)
            phase = .done
            isFinished = true
            event.isTerminal = true
            event.deltas.append(.end)
        case .failed:
            fail(ResponsesFailure.readEvent(data), into: &event)
        case .other:
            break
        }
    }

    private enum EventKind {
        case textDelta, textDone, annotation, itemAdded, itemDone, lifecycle, ended, failed, other
        case delta(ResponsesItemStates.Stream)
        case done(ResponsesItemStates.Stream)
    }

    /// What kind of event it is, by its own word, or by its name when it says none.
    private func kind(of read: ResponsesEvent, named name: Span<UInt8>, in data: Span<UInt8>) -> EventKind {
        guard let type = read.type else {
            if read.error != nil { return .failed }
            return ResponsesStreamDecoder.kind(name.jsonText(0..<name.count))
        }
        // Nearly every event is one of these.
        if type.equals("response.output_text.delta", in: data) { return .textDelta }
        if type.equals("response.function_call_arguments.delta", in: data) { return .delta(.input) }
        if type.equals("response.reasoning_summary_text.delta", in: data) { return .delta(.summary) }
        if type.equals("response.reasoning_text.delta", in: data) { return .delta(.rawReasoning) }
        let kind = ResponsesStreamDecoder.kind(type.string(in: data))
        if case .other = kind, read.error != nil { return .failed }
        return kind
    }

    private static func kind(_ type: String) -> EventKind {
        switch type {
        case "response.output_text.delta": .textDelta
        case "response.refusal.delta": .delta(.refusal)
        case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta": .delta(.input)
        case "response.reasoning_summary_text.delta": .delta(.summary)
        case "response.reasoning_text.delta": .delta(.rawReasoning)
        case "response.output_text.done": .textDone
        case "response.refusal.done": .done(.refusal)
        case "response.function_call_arguments.done", "response.custom_tool_call_input.done": .done(.input)
        case "response.reasoning_summary_text.done": .done(.summary)
        case "response.reasoning_text.done": .done(.rawReasoning)
        case "response.output_text.annotation.added": .annotation
        case "response.output_item.added": .itemAdded
        case "response.output_item.done": .itemDone
        case "response.created", "response.queued", "response.in_progress": .lifecycle
        case "response.completed", "response.incomplete", "response.done": .ended
        case "response.failed", "response.cancelled", "error": .failed
        default: .other
        }
    }

    private mutating func fail(_ failure: ChatFailure, into event: inout DecodedEvent) {
        phase = .failed
        event.isTerminal = true
        event.deltas.removeAll(keepingCapacity: true)
        event.deltas.append(.failure(failure))
    }
}

extension ResponsesStreamDecoder {
    /// Reads a whole response as one event, without an end.
    static func decodeWhole(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        event.reset()
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        let range: Range<Int>
        do {
            range = try tokenizer.skipValue(in: body)
            _ = try tokenizer.next(in: body)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        let response = ResponsesObject(range, of: body)
        event.modelRange = response.string("model")
        let isFailed =
            response.says("status", "failed", in: body) || response.says("status", "cancelled", in: body)
            || response.value("error") != nil
        if isFailed {
            event.deltas.append(.failure(ResponsesFailure.readEvent(body)))
            return
        }
        guard response.value("output") != nil else { throw MalformedEvent(at: 0) }
        var items = ResponsesItemStates()
        items.answer(response, of: body, &event)
    }
}

extension ResponsesItemStates {
    /// Takes a response that has ended: what of its output is not known yet, its usage, and why it ended.
    mutating func answer(_ response: ResponsesObject, of data: Span<UInt8>, _ event: inout DecodedEvent) {
        endAll(response.value("output"), of: data, &event)
        start(&event)
        if let usage = response.value("usage").flatMap({ ResponsesUsage.read($0, of: data) }) {
            event.deltas.append(.usage(usage))
        }
        event.deltas.append(.finish(choice: 0, finish(of: response, in: data)))
    }

    private func finish(of response: ResponsesObject, in data: Span<UInt8>) -> FinishReason {
        let details = response.value("incomplete_details").map { ResponsesObject($0, of: data) }
        guard response.says("status", "incomplete", in: data) || details?.string("reason") != nil else {
            return hasCalls ? .toolCalls : .stop
        }
        let reason = details?.string("reason").map { data.jsonText($0) } ?? ""
        return switch reason {
        case "max_output_tokens", "max_tokens", "": .length
        case "content_filter": .contentFilter
        default: .other(reason)
        }
    }
}
