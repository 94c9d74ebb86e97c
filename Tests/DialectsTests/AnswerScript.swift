// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import SSE

@testable import Dialects

/// What an upstream of no particular dialect says, one event a step.
enum AnswerStep {
    case text(String), refusal(String), reasoning(String), signature(String), redacted(String), callSignature(String)
    case call(Int, id: String, name: String), custom(Int, id: String, name: String), arguments(Int, String)
    case citation(url: String, title: String), image(type: String, base64: String), logprobs(text: String, String)
    case finish(FinishReason), usage(TokenUsage)

    /// The step as an event with a text of its own, for choice 0.
    var event: DecodedEvent {
        var event = DecodedEvent()
        event.hasOwnText = true
        func slice(_ text: String) -> Range<Int> {
            let start = event.ownText.count
            event.ownText.appendEscaped(text.utf8.span)
            return start..<event.ownText.count
        }
        switch self {
        case .text(let text): event.deltas = [.text(choice: 0, slice(text))]
        case .refusal(let text): event.deltas = [.refusal(choice: 0, slice(text))]
        case .reasoning(let text): event.deltas = [.reasoning(choice: 0, slice(text))]
        case .signature(let text): event.deltas = [.reasoningSignature(choice: 0, slice(text))]
        case .redacted(let text): event.deltas = [.redactedReasoning(choice: 0, slice(text))]
        case .callSignature(let text): event.deltas = [.callSignature(choice: 0, slice(text))]
        case .call(let call, let id, let name):
            event.deltas = [.toolCall(choice: 0, call: call, id: slice(id), name: slice(name))]
        case .custom(let call, let id, let name):
            event.deltas = [.customCall(choice: 0, call: call, id: slice(id), name: slice(name))]
        case .arguments(let call, let text):
            event.deltas = [.toolArguments(choice: 0, call: call, slice(text))]
        case .citation(let url, let title):
            event.deltas = [.citation(choice: 0, url: slice(url), title: slice(title))]
        case .image(let type, let base64):
            event.deltas = [.image(choice: 0, mediaType: slice(type), base64: slice(base64))]
        case .logprobs(let text, let elements):
            let said = slice(text)
            let start = event.ownText.count
            event.ownText.append(elements)
            event.deltas = [.text(choice: 0, said), .logprobs(choice: 0, start..<event.ownText.count)]
        case .finish(let reason): event.deltas = [.finish(choice: 0, reason)]
        case .usage(let usage): event.deltas = [.usage(usage)]
        }
        return event
    }
}

/// An answer of no particular dialect, written for clients.
struct AnswerScript {
    var steps: [AnswerStep]

    private var events: [DecodedEvent] {
        var first = DecodedEvent()
        first.deltas = [.start(choice: 0)]
        return [first] + steps.map(\.event)
    }

    /// What the answer says.
    var folded: ChatAccumulator {
        var answer = ChatAccumulator()
        for event in events { answer.append(event, from: [UInt8]().span) }
        return answer
    }

    /// The stream that a client of a dialect reads.
    func stream(_ dialect: Dialect, _ context: AnswerContext = .plain()) -> String {
        var encoder = dialect.codec.streamEncoder(context)
        var output = ByteBuffer()
        for event in events { encoder.encode(event, from: [UInt8]().span, into: &output) }
        encoder.finish(into: &output)
        encoder.finish(into: &output)
        return output.text
    }

    /// The whole answer that a client of a dialect reads.
    func whole(_ dialect: Dialect, _ context: AnswerContext = .plain()) throws -> JSONValue {
        var output = ByteBuffer()
        dialect.codec.writeAnswer(folded, context, into: &output)
        return try JSONValue(parsing: output.storage.span)
    }
}

/// The payloads of an event stream.
func payloads(of stream: String) -> [String] {
    stream.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { String($0.dropFirst("data: ".count)) }
}

/// The deltas of the chunks of a chat stream.
func chatDeltas(of stream: String) throws -> [JSONValue] {
    try payloads(of: stream).filter { $0 != "[DONE]" }
        .compactMap { try JSONValue(parsing: $0.utf8.span)["choices"]?[0]?["delta"] }
}

/// What the lines of a stream say to a decoder, and how it ended.
func readLines(
    _ lines: [String], _ dialect: Dialect
) -> (answer: ChatAccumulator, ending: StreamEnding, malformed: Int, terminals: Int) {
    var decoder = dialect.codec.streamDecoder()
    var event = DecodedEvent()
    var answer = ChatAccumulator()
    var (malformed, terminals) = (0, 0)
    for line in lines {
        let data = Array(line.utf8)
        guard (try? decoder.decode(data.span, named: [UInt8]().span, into: &event)) != nil else {
            malformed += 1
            continue
        }
        if event.isTerminal { terminals += 1 }
        if !event.isAfterEnd { answer.append(event, from: data.span) }
    }
    return (answer, decoder.ending, malformed, terminals)
}
