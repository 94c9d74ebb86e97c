// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// Google's error body: `{"error":{"code","message","status","details"}}` (google.rpc.Status as JSON).
enum GeminiErrorBody {
    private static let typePrefix = "type.googleapis.com/google.rpc."

    /// Appends the body for a failure; `requestID` is what the client can quote, empty for none.
    static func write(_ failure: ChatFailure, requestID: String, into buffer: inout ByteBuffer) {
        let code = status(of: failure)
        buffer.appendJSON { json in
            json.object { json in
                json.key("error")
                json.object { json in
                    json.member("code", code)
                    json.member("message", failure.message)
                    let type = failure.type.flatMap { isGoogleWord($0) ? $0 : nil }
                    json.member("status", type ?? name(of: code))
                    let details = details(of: failure, requestID: requestID)
                    if !details.isEmpty { json.member("details", .array(details)) }
                }
            }
        }
    }

    private static func details(of failure: ChatFailure, requestID: String) -> [JSONValue] {
        func detail(_ type: String, _ members: JSONValue.Member...) -> JSONValue {
            .object([.init("@type", .string(typePrefix + type))] + members)
        }
        var details: [JSONValue] = []
        if let code = failure.code, isGoogleWord(code) {
            details.append(detail("ErrorInfo", .init("reason", .string(code))))
        }
        if let parameter = failure.parameter {
            let violation = JSONValue.object([
                .init("field", .string(parameter)), .init("description", .string(failure.message)),
            ])
            details.append(detail("BadRequest", .init("fieldViolations", .array([violation]))))
        }
        if let seconds = failure.retryAfter {
            details.append(detail("RetryInfo", .init("retryDelay", .string("\(seconds)s"))))
        }
        if !requestID.isEmpty { details.append(detail("RequestInfo", .init("requestId", .string(requestID)))) }
        return details
    }

    /// Google's status for a failure: it knows no others than those of google.rpc.Code.
    static func status(of failure: ChatFailure) -> Int {
        switch failure.status {
        case 400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504: failure.status
        case 402: 429
        case 408: 504
        case 400..<500: 400
        case 502, 529: 503
        default: 500
        }
    }

    private static func name(of status: Int) -> String {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 409: "ABORTED"
        case 429: "RESOURCE_EXHAUSTED"
        case 499: "CANCELLED"
        case 501: "UNIMPLEMENTED"
        case 503: "UNAVAILABLE"
        case 504: "DEADLINE_EXCEEDED"
        case 400..<500: "INVALID_ARGUMENT"
        default: "INTERNAL"
        }
    }

    /// Whether a word is spelled as Google spells its constants: capitals, digits and underscores.
    static func isGoogleWord(_ word: String) -> Bool {
        !word.isEmpty && word.utf8.count <= 64
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    /// Reads an upstream's error body, whatever it is.
    static func read(_ body: Span<UInt8>, status: Int) -> ChatFailure {
        let isHuge = body.count > 1 << 22
        guard !isHuge, let value = try? JSONValue(parsing: body, allowsLoneSurrogates: true),
            value.members != nil || value[0]?.members != nil
        else { return OpenAIErrorBody.read(body, status: status) }
        return read(value, status: status, keepsStatus: true)
    }

    /// Reads an error that is already JSON, with or without the `error` around it.
    ///
    /// In a stream, which began with 200, the code in it is the only status there is.
    static func read(_ value: JSONValue, status: Int, keepsStatus: Bool = false) -> ChatFailure {
        var failure = OpenAIErrorBody.read(value, status: status)
        var error = value
        for _ in 0..<4 {
            guard let inner = error[0] ?? error["error"], !inner.isNull, inner.string == nil else { break }
            error = inner
        }
        if !keepsStatus, let code = error["code"]?.integer, (400..<600).contains(code) { failure.status = code }
        failure.type = error["status"]?.string.map { String($0.prefix(64)) } ?? failure.type
        if error["code"]?.integer != nil { failure.code = nil }
        for detail in error["details"]?.elements ?? [] {
            guard let type = detail["@type"]?.string, type.hasPrefix(typePrefix) else { continue }
            switch type.dropFirst(typePrefix.count) {
            case "RetryInfo": failure.retryAfter = detail["retryDelay"]?.string.flatMap(seconds) ?? failure.retryAfter
            case "ErrorInfo": failure.code = detail["reason"]?.string.map { String($0.prefix(64)) } ?? failure.code
            case "BadRequest":
                failure.parameter =
                    detail["fieldViolations"]?[0]?["field"]?.string.map { String($0.prefix(128)) } ?? failure.parameter
            default: break
            }
        }
        return failure
    }

    /// The seconds of a duration such as `3.9s`, rounded up.
    private static func seconds(_ text: String) -> Int? {
        guard text.last == "s", let number = Double(text.dropLast()), number >= 0, number < 1e9 else { return nil }
        return Int(number.rounded(.up))
    }
}
