// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Reads a whole message as one event.
struct AnthropicWholeAnswer {
    private var text = ByteBuffer()
    private var deltas: [ChatDelta] = []
    private var callCount = 0

    static func read(_ body: Span<UInt8>, into event: inout DecodedEvent) throws(MalformedEvent) {
        event.reset()
        let message: JSONValue
        do {
            message = try JSONValue(parsing: body, allowsLoneSurrogates: true)
        } catch {
            throw MalformedEvent(at: error.offset)
        }
        if message["type"]?.string == "error" || AnthropicWholeAnswer.isError(message["error"]) {
            event.isTerminal = true
            event.deltas.append(.failure(AnthropicErrorBody.readInStream(body)))
            return
        }
        let blocks = message["content"]?.elements
        guard blocks != nil || message["stop_reason"]?.string != nil else { throw MalformedEvent(at: 0) }
        var answer = AnthropicWholeAnswer()
        answer.deltas.append(.start(choice: 0))
        for block in blocks ?? [] { answer.add(block) }
        if let reason = message["stop_reason"]?.string {
            let finish = FinishReason(
                anthropic: reason, sequence: message["stop_sequence"]?.string,
                explanation: message["stop_details"]?["explanation"]?.string)
            if Optional(finish).isCut, blocks?.last?["input"]?.members?.isEmpty == true {
                // The call was cut before its input.
                if case .toolArguments = answer.deltas.last { answer.deltas.removeLast() }
            }
            answer.deltas.append(.finish(choice: 0, finish))
        }
        // The bytes were read before, so that this cannot fail any more.
        if let places = try? AnthropicWholePlaces(body) {
            event.modelRange = places.model
            if let usage = places.usage { answer.deltas.append(.usage(usage.tokens)) }
        }
        event.deltas = answer.deltas
        event.ownText = answer.text
        event.hasOwnText = true
    }

    /// Whether a member `error` tells of one.
    private static func isError(_ value: JSONValue?) -> Bool {
        value?.members != nil || value?.string?.isEmpty == false
    }

    private mutating func add(_ block: JSONValue) {
        switch block["type"]?.string {
        case "text":
            addText(block["text"]?.string) { .text(choice: 0, $0) }
            for citation in block["citations"]?.elements ?? [] {
                guard let url = citation["url"]?.string, !url.isEmpty else { continue }
                let place = append(url)
                deltas.append(.citation(choice: 0, url: place, title: append(citation["title"]?.string ?? "")))
            }
        case "thinking":
            addText(block["thinking"]?.string) { .reasoning(choice: 0, $0) }
            addText(block["signature"]?.string) { .reasoningSignature(choice: 0, $0) }
        case "redacted_thinking":
            addText(block["data"]?.string) { .redactedReasoning(choice: 0, $0) }
        case "tool_use" where block["name"]?.string?.isEmpty == false:
            let id = append(block["id"]?.string ?? "")
            deltas.append(.toolCall(choice: 0, call: callCount, id: id, name: append(block["name"]?.string ?? "")))
            var input = ByteBuffer()
            (block["input"] ?? .object([])).write(into: &input)
            let start = text.count
            text.appendEscaped(input.bytes)
            deltas.append(.toolArguments(choice: 0, call: callCount, start..<text.count))
            callCount &+= 1
        default:
            break
        }
    }

    private mutating func addText(_ string: String?, as delta: (Range<Int>) -> ChatDelta) {
        guard let string, !string.isEmpty else { return }
        deltas.append(delta(append(string)))
    }

    private mutating func append(_ string: String) -> Range<Int> {
        let start = text.count
        text.appendEscaped(string.utf8.span)
        return start..<text.count
    }
}

/// What is wanted of a whole message as it stands in its bytes.
private struct AnthropicWholePlaces {
    var model: Range<Int>?
    var usage: AnthropicUsage?

    init(_ body: Span<UInt8>) throws(JSONError) {
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        _ = try tokenizer.next(in: body)
        while true {
            let key = try tokenizer.next(in: body)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: body)
            if value.kind == .beginObject, key.equals("usage", in: body) {
                var found = AnthropicUsage()
                try found.read(with: &tokenizer, of: body)
                usage = found
                continue
            }
            if value.kind == .string, key.equals("model", in: body) { model = value.range }
            _ = try tokenizer.skip(value, in: body)
        }
    }
}
