// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Reasoning, shown as a summary of one part; images; and what only the maker of the answer can read.
extension ResponsesItemStream {
    mutating func addReasoning(_ slice: Range<Int>, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        // What was signed is whole.
        if open != .reasoning || !encrypted.isEmpty { openItem(.reasoning, prefix: "rs", into: &buffer) }
        guard !slice.isEmpty else { return }
        if !hasPart {
            hasPart = true
            appendSummaryPart("response.reasoning_summary_part.added", into: &buffer)
            setOpening(",\"summary_index\":", 0)
        }
        beginEvent("response.reasoning_summary_text.delta", into: &buffer)
        buffer.append(opening.bytes)
        buffer.append(data, slice)
        buffer.append(ASCII.quote)
        endEvent(into: &buffer)
        keep(slice, of: data)
    }

    /// Takes what the reasoning is in its maker's form: that of the reasoning before it, or else of one that is not shown.
    mutating func sign(_ carrier: ByteBuffer, isWhole: Bool, into buffer: inout ByteBuffer) {
        if open != .reasoning || isWhole { openItem(.reasoning, prefix: "rs", into: &buffer) }
        encrypted = carrier
        if isWhole { close(into: &buffer) }
    }

    mutating func closeReasoning(into buffer: inout ByteBuffer) {
        guard hasPart else { return }
        beginEvent("response.reasoning_summary_text.done", into: &buffer)
        buffer.append(place.bytes)
        buffer.append(literal: ",\"summary_index\":0,\"text\":\"")
        buffer.append(text.bytes)
        buffer.append(ASCII.quote)
        endEvent(into: &buffer)
        appendSummaryPart("response.reasoning_summary_part.done", into: &buffer)
        hasPart = false
    }

    /// Appends the members of an item of reasoning behind its status.
    func appendReasoning(to buffer: inout ByteBuffer) {
        buffer.append(literal: ",\"summary\":[")
        if !text.isEmpty { appendSummary(to: &buffer) }
        buffer.append(ASCII.closeBracket)
        guard !encrypted.isEmpty else { return }
        buffer.append(literal: ",\"encrypted_content\":\"")
        buffer.append(encrypted.bytes)
        buffer.append(ASCII.quote)
    }

    private func appendSummary(to buffer: inout ByteBuffer) {
        buffer.append(literal: "{\"type\":\"summary_text\",\"text\":\"")
        buffer.append(text.bytes)
        buffer.append(literal: "\"}")
    }

    private mutating func appendSummaryPart(_ type: StaticString, into buffer: inout ByteBuffer) {
        beginEvent(type, into: &buffer)
        buffer.append(place.bytes)
        buffer.append(literal: ",\"summary_index\":0,\"part\":")
        appendSummary(to: &buffer)
        endEvent(into: &buffer)
    }

    /// Writes an image as the item that the vendor's own tool for images leaves.
    mutating func addImage(
        _ mediaType: Range<Int>, _ base64: Range<Int>, of data: Span<UInt8>, into buffer: inout ByteBuffer
    ) {
        close(into: &buffer)
        let id = "ig_\(seed)\(itemCount)"
        let format = data.jsonText(mediaType).split(separator: "/").last.map(String.init) ?? "png"
        func item(isDone: Bool) -> ByteBuffer {
            var item = ByteBuffer()
            item.appendJSON { json in
                json.object { json in
                    json.member("id", id)
                    json.member("type", "image_generation_call")
                    json.member("status", isDone ? "completed" : "in_progress")
                    json.key("result")
                    if isDone { json.string(escaped: data, base64) } else { json.null() }
                    if isDone { json.member("output_format", format) }
                }
            }
            return item
        }
        beginEvent("response.output_item.added", into: &buffer)
        buffer.append(literal: ",\"output_index\":")
        buffer.append(decimal: itemCount)
        buffer.append(literal: ",\"item\":")
        buffer.append(item(isDone: false).bytes)
        endEvent(into: &buffer)
        appendDone(item(isDone: true), into: &buffer)
    }
}
