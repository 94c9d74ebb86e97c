// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// Writes a whole response, by the same hand that writes a stream.
enum ResponsesAnswerWriter {
    static func write(_ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer) {
        var encoder = ResponsesStreamEncoder(context)
        let nothing = ByteBuffer()
        var events = ByteBuffer()
        if let choice = answer.choices.first {
            var logprobs = choice.logprobs
            for part in choice.parts {
                encode(part, &logprobs, with: &encoder, into: &events)
                events.removeAll()
            }
            if let finish = choice.finish { encoder.encode(.finish(choice: 0, finish), of: nothing.bytes, into: &events) }
        }
        if let usage = answer.usage { encoder.encode(.usage(usage), of: nothing.bytes, into: &events) }
        encoder.finishWhole(into: &buffer)
    }

    private static func encode(
        _ part: AccumulatedPart, _ logprobs: inout ByteBuffer, with encoder: inout ResponsesStreamEncoder,
        into events: inout ByteBuffer
    ) {
        var text = part.escaped
        let whole = 0..<text.count
        let signature = 0..<part.escapedSignature.count
        /// Adds what has to be escaped to the text, and tells where it stands.
        func add(_ string: String) -> Range<Int> {
            let start = text.count
            text.appendEscaped(string.utf8.span)
            return start..<text.count
        }
        switch part.kind {
        case .text:
            // They are not told apart by text, so the first one has them all.
            text.append(logprobs.bytes)
            logprobs.removeAll()
            encoder.encode(
                .text(choice: 0, whole), of: text.bytes, logprobs: whole.upperBound..<text.count, into: &events)
        case .refusal: encoder.encode(.refusal(choice: 0, whole), of: text.bytes, into: &events)
        case .reasoning:
            encoder.encode(.reasoning(choice: 0, whole), of: text.bytes, into: &events)
            guard !signature.isEmpty else { return }
            encoder.encode(.reasoningSignature(choice: 0, signature), of: part.escapedSignature.bytes, into: &events)
        case .redactedReasoning: encoder.encode(.redactedReasoning(choice: 0, whole), of: text.bytes, into: &events)
        case .toolCall(let number, let id, let name), .customCall(let number, let id, let name):
            if !signature.isEmpty {
                encoder.encode(.callSignature(choice: 0, signature), of: part.escapedSignature.bytes, into: &events)
            }
            let (id, name) = (add(id), add(name))
            var isCustom = false
            if case .customCall = part.kind { isCustom = true }
            encoder.encode(
                isCustom
                    ? .customCall(choice: 0, call: number, id: id, name: name)
                    : .toolCall(choice: 0, call: number, id: id, name: name),
                of: text.bytes, into: &events)
            encoder.encode(.toolArguments(choice: 0, call: number, whole), of: text.bytes, into: &events)
        case .citation(let url, let title):
            let (url, title) = (add(url), add(title))
            encoder.encode(.citation(choice: 0, url: url, title: title), of: text.bytes, into: &events)
        case .image(let mediaType):
            let mediaType = add(mediaType)
            encoder.encode(.image(choice: 0, mediaType: mediaType, base64: whole), of: text.bytes, into: &events)
        }
    }
}
