// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Writes a whole message.
struct AnthropicAnswerWriter {
    private let context: AnswerContext
    private let carrier: String
    private let callCarrier: String

    private init(_ context: AnswerContext) {
        self.context = context
        let isOwn = context.maker == AnthropicBlocks.ownMaker
        carrier = isOwn ? "" : OpaqueSignature.carrierPrefix(maker: context.maker)
        callCarrier = OpaqueSignature.carrierPrefix(maker: context.maker + "-call")
    }

    static func write(_ answer: ChatAccumulator, _ context: AnswerContext, into buffer: inout ByteBuffer) {
        let writer = AnthropicAnswerWriter(context)
        let choice = answer.choices.first
        let parts = choice?.parts ?? []
        let stop = AnthropicStopReason(
            choice?.finish, hasCalls: parts.contains(where: \.isToolCall),
            hasRefusal: parts.contains { $0.kind == .refusal && !$0.escaped.isEmpty })
        buffer.appendJSON { json in
            json.object { json in
                writeHead(id: "msg_" + context.seed, model: context.chat.model, with: &json)
                json.member("content", array: { json in writer.write(parts, isCut: choice?.finish.isCut == true, with: &json) })
                stop.writeMembers(with: &json)
                json.key("usage")
                AnthropicUsage.write(answer.usage ?? TokenUsage(), estimate: context.estimatedInput, with: &json)
            }
        }
    }

    /// Writes the members that a message begins with.
    static func writeHead(id: String, model: String, with json: inout JSONWriter) {
        json.member("id", id)
        json.member("type", literal: "message")
        json.member("role", literal: "assistant")
        json.member("model", model)
    }

    private func write(_ parts: [AccumulatedPart], isCut: Bool, with json: inout JSONWriter) {
        for (place, part) in parts.enumerated() {
            switch part.kind {
            case .text, .refusal:
                guard !part.escaped.isEmpty else { continue }
                let sources = parts[(place + 1)...].prefix { part in
                    if case .citation = part.kind { true } else { false }
                }
                writeText(part, sources: sources, with: &json)
            case .reasoning:
                guard !part.escaped.isEmpty || !part.escapedSignature.isEmpty else { continue }
                json.object { json in
                    json.member("type", literal: "thinking")
                    json.member("thinking", escaped: part.escaped.bytes, 0..<part.escaped.count)
                    write("signature", part.escapedSignature, after: carrier, with: &json)
                }
            case .redactedReasoning:
                writeRedacted(part.escaped, after: carrier, with: &json)
            case .toolCall(let number, let id, let name):
                writeCall(part, ToolInput.object(part.text, isCut: isCut), number, id: id, name: name, with: &json)
            case .customCall(let number, let id, let name):
                let input = JSONValue.object([.init("input", .string(part.text))])
                writeCall(part, input, number, id: id, name: name, with: &json)
            case .citation, .image:
                // A citation was written with its text; for an image there is no place.
                break
            }
        }
    }

    private func writeText(
        _ part: AccumulatedPart, sources: ArraySlice<AccumulatedPart>, with json: inout JSONWriter
    ) {
        json.object { json in
            json.member("type", literal: "text")
            json.member("text", escaped: part.escaped.bytes, 0..<part.escaped.count)
            guard !sources.isEmpty else { return }
            json.member(
                "citations",
                array: { json in
                    for case .citation(let url, let title) in sources.map(\.kind) {
                        json.object { json in
                            json.member("type", literal: "web_search_result_location")
                            json.member("cited_text", literal: "")
                            json.member("url", url)
                            json.member("title", title)
                            json.member("encrypted_index", literal: AnthropicCitation.index)
                        }
                    }
                })
        }
    }

    private func writeCall(
        _ part: AccumulatedPart, _ input: JSONValue, _ number: Int, id: String, name: String,
        with json: inout JSONWriter
    ) {
        if !part.escapedSignature.isEmpty { writeRedacted(part.escapedSignature, after: callCarrier, with: &json) }
        json.object { json in
            json.member("type", literal: "tool_use")
            json.member("id", AnthropicCallID.fit(id, seed: context.seed, number: number))
            json.member("name", name)
            json.member("input", input)
        }
    }

    private func writeRedacted(_ payload: ByteBuffer, after prefix: String, with json: inout JSONWriter) {
        json.object { json in
            json.member("type", literal: "redacted_thinking")
            write("data", payload, after: prefix, with: &json)
        }
    }

    /// Writes a member of a signature; without one it is empty, and gets no carrier.
    private func write(
        _ name: StaticString, _ payload: ByteBuffer, after prefix: String, with json: inout JSONWriter
    ) {
        var text = ByteBuffer()
        if !payload.isEmpty { text.append(prefix) }
        text.append(payload.bytes)
        json.member(name, escaped: text.bytes, 0..<text.count)
    }
}
