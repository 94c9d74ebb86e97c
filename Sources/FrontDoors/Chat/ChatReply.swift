// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Services
internal import Storage

/// What the chat's doors answer: rows as JSON, and errors in the chat's own form.
enum ChatReply {
    /// Answers with `{"error": code, "message": text}`.
    static func refuse(
        _ failure: ChatFailure, retryAfter: String? = nil, requestID: String, to response: ResponseWriter
    ) {
        var fields = JSONReply.fields(requestID)
        if let retryAfter { fields.append("Retry-After", retryAfter) }
        var body = ByteBuffer()
        writeError(failure, into: &body)
        let status = (400...599).contains(failure.status) ? failure.status : 502
        response.respond(status: status, fields: fields, body: body.bytes)
    }

    /// Answers without a body.
    static func sendNothing(
        status: Int, type: String = "application/json", requestID: String, to response: ResponseWriter
    ) {
        let body = ByteBuffer()
        response.respond(status: status, fields: JSONReply.fields(requestID, type: type), body: body.bytes)
    }

    /// A failure in the chat's form.
    static func writeError(_ failure: ChatFailure, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in
            json.object { json in
                json.member("error", failure.code ?? failure.type ?? "error")
                json.member("message", failure.message)
            }
        }
    }

    /// What a failure of the store is to a client.
    static func failure(of error: ChatStoreError) -> ChatFailure {
        error == .notFound ? ChatTurn.missing : ChatTurn.storageFailed
    }

    /// A conversation; `defaultModel` is named where it has none of its own.
    static func write(_ session: ChatSession, defaultModel: String, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", session.id)
            json.member("title", session.title)
            json.member("model", session.model.isEmpty ? defaultModel : session.model)
            json.key("system")
            if session.system.isEmpty { json.null() } else { json.string(session.system) }
            json.member("message_count", session.messageCount)
            json.member("tokens", session.tokens)
            json.member("created_at", time(session.createdAt))
            json.member("updated_at", time(session.updatedAt))
            json.key("last_message_at")
            if let last = session.lastMessageAt { json.string(time(last)) } else { json.null() }
        }
    }

    /// A message; what only answers have is `null` in one of the user.
    static func write(_ message: StoredMessage, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", message.id)
            json.member("role", message.role.rawValue)
            json.member("content", message.content)
            json.member("created_at", time(message.createdAt))
            let answer = message.answer
            json.member("outcome", answer.map { .string($0.outcome) } ?? .null)
            json.member("is_partial", answer?.isPartial ?? false)
            json.member("is_streamed", answer?.isStreamed ?? false)
            json.member("response_ms", answer.map { .number("\($0.milliseconds)") } ?? .null)
            json.member("model", answer.map { .string($0.model) } ?? .null)
            json.member("provider", answer.map { .string($0.provider) } ?? .null)
            json.member("input_tokens", answer.map { .number("\($0.inputTokens)") } ?? .null)
            json.member("output_tokens", answer.map { .number("\($0.outputTokens)") } ?? .null)
            json.member("is_estimated", answer?.isEstimated ?? false)
        }
    }

    /// A time in microseconds since 1970 as RFC 3339 writes it, with milliseconds.
    static func time(_ microseconds: Int64) -> String {
        InternetDate.text(fromMicroseconds: microseconds).dropLast(4) + "Z"
    }
}
