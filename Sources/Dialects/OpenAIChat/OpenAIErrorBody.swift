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
                    json.member("type", type(of: failure))
                    json.member("param", failure.parameter.map { .string($0) } ?? .null)
                    json.member("code", failure.code.map { .string($0) } ?? .null)
                    if !requestID.isEmpty { json.member("request_id", requestID) }
                }
            }
        }
    }

    /// The `type` of a failure: the vendor's own word, unless it has capitals, as Google's have and OpenAI's have not.
    static func type(of failure: ChatFailure) -> String {
        guard let type = failure.type, !type.utf8.contains(where: { (0x41...0x5A).contains($0) }) else {
            return self.type(for: failure.status)
        }
        return type
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
        // FastAPI lists what is wrong with each member.
        let detail = value["detail"]?[0]
        let text = value.string ?? value["message"]?.string ?? value["detail"]?.string ?? detail?["msg"]?.string
        let message = text.map(clean).flatMap { $0.isEmpty ? nil : $0 } ?? unexplained(status)
        return ChatFailure(
            status: status,
            message: message,
            type: word(value["type"]) ?? word(detail?["type"]),
            code: word(value["code"]) ?? word(value["id"]) ?? word(value["status_code"]),
            parameter: word(value["param"]) ?? path(detail?["loc"]),
            retryAfter: retryAfter(value, message: message)
        )
    }

    /// The path of a member as FastAPI lists it, without the body around it.
    private static func path(_ value: JSONValue?) -> String? {
        guard let names = value?.elements?.compactMap(word), !names.isEmpty else { return nil }
        return (names.first == "body" ? names.dropFirst() : names[...]).joined(separator: ".")
    }

    /// The status that an error in a stream is worth, by its code or its type; `nil` when neither tells.
    static func status(of failure: ChatFailure) -> Int? {
        if let code = failure.code.flatMap({ Int($0) }) {
            switch code {
            case 400..<600: return code
            // The business codes of GLM.
            case 1000...1004: return 401
            case 1110...1121: return 403
            case 1302, 1303, 1304, 1305, 1308, 1310, 1312: return 429
            case 1210...1261, 1301: return 400
            default: break
            }
        }
        for word in [failure.type, failure.code] {
            switch word {
            case "rate_limit_error", "rate_limit_exceeded", "insufficient_quota", "rate_limit": return 429
            case "overloaded_error", "overloaded", "service_unavailable_error": return 503
            case "authentication_error", "invalid_api_key": return 401
            case "permission_error": return 403
            case "invalid_request_error", "tool_use_failed", "context_length_exceeded": return 400
            default: continue
            }
        }
        return nil
    }

    /// The wait that a body tells: in a member, as Google's `retryDelay`, or in OpenAI's words "try again in 1.5s".
    private static func retryAfter(_ value: JSONValue, message: String) -> Int? {
        if let seconds = value["retry_after"]?.double { return wholeSeconds(seconds) }
        for detail in value["details"]?.elements ?? [] {
            if let delay = detail["retryDelay"]?.string, delay.hasSuffix("s"), let seconds = Double(delay.dropLast()) {
                return wholeSeconds(seconds)
            }
        }
        let words = message.split(separator: " ")
        guard let place = words.firstIndex(of: "again"), place &+ 2 < words.count, words[place &+ 1] == "in" else {
            return nil
        }
        let number = words[place &+ 2].prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = words[place &+ 2].dropFirst(number.count).prefix { $0.isASCII && $0.isLetter }
        guard let amount = Double(number) else { return nil }
        return switch unit {
        case "ms": wholeSeconds(amount / 1000)
        case "s": wholeSeconds(amount)
        case "m": wholeSeconds(amount * 60)
        default: nil
        }
    }

    /// Seconds rounded up, up to a day: what is said beyond is no wait.
    private static func wholeSeconds(_ seconds: Double) -> Int? {
        (0...86_400).contains(seconds) ? Int(seconds.rounded(.up)) : nil
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
