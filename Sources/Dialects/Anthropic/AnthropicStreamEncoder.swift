// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Writes Messages events from deltas, for an upstream that speaks another dialect.
package struct AnthropicStreamEncoder: StreamEncoder {
    private let seed: String
    private let model: String
    private let estimatedInput: Int
    private var blocks: AnthropicBlocks
    private var queue = AnthropicQueue()
    private var usage: TokenUsage?
    private var reason: FinishReason?
    /// The choice that is told: the first, since Messages has but one.
    private var choice: Int?
    private var hasCalls = false
    private var hasRefusal = false
    private var isEnded = false
    /// The signature of the call that begins next.
    private var callSignature = ByteBuffer()

    /// An encoder for one answer.
    package init(_ context: AnswerContext) {
        seed = context.seed
        model = context.chat.model
        estimatedInput = context.estimatedInput
        blocks = AnthropicBlocks(maker: context.maker)
    }

    package mutating func encode(
        _ event: borrowing DecodedEvent, of text: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        guard !isEnded, !event.isAfterEnd else { return }
        for delta in event.deltas { encode(delta, of: text, into: &buffer) }
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        begin(choice ?? 0, into: &buffer)
        drain(isLast: true, into: &buffer)
        guard !queue.isOverfull else { return fail(.overfull, requestID: "", into: &buffer) }
        isEnded = true
        blocks.close(isCut: reason.isCut, to: &buffer)
        let stop = AnthropicStopReason(reason, hasCalls: hasCalls, hasRefusal: hasRefusal)
        let (usage, estimate) = (usage ?? TokenUsage(), estimatedInput)
        buffer.append(literal: "event: message_delta\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("type", literal: "message_delta")
                json.member("delta", object: { stop.writeMembers(with: &$0) })
                json.key("usage")
                AnthropicUsage.write(usage, estimate: estimate, with: &json)
            }
        }
        buffer.append(literal: "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    }

    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        AnthropicCodec.appendError(failure, requestID: requestID, to: &buffer)
    }

    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        if choice == nil {
            buffer.append(ASCII.lineFeed)
        } else {
            buffer.append(literal: "event: ping\ndata: {\"type\":\"ping\"}\n\n")
        }
    }

    private mutating func encode(_ delta: ChatDelta, of text: Span<UInt8>, into buffer: inout ByteBuffer) {
        switch delta {
        case .start(let index):
            begin(index, into: &buffer)
        case .text(let index, let slice):
            guard begin(index, into: &buffer) else { return }
            guard !blocks.isInsideCall else { return queue.append(.text(text.copy(slice))) }
            blocks.appendText(text, slice, to: &buffer)
        case .refusal(let index, let slice):
            guard begin(index, into: &buffer) else { return }
            hasRefusal = hasRefusal || !slice.isEmpty
            guard !blocks.isInsideCall else { return queue.append(.text(text.copy(slice))) }
            blocks.appendText(text, slice, to: &buffer)
        case .reasoning(let index, let slice):
            guard begin(index, into: &buffer) else { return }
            guard !blocks.isInsideCall else { return queue.append(.thinking(text.copy(slice))) }
            blocks.appendThinking(text, slice, to: &buffer)
        case .toolArguments(let index, let call, let slice):
            guard begin(index, into: &buffer) else { return }
            appendArguments(slice, of: text, to: call, into: &buffer)
        case .reasoningSignature(let index, let slice):
            guard begin(index, into: &buffer) else { return }
            write(.signature(text.copy(slice)), into: &buffer)
        case .redactedReasoning(let index, let slice):
            guard begin(index, into: &buffer) else { return }
            write(.redacted(text.copy(slice)), into: &buffer)
        case .callSignature(let index, let slice):
            guard begin(index, into: &buffer) else { return }
            callSignature = text.copy(slice)
        case .toolCall(let index, let call, let id, let name):
            guard begin(index, into: &buffer) else { return }
            beginCall(call, isCustom: false, id: id, name: name, of: text, into: &buffer)
        case .customCall(let index, let call, let id, let name):
            guard begin(index, into: &buffer) else { return }
            beginCall(call, isCustom: true, id: id, name: name, of: text, into: &buffer)
        case .citation(let index, let url, let title):
            guard begin(index, into: &buffer) else { return }
            write(.citation(url: text.copy(url), title: text.copy(title)), into: &buffer)
        case .finish(let index, let why):
            if begin(index, into: &buffer) { reason = why }
        case .usage(let latest):
            if usage == nil { usage = latest } else { usage?.update(with: latest) }
        case .image, .logprobs, .failure, .end:
            // A message of Anthropic's has no place for an image or for probabilities.
            break
        }
    }

    /// Begins the message unless it has begun; whether the choice is the one that is told.
    @discardableResult
    private mutating func begin(_ index: Int, into buffer: inout ByteBuffer) -> Bool {
        if let choice { return choice == index }
        choice = index
        let (id, model) = ("msg_" + seed, model)
        let (usage, estimate) = (usage ?? TokenUsage(), estimatedInput)
        buffer.append(literal: "event: message_start\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("type", literal: "message_start")
                json.member(
                    "message",
                    object: { json in
                        AnthropicAnswerWriter.writeHead(id: id, model: model, with: &json)
                        json.member("content", .array([]))
                        json.member("stop_reason", .null)
                        json.member("stop_sequence", .null)
                        json.key("usage")
                        AnthropicUsage.write(usage, estimate: estimate, with: &json)
                    })
            }
        }
        buffer.append(literal: "\n\n")
        return true
    }

    private mutating func beginCall(
        _ number: Int, isCustom: Bool, id: Range<Int>, name: Range<Int>, of text: Span<UInt8>,
        into buffer: inout ByteBuffer
    ) {
        hasCalls = true
        let call = AnthropicQueue.Call(
            number: number, isCustom: isCustom,
            id: AnthropicCallID.fit(text.jsonText(id), seed: seed, number: number), name: text.copy(name),
            signature: callSignature)
        callSignature = ByteBuffer()
        write(.call(call), into: &buffer)
    }

    private mutating func appendArguments(
        _ slice: Range<Int>, of text: Span<UInt8>, to number: Int, into buffer: inout ByteBuffer
    ) {
        if case .call(number, _) = blocks.open {
            blocks.appendArguments(text, slice, to: &buffer)
            drain(into: &buffer)
        } else {
            queue.append(text, slice, toCall: number)
        }
    }

    /// Writes an item, or lets it wait while a call goes on.
    private mutating func write(_ item: AnthropicQueue.Item, into buffer: inout ByteBuffer) {
        guard !blocks.isInsideCall else { return queue.append(item) }
        perform(item, into: &buffer)
    }

    /// Writes what waited, up to a call that goes on or, when the answer is over, to the last.
    private mutating func drain(isLast: Bool = false, into buffer: inout ByteBuffer) {
        var count = 0
        while count < queue.items.count, isLast || !blocks.isInsideCall {
            perform(queue.items[count], isQueued: true, into: &buffer)
            count &+= 1
        }
        if count > 0 { queue.removeFirst(count) }
    }

    private mutating func perform(
        _ item: AnthropicQueue.Item, isQueued: Bool = false, into buffer: inout ByteBuffer
    ) {
        switch item {
        case .text(let text): blocks.appendText(text.bytes, 0..<text.count, to: &buffer)
        case .thinking(let text): blocks.appendThinking(text.bytes, 0..<text.count, to: &buffer)
        case .signature(let text): blocks.sign(text.bytes, 0..<text.count, to: &buffer)
        case .redacted(let text): blocks.appendRedacted(text.bytes, 0..<text.count, to: &buffer)
        case .citation(let url, let title): blocks.appendCitation(url: url.bytes, title: title.bytes, to: &buffer)
        case .call(let call):
            if !call.signature.isEmpty { blocks.appendCallSignature(call.signature.bytes, to: &buffer) }
            blocks.beginCall(
                call.number, isCustom: call.isCustom, id: call.id, name: call.name.bytes, isCut: reason.isCut,
                to: &buffer)
            guard isQueued else { return }
            let arguments = queue.arguments(of: call)
            blocks.appendArguments(arguments.bytes, 0..<arguments.count, to: &buffer)
        }
    }
}

extension Span<UInt8> {
    fileprivate func copy(_ range: Range<Int>) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.append(self, range)
        return buffer
    }
}
