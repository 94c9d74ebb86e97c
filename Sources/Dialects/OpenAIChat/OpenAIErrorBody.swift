// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Chat
import JSON

/// The error body of the OpenAI dialect: `{"error":{"message","type","param","code"}}`.
package enum OpenAIErrorBody {
    /// The bytes of an upstream's message that are kept.
    package static let messageLimit = 2048

    /// Appends the body for a failure; `requestID` is what the client can quote, empty for none.
    package static func write(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in
            json.object { json in
                json.key("error")
                json.object { json in
                    json.member("message", failure.message)
                    json.member("type", failure.type ?? type(for: failure.status))
                    json.member("param", failure.parameter.map { .string($0) } ?? .null)
                    json.member("code", failure.code.map { .string($0) } ?? .null)
                    if !requestID.isEmpty { json.member("request_id", requestID) }
                }
            }
        }
    }

    /// The `type` that OpenAI gives to failures of a status.
    package static func type(for status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 429: "rate_limit_error"
        case 400..<500: "invalid_request_error"
        case 503: "service_unavailable_error"
        default: "server_error"
        }
    }

    /// Reads an upstream's error body, whatever it is: the dialect's, a string, an array, HTML, nothing.
    ///
    /// The message is cut to `messageLimit` bytes and holds no control characters. Markup is not shown.
    package static func read(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        let isHuge = body.count > 1 << 22
        guard !isHuge, let value = try? JSONValue(parsing: body, allowsLoneSurrogates: true) else {
            return ChatFailure(status: status, message: plainMessage(body, status: status))
        }
        return read(value, status: status)
    }

    /// Reads an error that is already JSON, with or without the `error` around it.
    static func read(_ value: JSONValue, status: Int) -> ChatFailure {
        var value = value
        // `[{"error":{…}}]` is how Google wraps it; no honest nesting is deeper.
        for _ in 0..<4 {
            if let first = value[0] {
                value = first
            } else if let inner = value["error"], !inner.isNull {
                guard inner.string == nil || value["message"]?.string == nil else { break }
                value = inner
            } else {
                break
            }
        }
        let text = value.string ?? value["message"]?.string ?? value["detail"]?.string
        return ChatFailure(
            status: status,
            message: text.map(clean).flatMap { $0.isEmpty ? nil : $0 } ?? unexplained(status),
            type: word(value["type"]),
            code: word(value["code"]),
            parameter: word(value["param"])
        )
    }

    /// A string or number as a short word.
    private static func word(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text) where !text.isEmpty: String(clean(text).prefix(128))
        case .number(let raw): String(raw.prefix(128))
        default: nil
        }
    }

    private static func plainMessage(_ body: Span<UInt8>, status: Int) -> String {
        var start = 0
        while start < body.count, body[start] <= ASCII.space { start &+= 1 }
        let markup = UInt8(ascii: "<")
        guard start < body.count, body[start] != markup, body[start] != ASCII.openBrace else {
            return unexplained(status)
        }
        // A character cut in half at the end is repaired, then cut off with the rest.
        let text = body.repairedText(start..<min(body.count, start &+ messageLimit &+ 4))
        let message = clean(text)
        return message.isEmpty ? unexplained(status) : message
    }

    private static func unexplained(_ status: Int) -> String {
        "The upstream answered with status \(status) and no explanation."
    }

    /// Control characters become spaces, and the rest is cut between two characters.
    private static func clean(_ text: String) -> String {
        var kept = ""
        var count = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            let plain = isControl ? " " : scalar
            count &+= UTF8.width(plain)
            guard count <= messageLimit else { break }
            kept.unicodeScalars.append(plain)
        }
        return kept
    }
}

extension Span<UInt8> {
    /// The bytes at a range as text, repaired where they are not UTF-8.
    fileprivate func repairedText(_ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for index in range { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
