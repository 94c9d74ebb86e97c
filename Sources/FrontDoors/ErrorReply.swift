// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import Chat
internal import Dialects
package import HTTPSemantics
package import HTTPServer

/// The one place where a failure becomes an HTTP answer.
package enum ErrorReply {
    /// Answers with a failure, in the shape of the client's dialect.
    package static func send(
        _ failure: ChatFailure, _ dialect: Dialect, requestID: String, fields: HTTPFields = HTTPFields(),
        to response: ResponseWriter
    ) {
        let status = dialect.codec.status(of: failure)
        var fields = fields
        fields.append("Content-Type", "application/json")
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("X-Request-Id", requestID)
        if dialect == .anthropic { fields.append("request-id", requestID) }
        if let seconds = failure.retryAfter, fields["retry-after"] == nil { fields.append("Retry-After", String(seconds)) }
        if status == 401 { fields.append("WWW-Authenticate", "Bearer") }
        response.respond(status: status, fields: fields, body: body(failure, dialect, requestID).span)
    }

    /// Answers a request whose method is none of those `allowed` at its path.
    static func refuseMethod(allowed: [String], _ dialect: Dialect, requestID: String, to response: ResponseWriter) {
        var fields = HTTPFields()
        fields.append("Allow", list(allowed))
        send(methodNotAllowed, dialect, requestID: requestID, fields: fields, to: response)
    }

    /// A door's methods as fields list them.
    static func list(_ methods: [String]) -> String {
        methods.flatMap { $0 == "GET" ? ["GET", "HEAD"] : [$0] }.joined(separator: ", ")
    }

    /// A failure's body.
    package static func body(_ failure: ChatFailure, _ dialect: Dialect, _ requestID: String) -> [UInt8] {
        var buffer = ByteBuffer()
        dialect.codec.writeError(failure, requestID: requestID, into: &buffer)
        return buffer.storage
    }

    /// The dialect that a client speaks who asks for a target, whether or not there is a door.
    package static func dialect(of target: String) -> Dialect {
        if target.hasPrefix("/v1/messages") { return .anthropic }
        if target.hasPrefix("/v1/responses") { return .openAIResponses }
        if target.hasPrefix("/v1beta/") { return .gemini }
        let isMethod = target.contains(":generateContent") || target.contains(":streamGenerateContent")
        return isMethod ? .gemini : .openAIChat
    }

    /// The failure of a request whose bytes break the rules of HTTP or of this server.
    package static func failure(of violation: FramingViolation) -> ChatFailure {
        ChatFailure(
            status: violation.status, message: violation.message, type: "invalid_request_error",
            code: violation.rawValue)
    }

    /// There is nothing at the path.
    package static let notFound = ChatFailure(
        status: 404, message: "There is nothing at this path.", type: "invalid_request_error", code: "not_found")

    /// The path is there, but not for the method.
    package static let methodNotAllowed = ChatFailure(
        status: 405, message: "This path does not take this method.", type: "invalid_request_error",
        code: "method_not_allowed")

    /// No key was given.
    package static let missingKey = ChatFailure(
        status: 401,
        message: "No API key was given: send it as 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'x-goog-api-key: KEY'.",
        type: "invalid_request_error", code: "missing_api_key")

    /// The key is not known.
    package static let wrongKey = ChatFailure(
        status: 401, message: "The API key is not valid.", type: "invalid_request_error", code: "invalid_api_key")

    /// The key may be one that is stored, and what is stored cannot be read yet.
    package static let keysUnavailable = ChatFailure(
        status: 503, message: "Keys cannot be looked up yet; try again soon.", type: "server_error", code: "keys_unavailable")

    /// The body is compressed.
    package static let compressed = ChatFailure(
        status: 415, message: "Send the body as it is, without Content-Encoding.", type: "invalid_request_error",
        code: "unsupported_content_encoding")

    /// What is stored cannot be reached.
    package static let storageUnavailable = ChatFailure(
        status: 503, message: "The database cannot be reached; try again later.", type: "server_error",
        code: "storage_unavailable", retryAfter: 1)

    /// The request could not be recorded, and has to be.
    package static let auditUnavailable = ChatFailure(
        status: 503, message: "The gateway cannot record requests at the moment; try again later.", type: "server_error",
        code: "audit_unavailable", retryAfter: 1)

    /// The path names no provider that requests can be handed on to.
    package static let unknownProvider = ChatFailure(
        status: 404, message: "There is no provider of this name to hand requests on to.", type: "invalid_request_error",
        code: "provider_not_found")

    /// The key is held to models, or to an amount of money.
    package static let proxyNotAllowed = ChatFailure(
        status: 403,
        message: "This key is limited to models, tokens or money, which cannot be checked in what is handed on.",
        type: "permission_error", code: "proxy_not_allowed")

    /// The path could lead out of the provider's base URL.
    package static let climbingPath = ChatFailure(
        status: 400, message: "A path that is handed on may not have '..' in it, however it is spelled.",
        type: "invalid_request_error", code: "path_not_allowed")

    /// HEAD came with a body.
    package static let bodyOfHead = ChatFailure(
        status: 400, message: "A HEAD request takes no body.", type: "invalid_request_error", code: "unexpected_body")

    /// The connection is to become another protocol's.
    package static let upgrade = ChatFailure(
        status: 501, message: "WebSockets are not handed on: ask without 'Upgrade'.", type: "invalid_request_error",
        code: "upgrade_not_supported")

    /// The process is going down.
    package static let draining = ChatFailure(
        status: 503, message: "The gateway is shutting down.", type: "server_error", code: "server_shutting_down")
}
