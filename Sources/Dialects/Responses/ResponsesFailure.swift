// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// Failures as the dialect tells them: in a body, in an event of its own, nested or flat, or in a response.
enum ResponsesFailure {
    /// Reads the body of an error response, whatever it is.
    static func read(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        var failure = OpenAIErrorBody.read(body, status: status)
        guard failure.retryAfter == nil, body.count < 1 << 16,
            let value = try? JSONValue(parsing: body, allowsLoneSurrogates: true)
        else { return failure }
        failure.retryAfter = retryAfter(value)
        return failure
    }

    /// Reads an error told within a stream, which began with 200: what it calls itself is the only status there is.
    static func readEvent(_ data: Span<UInt8>) -> ChatFailure {
        guard let value = try? JSONValue(parsing: data, allowsLoneSurrogates: true) else {
            return OpenAIErrorBody.read(data, status: 502)
        }
        var error = value["response"]?["error"] ?? value["error"] ?? value
        if error.isNull { error = value }
        var failure = OpenAIErrorBody.read(error, status: 502)
        // The flat form is called `error` itself, which says nothing.
        if failure.type == "error" || failure.type?.hasPrefix("response.") == true { failure.type = nil }
        if error["message"]?.string == nil, error.string == nil {
            failure.message = "The upstream reported a failure and no explanation."
        }
        failure.status = value["status"]?.integer.flatMap { 400..<600 ~= $0 ? $0 : nil } ?? status(of: failure)
        failure.retryAfter = failure.retryAfter ?? retryAfter(value)
        return failure
    }

    private static func retryAfter(_ value: JSONValue) -> Int? {
        let error = value["error"] ?? value
        guard let seconds = error["resets_in_seconds"]?.double ?? error["retry_after"]?.double, seconds >= 0, seconds < 1e7
        else { return nil }
        return Int(seconds.rounded(.up))
    }

    private static func status(of failure: ChatFailure) -> Int {
        for word in [failure.code, failure.type] {
            switch word {
            case "rate_limit_exceeded", "rate_limit_error", "insufficient_quota", "usage_limit_reached", "too_many_requests",
                "tokens", "requests":
                return 429
            case "server_is_overloaded", "slow_down", "overloaded_error", "service_unavailable_error", "engine_overloaded":
                return 503
            case "invalid_prompt", "context_length_exceeded", "invalid_request_error", "invalid_value",
                "bio_policy", "cyber_policy", "content_policy_violation":
                return 400
            case "invalid_api_key", "authentication_error": return 401
            case "permission_error", "usage_not_included": return 403
            case "not_found_error", "model_not_found": return 404
            case "vector_store_timeout": return 504
            case "server_error", "internal_error", "internal_server_error": return 500
            case let word?:
                if word.hasPrefix("invalid_") || word.hasPrefix("image_") || word.hasPrefix("unsupported_") { return 400 }
                if let number = Int(word), 400..<600 ~= number { return number }
            case nil: break
            }
        }
        return 502
    }

    /// The code that a client acts on: the vendor's own, or what it would call a failure of the status.
    static func code(of failure: ChatFailure) -> String {
        // A number says no more than the status does.
        if let code = failure.code, Int(code) == nil { return code }
        return switch failure.status {
        case 429: "rate_limit_exceeded"
        case 400..<500: "invalid_prompt"
        case 503, 529: "server_is_overloaded"
        default: "server_error"
        }
    }

    /// Appends both events in which a response that was handed on ends; `count` is how many events there were.
    static func appendEvents(
        _ failure: ChatFailure, requestID: String, of response: ResponsesIdentity, count: Int, to buffer: inout ByteBuffer
    ) {
        let sequence = response.sequence ?? count
        appendError(failure, requestID: requestID, sequence: sequence, to: &buffer)
        appendFailed(failure, requestID: requestID, sequence: sequence &+ 1, of: response, to: &buffer)
    }

    /// Appends the event `error` in the form that the vendor sends and its SDK raises.
    static func appendError(_ failure: ChatFailure, requestID: String, sequence: Int, to buffer: inout ByteBuffer) {
        buffer.append(literal: "event: error\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("type", "error")
                json.member("sequence_number", sequence)
                json.key("error")
                json.object { json in
                    json.member("type", OpenAIErrorBody.type(of: failure))
                    json.member("code", code(of: failure))
                    json.member("message", failure.message)
                    json.member("param", failure.parameter.map { .string($0) } ?? .null)
                    if !requestID.isEmpty { json.member("request_id", requestID) }
                }
            }
        }
        buffer.append(literal: "\n\n")
    }

    /// Appends the event `response.failed` where nothing of the response is known but, at best, who it is.
    static func appendFailed(
        _ failure: ChatFailure, requestID: String, sequence: Int, of response: ResponsesIdentity? = nil,
        to buffer: inout ByteBuffer
    ) {
        buffer.append(literal: "event: response.failed\ndata: ")
        buffer.appendJSON { json in
            json.object { json in
                json.member("type", "response.failed")
                json.member("sequence_number", sequence)
                json.key("response")
                json.object { json in
                    json.member("id", response?.id ?? "resp_\(requestID)")
                    json.member("object", "response")
                    if let created = response?.created { json.member("created_at", created) }
                    if let model = response?.model { json.member("model", model) }
                    json.member("status", "failed")
                    json.key("error")
                    json.object { json in
                        json.member("code", code(of: failure))
                        json.member("message", failure.message)
                    }
                    json.member("incomplete_details", .null)
                    json.member("output", .array([]))
                    json.member("usage", .null)
                }
            }
        }
        buffer.append(literal: "\n\n")
    }
}
