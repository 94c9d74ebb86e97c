// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// Writes a whole answer, and the pieces that a stream's lines have in common with it.
enum OllamaAnswerWriter {
    static func write(_ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in
            json.object { json in
                json.member("model", context.chat.model)
                json.member("created_at", AnswerTime.text(context.created))
                let choice = answer.choices.first
                json.member("message", object: { json in writeMessage(choice, into: &json) })
                if let choice, !choice.logprobs.isEmpty {
                    json.key("logprobs")
                    json.array { json in json.raw(choice.logprobs.bytes, 0..<choice.logprobs.count) }
                }
                writeEnd(choice?.finish, answer.usage, into: &json)
            }
        }
    }

    private static func writeMessage(_ choice: AccumulatedChoice?, into json: inout JSONWriter) {
        json.member("role", "assistant")
        // There is no place for a refusal but the text.
        json.member("content", (choice?.text ?? "") + refusal(of: choice))
        if let reasoning = choice?.reasoning, !reasoning.isEmpty { json.member("thinking", reasoning) }
        let calls = choice?.toolCalls ?? []
        if !calls.isEmpty {
            json.key("tool_calls")
            json.array { json in
                for call in calls { write(call, isCut: choice?.finish.isCut == true, into: &json) }
            }
        }
        let images = choice?.parts.filter { if case .image = $0.kind { true } else { false } } ?? []
        if !images.isEmpty {
            json.key("images")
            json.array { json in
                for image in images { json.string(escaped: image.escaped.bytes, 0..<image.escaped.count) }
            }
        }
    }

    private static func refusal(of choice: AccumulatedChoice?) -> String {
        guard let choice else { return "" }
        let refusal = choice.refusal
        if refusal.isEmpty, case .refusal(let explanation?) = choice.finish { return explanation }
        return refusal
    }

    private static func write(_ part: AccumulatedPart, isCut: Bool, into json: inout JSONWriter) {
        switch part.kind {
        case .toolCall(let number, let id, let name):
            write(number, id: id, name: name, input: ToolInput.object(part.text, isCut: isCut), into: &json)
        case .customCall(let number, let id, let name):
            let input = JSONValue.object([.init("input", .string(part.text))])
            write(number, id: id, name: name, input: input, into: &json)
        default: break
        }
    }

    /// Writes a call.
    static func write(_ number: Int, id: String, name: String, input: JSONValue, into json: inout JSONWriter) {
        json.object { json in
            json.member("id", id.isEmpty ? "call_\(number)" : id)
            json.member(
                "function",
                object: { json in
                    json.member("index", number)
                    json.member("name", name)
                    json.member("arguments", input)
                })
        }
    }

    /// Writes the members that say that the answer is over.
    static func writeEnd(_ finish: FinishReason?, _ usage: TokenUsage?, into json: inout JSONWriter) {
        json.member("done", true)
        switch finish {
        case .length, .contextFull: json.member("done_reason", "length")
        default: json.member("done_reason", "stop")
        }
        json.member("prompt_eval_count", usage?.input ?? 0)
        json.member("eval_count", usage?.output ?? 0)
    }
}
