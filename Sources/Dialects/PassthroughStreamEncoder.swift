// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Hands the events of an upstream's stream on to a client that speaks the same dialect.
///
/// A payload is changed only where the client must not see upstream's: the model's name, usage that was
/// not asked for, a finish reason that is told twice. Everything else keeps its bytes.
package struct PassthroughStreamEncoder: Sendable {
    private struct Edit {
        let range: Range<Int>
        let isModel: Bool
        let isNull: Bool
    }

    /// The client's name for the model as the inside of a JSON string; `nil` when upstream's is the same.
    private let modelName: ByteBuffer?
    private let wantsUsage: Bool
    private let dialect: Dialect
    private let wantsArray: Bool
    private var isEnded = false
    /// How many events were written.
    private var count = 0
    /// Whether the dialect's own last event was among them.
    private var hasEnd = false
    private var edits: [Edit] = []
    /// What the stream has said of itself, in the dialect whose failures repeat it.
    private var response: ResponsesIdentity?

    /// An encoder for a client that asked for `clientModel` and is answered by `upstreamModel`.
    ///
    /// `wantsUsage` is about the chat dialect alone, where usage is told only to those who ask; `wantsArray` about Gemini's, whose
    /// clients may want an array of JSON rather than events.
    package init(
        _ dialect: Dialect = .openAIChat, upstreamModel: String, clientModel: String, wantsUsage: Bool,
        wantsArray: Bool = false
    ) {
        var name: ByteBuffer?
        if upstreamModel != clientModel {
            var escaped = ByteBuffer()
            escaped.appendEscaped(clientModel.utf8.span)
            name = escaped
        }
        modelName = name
        self.dialect = dialect
        if dialect == .openAIResponses { response = ResponsesIdentity(model: clientModel, isRenamed: name != nil) }
        self.wantsUsage = wantsUsage || dialect != .openAIChat
        self.wantsArray = wantsArray
    }

    /// Appends an event as it came, but for what the client must not see. `[DONE]` and failures append nothing: `finish` or
    /// `fail` tells the end.
    package mutating func encode(
        _ event: borrowing DecodedEvent, data: Span<UInt8>, named name: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        guard !isEnded, !event.isAfterEnd, !event.isDone else { return }
        guard wantsUsage || !event.isUsageOnly else { return }
        if event.isTerminal {
            for case .failure in event.deltas { return }
            hasEnd = true
        }
        if response != nil { response?.note(data, tellsResponse: event.modelRange != nil) }
        if wantsArray {
            buffer.append(count == 0 ? UInt8(ascii: "[") : ASCII.comma)
        } else if dialect != .ollama {
            EventText.appendName(name, to: &buffer)
            buffer.append(literal: "data: ")
        }
        count &+= 1
        var position = 0
        if event.repeatedFinishes.isEmpty, wantsUsage || event.usageMember == nil,
            event.isOneLine || data.firstLineEnd(from: 0) == data.count
        {
            // Nearly every event: nothing but the model's name to change, and all on one line.
            if let modelName, let range = event.modelRange {
                buffer.append(data, 0..<range.lowerBound)
                buffer.append(modelName.bytes)
                position = range.upperBound
            }
            buffer.append(data, position..<data.count)
            return buffer.append(literal: wantsArray || dialect == .ollama ? "\n" : "\n\n")
        }
        collectEdits(of: event)
        for edit in edits {
            EventText.appendLine(data, position..<edit.range.lowerBound, to: &buffer)
            if edit.isModel, let modelName { buffer.append(modelName.bytes) }
            if edit.isNull { buffer.append(literal: "null") }
            position = edit.range.upperBound
        }
        EventText.appendLine(data, position..<data.count, to: &buffer)
        buffer.append(literal: wantsArray || dialect == .ollama ? "\n" : "\n\n")
    }

    /// Appends the orderly end, unless upstream's own has been handed on.
    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        switch dialect {
        case .openAIChat, .straico: buffer.append(literal: "data: [DONE]\n\n")
        case .anthropic:
            if !hasEnd { buffer.append(literal: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") }
        case .gemini, .antigravity:
            if wantsArray { buffer.append(literal: count == 0 ? "[]\n" : "]\n") }
        case .openAIResponses, .ollama: break
        }
    }

    /// Appends an error event as the end; `requestID` is what the client can quote.
    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        if wantsArray {
            buffer.append(count == 0 ? UInt8(ascii: "[") : ASCII.comma)
            dialect.codec.writeError(failure, requestID: requestID, into: &buffer)
            buffer.append(literal: "]\n")
        } else if let response {
            ResponsesFailure.appendEvents(failure, requestID: requestID, of: response, count: count, to: &buffer)
        } else {
            dialect.codec.appendFailure(failure, requestID: requestID, sequence: count, to: &buffer)
        }
    }

    /// Appends what keeps a silent stream alive and the dialect's SDKs bear: a blank line, which is also whitespace in JSON; for
    /// Anthropic, once its stream has begun, a ping; for Ollama, whose clients parse every line, a space before the next.
    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        if dialect == .anthropic, count > 0, !hasEnd {
            buffer.append(literal: "event: ping\ndata: {\"type\":\"ping\"}\n\n")
        } else {
            buffer.append(dialect == .ollama ? ASCII.space : ASCII.lineFeed)
        }
    }

    /// Lists what to change in the order of the data; the members are distinct, so nothing overlaps.
    private mutating func collectEdits(of event: borrowing DecodedEvent) {
        edits.removeAll(keepingCapacity: true)
        if modelName != nil, let range = event.modelRange {
            edits.append(Edit(range: range, isModel: true, isNull: false))
        }
        if !wantsUsage, let range = event.usageMember {
            edits.append(Edit(range: range, isModel: false, isNull: false))
        }
        for range in event.repeatedFinishes {
            edits.append(Edit(range: range, isModel: false, isNull: true))
        }
        if edits.count > 1 { edits.sort { $0.range.lowerBound < $1.range.lowerBound } }
    }
}
