// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// Writes the events of output items, one item after the other: each is ended before the next begins.
struct ResponsesItemStream: Sendable {
    /// What is open.
    enum Open { case nothing, message, reasoning, call }

    /// What a call is to the client, and what it came as.
    enum CallForm {
        case function, custom
        /// A custom tool's, which came as a function's with its text wrapped.
        case wrapped
        /// A function's, which came as a custom tool's.
        case unwrapped

        var isFunction: Bool { self == .function || self == .unwrapped }
    }

    /// How many bytes of an answer are kept for its last event, which tells all of it once more.
    static let limit = 64 << 20

    /// How many events were written.
    var sequence = 0
    /// The items that ended, joined by commas.
    var output = ByteBuffer()
    var open = Open.nothing
    /// The number of the call that is open.
    var callNumber: Int?
    /// Whether a refusal was written.
    var hasRefusal = false
    /// Whether the answer was cut, so that a call that is not whole is told to be so.
    var isCut = false

    let seed: String
    var itemCount = 0
    var id = ""
    /// `,"item_id":…,"output_index":…` of the open item.
    var place = ByteBuffer()
    /// What stands before the piece in the events of the open part.
    var opening = ByteBuffer()
    /// The text of the open part, or the input of the open call, as the inside of a string.
    var text = ByteBuffer()
    /// The parts of the open message that ended.
    var parts = ByteBuffer()
    var contentIndex = 0
    var hasPart = false
    var isRefusal = false
    var annotations = ByteBuffer()
    var annotationCount = 0
    var logprobs = ByteBuffer()
    /// What the open reasoning is in its maker's form.
    var encrypted = ByteBuffer()
    var call = (id: ByteBuffer(), name: ByteBuffer(), form: CallForm.function)
    /// How far the input of the open call is, and up to which length that is known.
    var progress = JSONProgress()
    var progressCount = 0
    /// Whether there was more than can be kept, so that the answer cannot be ended as it should.
    private(set) var isOverfull = false

    init(seed: String) {
        self.seed = seed
    }

    // MARK: Events

    /// Appends an event up to its number.
    mutating func beginEvent(_ type: StaticString, into buffer: inout ByteBuffer) {
        buffer.append(literal: "event: ")
        buffer.append(literal: type)
        buffer.append(literal: "\ndata: {\"type\":\"")
        buffer.append(literal: type)
        buffer.append(literal: "\",\"sequence_number\":")
        buffer.append(decimal: sequence)
        sequence &+= 1
    }

    /// Counts an event that someone else writes.
    mutating func skipEvent() { sequence &+= 1 }

    func endEvent(into buffer: inout ByteBuffer) { buffer.append(literal: "}\n\n") }

    mutating func openItem(_ open: Open, prefix: String, into buffer: inout ByteBuffer) {
        close(into: &buffer)
        self.open = open
        id = "\(prefix)_\(seed)\(itemCount)"
        place.removeAll()
        place.append(literal: ",\"item_id\":\"")
        place.append(id)
        place.append(literal: "\",\"output_index\":")
        place.append(decimal: itemCount)
        beginEvent("response.output_item.added", into: &buffer)
        buffer.append(literal: ",\"output_index\":")
        buffer.append(decimal: itemCount)
        buffer.append(literal: ",\"item\":")
        appendItem(status: "in_progress", to: &buffer)
        endEvent(into: &buffer)
    }

    /// Ends what is open.
    mutating func close(isIncomplete: Bool = false, into buffer: inout ByteBuffer) {
        // Of a call that was cut before its input began it is not known what it was to be.
        let isCutCall = open == .call && isCut && (text.isEmpty || !isCallWhole)
        switch open {
        case .nothing: return
        case .message: closePart(into: &buffer)
        case .reasoning: closeReasoning(into: &buffer)
        case .call: closeCall(into: &buffer)
        }
        var item = ByteBuffer()
        appendItem(status: isIncomplete && open != .call || isCutCall ? "incomplete" : "completed", to: &item)
        open = .nothing
        callNumber = nil
        text.removeAll(keepingAtMost: 1 << 16)
        parts.removeAll(keepingAtMost: 1 << 16)
        encrypted.removeAll()
        appendDone(item, into: &buffer)
    }

    /// Appends the event of an item that has ended, and keeps the item for the last event.
    mutating func appendDone(_ item: ByteBuffer, into buffer: inout ByteBuffer) {
        beginEvent("response.output_item.done", into: &buffer)
        buffer.append(literal: ",\"output_index\":")
        buffer.append(decimal: itemCount)
        buffer.append(literal: ",\"item\":")
        buffer.append(item.bytes)
        endEvent(into: &buffer)
        itemCount &+= 1
        guard hasRoom(for: item.count) else { return }
        if !output.isEmpty { output.append(ASCII.comma) }
        output.append(item.bytes)
    }

    /// Appends the open item as it is so far.
    private func appendItem(status: StaticString, to buffer: inout ByteBuffer) {
        buffer.append(literal: "{\"id\":\"")
        buffer.append(id)
        buffer.append(literal: "\",\"type\":\"")
        switch open {
        case .nothing, .message: buffer.append(literal: "message")
        case .reasoning: buffer.append(literal: "reasoning")
        case .call: buffer.append(literal: call.form.isFunction ? "function_call" : "custom_tool_call")
        }
        buffer.append(literal: "\",\"status\":\"")
        buffer.append(literal: status)
        buffer.append(ASCII.quote)
        switch open {
        case .nothing, .message:
            buffer.append(literal: ",\"role\":\"assistant\",\"content\":[")
            buffer.append(parts.bytes)
            buffer.append(ASCII.closeBracket)
        case .reasoning: appendReasoning(to: &buffer)
        case .call: appendCall(to: &buffer)
        }
        buffer.append(ASCII.closeBrace)
    }

    /// Sets what stands before a piece of the open part.
    mutating func setOpening(_ name: StaticString, _ index: Int?) {
        opening = place
        opening.append(literal: name)
        if let index { opening.append(decimal: index) }
        opening.append(literal: ",\"delta\":\"")
    }

    /// Keeps a piece of the open part's text.
    mutating func keep(_ slice: Range<Int>, of data: Span<UInt8>) {
        if hasRoom(for: slice.count) { text.append(data, slice) }
    }

    /// Whether that much more can be kept; when not, the answer cannot be told whole any more.
    mutating func hasRoom(for count: Int) -> Bool {
        let kept = output.count &+ parts.count &+ text.count &+ logprobs.count &+ annotations.count
        if count > Self.limit &- kept { isOverfull = true }
        return !isOverfull
    }
}
