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
                json.member("id", id(context))
                json.member("object", "chat.completion")
                json.member("created", context.created)
                json.member("model", context.chat.model)
                json.key("choices")
                json.array { json in
                    for choice in answer.choices { write(choice, context, into: &json) }
                }
                if let usage = answer.usage {
                    json.key("usage")
                    OpenAIUsage.write(usage, with: &json)
                }
            }
        }
    }

    private static func id(_ context: AnswerContext) -> String { "chatcmpl-\(context.seed)" }

    private static func write(_ choice: AccumulatedChoice, _ context: AnswerContext, into json: inout JSONWriter) {
        let calls = choice.toolCalls
        json.object { json in
            json.member("index", choice.index)
            json.key("message")
            json.object { json in
                json.member("role", "assistant")
                let text = choice.text
                let refusal = refusal(of: choice)
                let reasoning = choice.reasoning
                json.member("content", text.isEmpty && (!calls.isEmpty || !refusal.isEmpty) ? .null : .string(text))
                json.member("refusal", refusal.isEmpty ? .null : .string(refusal))
                if !reasoning.isEmpty { json.member("reasoning_content", reasoning) }
                writeDetails(of: choice, context.maker, into: &json)
                if !calls.isEmpty {
                    let customTools = context.chat.customToolNames
                    json.member(
                        "tool_calls",
                        array: { json in
                            for call in calls {
                                let number = call.callNumber ?? 0
                                let made = CallID.made(for: id(context), choice: choice.index, call: number)
                                write(
                                    call, customTools, context.maker, made: made, isCut: choice.finish.isCut,
                                    into: &json)
                            }
                        })
                }
                writeCitations(of: choice, into: &json)
                writeImages(of: choice, into: &json)
            }
            if !choice.logprobs.isEmpty {
                json.member(
                    "logprobs",
                    object: { json in
                        json.key("content")
                        json.array { json in json.raw(choice.logprobs.bytes, 0..<choice.logprobs.count) }
                        json.member("refusal", .null)
                    })
            }
            json.key("finish_reason")
            if let finish = choice.finish {
                json.string(finish.openAIName(hasCalls: !calls.isEmpty))
            } else {
                json.null()
            }
        }
    }

    private static func refusal(of choice: AccumulatedChoice) -> String {
        let refusal = choice.refusal
        if refusal.isEmpty, case .refusal(let explanation?) = choice.finish { return explanation }
        return refusal
    }

    /// Writes reasoning once more in the form in which it can be sent back, when some of it is signed.
    private static func writeDetails(of choice: AccumulatedChoice, _ maker: String, into json: inout JSONWriter) {
        let parts = choice.parts.filter { $0.kind == .reasoning || $0.kind == .redactedReasoning }
        guard parts.contains(where: { $0.kind == .redactedReasoning || !$0.escapedSignature.isEmpty }) else { return }
        json.key("reasoning_details")
        json.array { json in
            for (index, part) in parts.enumerated() {
                json.object { json in
                    if part.kind == .redactedReasoning {
                        json.member("type", "reasoning.encrypted")
                        json.member("data", sealed(part.text, maker))
                    } else {
                        json.member("type", "reasoning.text")
                        json.member("text", escaped: part.escaped.bytes, 0..<part.escaped.count)
                        if !part.escapedSignature.isEmpty { json.member("signature", sealed(part.signature, maker)) }
                    }
                    json.member("index", index)
                }
            }
        }
    }

    /// What a maker attached, in a carrier unless it is at home in this dialect.
    private static func sealed(_ payload: String, _ maker: String) -> String {
        maker == "openai" ? payload : OpaqueSignature(maker: maker, payload: payload).carrier
    }

    private static func writeCitations(of choice: AccumulatedChoice, into json: inout JSONWriter) {
        var position = 0
        var start = 0
        var isBegun = false
        for part in choice.parts {
            switch part.kind {
            case .text:
                start = position
                position &+= part.text.unicodeScalars.count
            case .citation(let url, let title):
                if !isBegun {
                    json.key("annotations")
                    json.beginArray()
                    isBegun = true
                }
                json.object { json in
                    json.member("type", "url_citation")
                    json.member(
                        "url_citation",
                        object: { json in
                            json.member("url", url)
                            json.member("title", title)
                            json.member("start_index", start)
                            json.member("end_index", position)
                        })
                }
            default: break
            }
        }
        if isBegun { json.endArray() }
    }

    private static func writeImages(of choice: AccumulatedChoice, into json: inout JSONWriter) {
        let images = choice.parts.filter { if case .image = $0.kind { true } else { false } }
        guard !images.isEmpty else { return }
        json.key("images")
        json.array { json in
            for (index, part) in images.enumerated() {
                guard case .image(let mediaType) = part.kind else { continue }
                json.object { json in
                    json.member("index", index)
                    json.member("type", "image_url")
                    json.member(
                        "image_url",
                        object: { json in
                            json.member("url", DataURL(mediaType: mediaType, base64: part.text).text)
                        })
                }
            }
        }
    }

    private static func write(
        _ call: AccumulatedPart, _ customTools: [String], _ maker: String, made: String, isCut: Bool,
        into json: inout JSONWriter
    ) {
        switch call.kind {
        case .toolCall(_, let given, let name):
            // Without an id no result could refer to the call.
            let id = given.isEmpty ? made : given
            if customTools.contains(name) {
                write(id, "custom", signature: call.signature, maker, into: &json) { json in
                    json.member("name", name)
                    json.member("input", CustomTool.input(call.text))
                }
            } else {
                write(id, "function", signature: call.signature, maker, into: &json) { json in
                    json.member("name", name)
                    json.key("arguments")
                    // Clients parse the arguments, and nothing is no JSON.
                    if call.escaped.isEmpty, !isCut {
                        json.string(literal: "{}")
                    } else {
                        json.string(escaped: call.escaped.bytes, 0..<call.escaped.count)
                    }
                }
            }
        case .customCall(_, let given, let name):
            write(given.isEmpty ? made : given, "custom", signature: call.signature, maker, into: &json) { json in
                json.member("name", name)
                json.member("input", escaped: call.escaped.bytes, 0..<call.escaped.count)
            }
        default: break
        }
    }

    private static func write(
        _ id: String, _ type: StaticString, signature: String, _ maker: String,
        into json: inout JSONWriter, _ body: (inout JSONWriter) -> Void
    ) {
        json.object { json in
            json.member("id", id)
            json.member("type", literal: type)
            json.key(type)
            json.object(body)
            if !signature.isEmpty {
                json.member(
                    "extra_content",
                    object: { json in
                        json.member(
                            "google",
                            object: { json in json.member("thought_signature", sealed(signature, maker)) })
                    })
            }
        }
    }
}
