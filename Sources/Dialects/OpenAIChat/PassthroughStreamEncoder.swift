// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// Hands the chunks of an upstream that speaks OpenAI's dialect on to a client that does too.
///
/// A payload is changed only where the client must not see upstream's: the model's name, usage that was
/// not asked for, a finish reason that is told twice. Everything else keeps its bytes.
package struct PassthroughStreamEncoder: StreamEncoder {
    private struct Edit {
        let range: Range<Int>
        let isModel: Bool
        let isNull: Bool
    }

    /// The client's name for the model as the inside of a JSON string; `nil` when upstream's is the same.
    private let modelName: ByteBuffer?
    private let wantsUsage: Bool
    private var isEnded = false
    private var edits: [Edit] = []

    /// An encoder for a client that asked for `clientModel` and is answered by `upstreamModel`.
    package init(upstreamModel: String, clientModel: String, wantsUsage: Bool) {
        var name: ByteBuffer?
        if upstreamModel != clientModel {
            var escaped = ByteBuffer()
            escaped.appendEscaped(clientModel.utf8.span)
            name = escaped
        }
        modelName = name
        self.wantsUsage = wantsUsage
    }

    package mutating func encode(
        _ event: DecodedEvent, data: Span<UInt8>, named name: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        guard !isEnded, !event.isAfterEnd, !event.isTerminal else { return }
        guard wantsUsage || !event.isUsageOnly else { return }
        EventText.appendName(name, to: &buffer)
        buffer.append(literal: "data: ")
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
            return buffer.append(literal: "\n\n")
        }
        collectEdits(of: event)
        for edit in edits {
            EventText.appendLine(data, position..<edit.range.lowerBound, to: &buffer)
            if edit.isModel, let modelName { buffer.append(modelName.bytes) }
            if edit.isNull { buffer.append(literal: "null") }
            position = edit.range.upperBound
        }
        EventText.appendLine(data, position..<data.count, to: &buffer)
        buffer.append(literal: "\n\n")
    }

    package mutating func finish(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        buffer.append(literal: "data: [DONE]\n\n")
    }

    package mutating func fail(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        isEnded = true
        buffer.append(literal: "data: ")
        OpenAIErrorBody.write(failure, requestID: requestID, into: &buffer)
        buffer.append(literal: "\n\n")
    }

    package mutating func heartbeat(into buffer: inout ByteBuffer) {
        guard !isEnded else { return }
        buffer.append(ASCII.lineFeed)
    }

    /// Lists what to change in the order of the data; the members are distinct, so nothing overlaps.
    private mutating func collectEdits(of event: DecodedEvent) {
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
