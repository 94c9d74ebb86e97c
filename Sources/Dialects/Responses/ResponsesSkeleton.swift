// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// The response object round what changes in it: its identity, and the members in which it repeats the request.
struct ResponsesSkeleton: Sendable {
    /// Up to the value of `status`.
    private let opening: ByteBuffer
    /// From `model` to before `output`, and from behind it to before `usage`.
    private let middle: ByteBuffer
    private let closing: ByteBuffer

    init(_ context: AnswerContext) {
        let chat = context.chat
        var opening = ByteBuffer()
        opening.append(literal: "{\"id\":")
        opening.appendJSONString("resp_\(context.seed)")
        opening.append(literal: ",\"object\":\"response\",\"created_at\":")
        opening.append(decimal: context.created)
        opening.append(literal: ",\"status\":")
        self.opening = opening
        middle = ResponsesSkeleton.members([
            .init("instructions", ResponsesSkeleton.instructions(of: chat)),
            .init("max_output_tokens", chat.outputLimit.map { .number(String($0.tokens)) } ?? .null),
            .init("max_tool_calls", ResponsesSkeleton.extra("max_tool_calls", of: chat)),
            .init("model", .string(chat.model)),
        ])
        closing = ResponsesSkeleton.members(ResponsesSkeleton.echo(of: chat))
    }

    /// What the response repeats of the request; what was not said is told as the vendor's default.
    private static func echo(of chat: ChatRequest) -> [JSONValue.Member] {
        var reasoning = JSONMembers()
        reasoning.add("effort", chat.reasoning.effort.map { .string($0) } ?? .null)
        reasoning.add("summary", chat.reasoning.display.map { .string($0) } ?? .null)
        var text = JSONMembers()
        text.add("format", ResponsesToolWriter.value(of: chat.responseFormat ?? .text))
        text.add("verbosity", chat.verbosity ?? "medium")
        let tools = chat.tools.compactMap { ResponsesToolWriter.value(of: $0, isOwn: chat.origin == .openAIResponses) }
        let choice = chat.toolChoice.map { ResponsesToolWriter.value(of: $0, customNames: chat.customToolNames) }
        return [
            .init("parallel_tool_calls", .bool(chat.allowsParallelCalls ?? true)),
            .init("previous_response_id", .null),
            .init("prompt_cache_key", extra("prompt_cache_key", of: chat)),
            .init("reasoning", .object(reasoning.members)),
            .init("safety_identifier", extra("safety_identifier", of: chat)),
            .init("service_tier", extra("service_tier", of: chat, or: .string("default"))),
            .init("store", .bool(false)),
            .init("temperature", .number(chat.sampling.temperature ?? "1.0")),
            .init("text", .object(text.members)),
            .init("tool_choice", choice ?? .string("auto")),
            .init("tools", .array(tools)),
            .init("top_logprobs", .number(String(chat.sampling.topLogprobs ?? 0))),
            .init("top_p", .number(chat.sampling.topP ?? "1.0")),
            .init("truncation", extra("truncation", of: chat, or: .string("disabled"))),
            .init("user", chat.user.map { .string($0) } ?? .null),
            .init("metadata", .object(chat.metadata ?? [])),
        ]
    }

    private static func instructions(of chat: ChatRequest) -> JSONValue {
        guard let first = chat.messages.first, first.extras.contains(ResponsesMark.instructions) else { return .null }
        return .string(first.text)
    }

    private static func extra(_ name: String, of chat: ChatRequest, or other: JSONValue = .null) -> JSONValue {
        guard chat.origin == .openAIResponses else { return other }
        return chat.extras.first { $0.key == name }?.value ?? other
    }

    /// Members, each behind a comma.
    private static func members(_ members: [JSONValue.Member]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for member in members {
            buffer.append(ASCII.comma)
            buffer.appendJSONString(member.key)
            buffer.append(ASCII.colon)
            member.value.write(into: &buffer)
        }
        return buffer
    }

    /// Appends the object; `output` is its items, joined by commas.
    func append(_ state: ResponsesState, output: Span<UInt8>, usage: TokenUsage?, to buffer: inout ByteBuffer) {
        buffer.append(opening.bytes)
        buffer.appendJSONString(state.status)
        buffer.append(literal: ",\"background\":false,\"error\":")
        if case .failed(let failure) = state {
            buffer.appendJSON { json in
                json.object { json in
                    json.member("code", ResponsesFailure.code(of: failure))
                    json.member("message", failure.message)
                }
            }
        } else {
            buffer.append(literal: "null")
        }
        buffer.append(literal: ",\"incomplete_details\":")
        if case .incomplete(let reason) = state {
            buffer.append(literal: "{\"reason\":")
            buffer.appendJSONString(reason)
            buffer.append(ASCII.closeBrace)
        } else {
            buffer.append(literal: "null")
        }
        buffer.append(middle.bytes)
        buffer.append(literal: ",\"output\":[")
        buffer.append(output)
        buffer.append(ASCII.closeBracket)
        buffer.append(closing.bytes)
        buffer.append(literal: ",\"usage\":")
        if let usage {
            buffer.appendJSON { ResponsesUsage.write(usage, with: &$0) }
        } else {
            buffer.append(literal: "null")
        }
        buffer.append(ASCII.closeBrace)
    }
}

/// How far a response is.
enum ResponsesState {
    case inProgress, completed
    case incomplete(String)
    case failed(ChatFailure)

    /// The state in which an answer ends.
    init(_ finish: FinishReason?, hasRefusal: Bool) {
        switch finish {
        case .length, .contextFull: self = .incomplete("max_output_tokens")
        case .contentFilter: self = .incomplete("content_filter")
        case .refusal: self = hasRefusal ? .completed : .incomplete("content_filter")
        case .malformedCall:
            self = .failed(
                ChatFailure(status: 500, message: "The model's call of a tool was not well-formed.", code: "server_error"))
        case .other(let reason) where ["max_messages", "steered", "max_tool_calls"].contains(reason):
            self = .incomplete(reason)
        case .stop, .stopSequence, .toolCalls, .pause, .other, nil: self = .completed
        }
    }

    var status: String {
        switch self {
        case .inProgress: "in_progress"
        case .completed: "completed"
        case .incomplete: "incomplete"
        case .failed: "failed"
        }
    }

    /// The event that tells it.
    var eventName: StaticString {
        switch self {
        case .inProgress: "response.in_progress"
        case .completed: "response.completed"
        case .incomplete: "response.incomplete"
        case .failed: "response.failed"
        }
    }
}
