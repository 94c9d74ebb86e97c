// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// Messages: parts of text or refusal, the sources of a text, and its log probabilities.
extension ResponsesItemStream {
    mutating func add(
        _ slice: Range<Int>, of data: Span<UInt8>, isRefusal: Bool, logprobs: Range<Int> = 0..<0,
        into buffer: inout ByteBuffer
    ) {
        openPart(isRefusal: isRefusal, into: &buffer)
        guard !slice.isEmpty else { return }
        beginEvent(isRefusal ? "response.refusal.delta" : "response.output_text.delta", into: &buffer)
        buffer.append(opening.bytes)
        buffer.append(data, slice)
        buffer.append(ASCII.quote)
        if !isRefusal {
            buffer.append(literal: ",\"logprobs\":[")
            // Upstream may have written them on several lines, which would end the event's.
            EventText.appendLine(data, logprobs, to: &buffer)
            buffer.append(ASCII.closeBracket)
        }
        endEvent(into: &buffer)
        keep(slice, of: data)
        guard !logprobs.isEmpty, hasRoom(for: logprobs.count) else { return }
        if !self.logprobs.isEmpty { self.logprobs.append(ASCII.comma) }
        EventText.appendLine(data, logprobs, to: &self.logprobs)
    }

    mutating func cite(_ url: Range<Int>, _ title: Range<Int>, of data: Span<UInt8>, into buffer: inout ByteBuffer) {
        openPart(isRefusal: false, into: &buffer)
        // Where in the text it belongs is not known; it came behind what was said so far.
        let position = text.bytes.lengthInUTF16(0..<text.count)
        var annotation = ByteBuffer()
        annotation.appendJSON { json in
            json.object { json in
                json.member("type", "url_citation")
                json.member("start_index", position)
                json.member("end_index", position)
                json.member("url", escaped: data, url)
                json.member("title", escaped: data, title)
            }
        }
        beginEvent("response.output_text.annotation.added", into: &buffer)
        buffer.append(place.bytes)
        buffer.append(literal: ",\"content_index\":")
        buffer.append(decimal: contentIndex)
        buffer.append(literal: ",\"annotation_index\":")
        buffer.append(decimal: annotationCount)
        buffer.append(literal: ",\"annotation\":")
        buffer.append(annotation.bytes)
        endEvent(into: &buffer)
        guard hasRoom(for: annotation.count) else { return }
        if annotationCount > 0 { annotations.append(ASCII.comma) }
        annotations.append(annotation.bytes)
        annotationCount &+= 1
    }

    private mutating func openPart(isRefusal: Bool, into buffer: inout ByteBuffer) {
        if open != .message {
            close(into: &buffer)
            parts.removeAll()
            contentIndex = 0
            openItem(.message, prefix: "msg", into: &buffer)
        } else if hasPart, self.isRefusal != isRefusal {
            closePart(into: &buffer)
        }
        guard !hasPart else { return }
        hasPart = true
        self.isRefusal = isRefusal
        if isRefusal { hasRefusal = true }
        appendPart("response.content_part.added", into: &buffer)
        setOpening(",\"content_index\":", contentIndex)
    }

    mutating func closePart(into buffer: inout ByteBuffer) {
        guard hasPart else { return }
        beginEvent(isRefusal ? "response.refusal.done" : "response.output_text.done", into: &buffer)
        buffer.append(place.bytes)
        buffer.append(literal: ",\"content_index\":")
        buffer.append(decimal: contentIndex)
        buffer.append(literal: isRefusal ? ",\"refusal\":\"" : ",\"text\":\"")
        buffer.append(text.bytes)
        buffer.append(ASCII.quote)
        if !isRefusal {
            buffer.append(literal: ",\"logprobs\":[")
            buffer.append(logprobs.bytes)
            buffer.append(ASCII.closeBracket)
        }
        endEvent(into: &buffer)
        appendPart("response.content_part.done", into: &buffer)
        if contentIndex > 0 { parts.append(ASCII.comma) }
        appendPart(to: &parts)
        contentIndex &+= 1
        hasPart = false
        text.removeAll()
        annotations.removeAll()
        annotationCount = 0
        logprobs.removeAll()
    }

    private mutating func appendPart(_ type: StaticString, into buffer: inout ByteBuffer) {
        beginEvent(type, into: &buffer)
        buffer.append(place.bytes)
        buffer.append(literal: ",\"content_index\":")
        buffer.append(decimal: contentIndex)
        buffer.append(literal: ",\"part\":")
        appendPart(to: &buffer)
        endEvent(into: &buffer)
    }

    private func appendPart(to buffer: inout ByteBuffer) {
        buffer.append(literal: isRefusal ? "{\"type\":\"refusal\",\"refusal\":\"" : "{\"type\":\"output_text\",\"text\":\"")
        buffer.append(text.bytes)
        buffer.append(ASCII.quote)
        if !isRefusal {
            buffer.append(literal: ",\"annotations\":[")
            buffer.append(annotations.bytes)
            buffer.append(literal: "],\"logprobs\":[")
            buffer.append(logprobs.bytes)
            buffer.append(ASCII.closeBracket)
        }
        buffer.append(ASCII.closeBrace)
    }
}
