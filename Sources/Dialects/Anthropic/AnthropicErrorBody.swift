// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// The error body of Messages: `{"type":"error","error":{"type","message"},"request_id"}`.
enum AnthropicErrorBody {
    /// The `type` of an error and the status it is worth; where a status has several, the first is written.
    private static let types: [(type: String, status: Int)] = [
        ("invalid_request_error", 400), ("authentication_error", 401), ("billing_error", 402),
        ("permission_error", 403), ("not_found_error", 404), ("timeout_error", 504), ("timeout_error", 408),
        ("conflict_error", 409), ("request_too_large", 413), ("rate_limit_error", 429), ("api_error", 500),
        ("overloaded_error", 529), ("overloaded_error", 503),
    ]

    /// Appends the body for a failure; `requestID` is what the client can quote, empty for none.
    static func write(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        // The shape has no place for the field at fault but the message.
        let message = failure.parameter.map { "\($0): \(failure.message)" } ?? failure.message
        buffer.appendJSON { json in
            json.object { json in
                json.member("type", literal: "error")
                json.member(
                    "error",
                    object: { json in
                        json.member("type", type(of: failure))
                        json.member("message", message)
                        if failure.parameter == "thread" { refuseThread(with: &json) }
                    })
                if !requestID.isEmpty { json.member("request_id", requestID) }
            }
        }
    }

    /// Appends what makes Anthropic's SDK send the whole conversation instead of a thread, which only Anthropic keeps.
    private static func refuseThread(with json: inout JSONWriter) {
        json.member(
            "details",
            object: { json in
                json.member("error_code", literal: "thread_unsupported_request")
                json.member("unsupported", array: { $0.string(literal: "thread") })
            })
    }

    /// Reads an upstream's error body, whatever it is.
    static func read(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        OpenAIErrorBody.read(body, status: status)
    }

    /// Reads an error that came in a stream, which began with 200: its type is the only status there is.
    static func readInStream(_ data: Span<UInt8>) -> ChatFailure {
        var failure = read(data, status: 502)
        if let known = types.first(where: { $0.type == failure.type }) { failure.status = known.status }
        return failure
    }

    /// The type that a client is told: that of the status, but where the status says little the vendor's own.
    private static func type(of failure: ChatFailure) -> String {
        if failure.status != 400, failure.status != 500,
            let known = types.first(where: { $0.status == failure.status })
        {
            return known.type
        }
        if let type = failure.type, types.contains(where: { $0.type == type }) { return type }
        return (400..<500).contains(failure.status) ? "invalid_request_error" : "api_error"
    }
}
