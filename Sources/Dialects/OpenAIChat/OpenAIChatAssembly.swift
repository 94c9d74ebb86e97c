// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
internal import JSON

/// Puts a stream together into the one completion that a client asked for.
package struct OpenAIChatAssembly: Sendable {
    /// The most of an answer that is put together, in bytes.
    package static let limit = 32 << 20

    private var accumulator = ChatAccumulator(limit: OpenAIChatAssembly.limit)
    /// The members of the first chunk that a completion has too.
    private var common: [JSONValue.Member] = []

    package init() {}

    /// Takes the next event of the stream.
    package mutating func append(_ event: DecodedEvent, _ data: Span<UInt8>) {
        // Azure's first event is about the prompt: its id and model are empty.
        if common.isEmpty, !event.deltas.isEmpty,
            let members = (try? JSONValue(parsing: data, allowsLoneSurrogates: true))?.members
        {
            let names = ["id", "created", "model", "system_fingerprint", "service_tier"]
            common = members.filter { names.contains($0.key) }
        }
        for delta in event.deltas { accumulator.append(delta, from: data) }
    }

    /// The completion, or `nil` when nothing was answered or more than the limit.
    package func body() -> [UInt8]? {
        guard !accumulator.choices.isEmpty, !accumulator.isTruncated else { return nil }
        var buffer = ByteBuffer()
        buffer.appendJSON { json in
            json.object { json in
                for member in common {
                    json.key(text: member.key)
                    json.value(member.value)
                }
                json.key("object")
                json.string(literal: "chat.completion")
                json.key("choices")
                json.array { json in
                    for choice in accumulator.choices { write(choice, into: &json) }
                }
                if let usage = accumulator.usage {
                    json.key("usage")
                    OpenAIUsage.write(usage, with: &json)
                }
            }
        }
        return buffer.storage
    }

    private func write(_ choice: AccumulatedChoice, into json: inout JSONWriter) {
        json.object { json in
            json.key("index")
            json.integer(choice.index)
            json.key("message")
            json.object { json in
                json.key("role")
                json.string(literal: "assistant")
                json.key("content")
                if choice.escapedText.isEmpty, !choice.toolCalls.isEmpty {
                    json.null()
                } else {
                    json.string(escaped: choice.escapedText.bytes, 0..<choice.escapedText.count)
                }
                json.key("refusal")
                if choice.escapedRefusal.isEmpty {
                    json.null()
                } else {
                    json.string(escaped: choice.escapedRefusal.bytes, 0..<choice.escapedRefusal.count)
                }
                if !choice.escapedReasoning.isEmpty {
                    json.key("reasoning_content")
                    json.string(escaped: choice.escapedReasoning.bytes, 0..<choice.escapedReasoning.count)
                }
                if !choice.toolCalls.isEmpty {
                    json.key("tool_calls")
                    json.array { json in
                        for call in choice.toolCalls { write(call, into: &json) }
                    }
                }
            }
            json.key("finish_reason")
            if let finish = choice.finish { json.string(finish.openAIName) } else { json.null() }
        }
    }

    private func write(_ call: AccumulatedToolCall, into json: inout JSONWriter) {
        json.object { json in
            json.key("id")
            // Without an id no result could refer to the call.
            json.string(call.id.isEmpty ? "call_\(call.number)" : call.id)
            json.key("type")
            json.string(literal: "function")
            json.key("function")
            json.object { json in
                json.key("name")
                json.string(call.name)
                json.key("arguments")
                json.string(escaped: call.escapedArguments.bytes, 0..<call.escapedArguments.count)
            }
        }
    }
}
