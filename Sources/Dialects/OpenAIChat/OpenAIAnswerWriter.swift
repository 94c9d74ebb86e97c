// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Writes a whole completion.
enum OpenAIAnswerWriter {
    static func write(_ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in
            json.object { json in
                json.member("id", "chatcmpl-\(context.seed)")
                json.member("object", "chat.completion")
                json.member("created", context.created)
                json.member("model", context.chat.model)
                json.key("choices")
                json.array { json in
                    for choice in answer.choices { write(choice, into: &json) }
                }
                if let usage = answer.usage {
                    json.key("usage")
                    OpenAIUsage.write(usage, with: &json)
                }
            }
        }
    }

    private static func write(_ choice: AccumulatedChoice, into json: inout JSONWriter) {
        let calls = choice.toolCalls
        json.object { json in
            json.member("index", choice.index)
            json.key("message")
            json.object { json in
                json.member("role", "assistant")
                let text = choice.text
                let refusal = choice.refusal
                let reasoning = choice.reasoning
                json.member("content", text.isEmpty && !calls.isEmpty ? .null : .string(text))
                json.member("refusal", refusal.isEmpty ? .null : .string(refusal))
                if !reasoning.isEmpty { json.member("reasoning_content", reasoning) }
                if !calls.isEmpty {
                    json.key("tool_calls")
                    json.array { json in
                        for call in calls { write(call, into: &json) }
                    }
                }
            }
            json.key("finish_reason")
            if let finish = choice.finish { json.string(finish.openAIName) } else { json.null() }
        }
    }

    private static func write(_ call: AccumulatedPart, into json: inout JSONWriter) {
        guard case .toolCall(let number, let id, let name) = call.kind else { return }
        json.object { json in
            // Without an id no result could refer to the call.
            json.member("id", id.isEmpty ? "call_\(number)" : id)
            json.member("type", "function")
            json.key("function")
            json.object { json in
                json.member("name", name)
                json.key("arguments")
                json.string(escaped: call.escaped.bytes, 0..<call.escaped.count)
            }
        }
    }
}
