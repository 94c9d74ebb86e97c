// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Writes a whole answer.
enum GeminiAnswerWriter {
    static func write(
        _ answer: ChatAccumulator, _ context: AnswerContext, isWrapped: Bool, into buffer: inout ByteBuffer
    ) {
        let frame = GeminiFrame(context, isWrapped: isWrapped)
        frame.openBody(into: &buffer)
        for (number, choice) in answer.choices.enumerated() {
            if number > 0 { buffer.append(ASCII.comma) }
            append(choice, maker: context.maker, to: &buffer)
        }
        frame.closeBody(answer.usage, into: &buffer)
    }

    private static func append(_ choice: AccumulatedChoice, maker: String, to buffer: inout ByteBuffer) {
        var parts = ByteBuffer()
        var sources = ByteBuffer()
        let isCut = choice.finish == .length || choice.finish == .contextFull || choice.finish == .contentFilter
        for part in choice.parts {
            var text = ByteBuffer()
            if case .citation(let url, let title) = part.kind {
                if !sources.isEmpty { sources.append(ASCII.comma) }
                appendSource(url: url, title: title, to: &sources)
            } else {
                append(part, maker: maker, isCut: isCut, to: &text)
            }
            guard !text.isEmpty else { continue }
            if !parts.isEmpty { parts.append(ASCII.comma) }
            parts.append(text.bytes)
        }
        var candidate = ByteBuffer()
        GeminiFrame.appendLast(
            choice.index, finish: choice.finish, sources: sources.bytes, parts: parts, to: &candidate)
        buffer.append(candidate.bytes, 0..<max(0, candidate.count &- 1))
        var logprobs = ByteBuffer()
        if GeminiLogprobs.appendGoogle(choice.logprobs.bytes, 0..<choice.logprobs.count, to: &logprobs) {
            buffer.append(literal: ",\"logprobsResult\":")
            buffer.append(logprobs.bytes)
        }
        buffer.append(ASCII.closeBrace)
    }

    private static func append(_ part: AccumulatedPart, maker: String, isCut: Bool, to buffer: inout ByteBuffer) {
        let escaped = part.escaped.bytes
        let whole = 0..<part.escaped.count
        var signature = ByteBuffer()
        if !part.escapedSignature.isEmpty {
            GeminiSignature.append(
                part.escapedSignature.bytes, 0..<part.escapedSignature.count, maker: maker, to: &signature)
        }
        switch part.kind {
        case .text, .refusal:
            guard !whole.isEmpty else { return }
            GeminiPartText.appendText(escaped, whole, isThought: false, to: &buffer)
        case .reasoning:
            buffer.append(literal: "{\"text\":\"")
            buffer.append(escaped)
            buffer.append(literal: "\",\"thought\":true")
            if !signature.isEmpty {
                buffer.append(literal: ",\"thoughtSignature\":\"")
                buffer.append(signature.bytes)
                buffer.append(ASCII.quote)
            }
            buffer.append(ASCII.closeBrace)
        case .redactedReasoning:
            GeminiPartText.appendSignature(escaped, whole, maker: maker, isRedacted: true, to: &buffer)
        case .toolCall(_, let id, let name):
            let object = try? JSONValue(parsing: part.text.utf8.span, allowsLoneSurrogates: true)
            // Arguments that the limit cut are no call that anybody could carry out.
            guard !isCut || object?.members != nil else { return }
            appendCall(id: id, name: name, arguments: ToolInput.object(part.text), signature, to: &buffer)
        case .customCall(_, let id, let name):
            guard !isCut else { return }
            let arguments = JSONValue.object([.init("input", .string(part.text))])
            appendCall(id: id, name: name, arguments: arguments, signature, to: &buffer)
        case .image(let mediaType):
            let type = escape(mediaType)
            var data = type
            data.append(escaped)
            GeminiPartText.appendImage(
                data.bytes, mediaType: 0..<type.count, base64: type.count..<data.count, to: &buffer)
        case .citation:
            break
        }
    }

    private static func appendCall(
        id: String, name: String, arguments: JSONValue, _ signature: ByteBuffer, to buffer: inout ByteBuffer
    ) {
        GeminiPartText.appendCall(
            id: escape(id).bytes, name: escape(name).bytes, arguments: arguments, signature: signature.bytes, to: &buffer)
    }

    private static func appendSource(url: String, title: String, to buffer: inout ByteBuffer) {
        var both = escape(url)
        let middle = both.count
        both.append(escape(title).bytes)
        GeminiPartText.appendSource(both.bytes, url: 0..<middle, title: middle..<both.count, to: &buffer)
    }

    /// The inside of a JSON string.
    private static func escape(_ text: String) -> ByteBuffer {
        var escaped = ByteBuffer()
        escaped.appendEscaped(text.utf8.span)
        return escaped
    }
}
