// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import HTTPClient

/// What a failure of an upstream implies for routing; the text for the client is beside the point here.
package enum FailureClass: String, Sendable {
    /// The gateway's own credentials were refused: another provider may do.
    case credential
    /// Too many requests for now: wait, or another deployment.
    case rateLimit
    /// The account is used up: waiting does not help.
    case quota
    /// The provider does not know the model.
    case modelGone
    /// The request itself is at fault: no other provider will take it.
    case callerFault
    /// The provider's dialect cannot say the request, or it has no such thing: another provider may.
    case unfit
    /// The provider or the way to it failed: trying again may help.
    case transient
    /// The provider did not answer in time.
    case timeout
}

/// A failure of an upstream: what routing makes of it, and what a client is told.
package struct UpstreamFailure: Error, Equatable, Sendable {
    /// What it implies for routing.
    package var failureClass: FailureClass
    /// What the client is told, with the status it is worth.
    package var failure: ChatFailure
    /// Upstream's Retry-After, as it came: seconds or an HTTP date.
    package var retryAfter: String?
    /// Set when the provider refused the form of the answer that was asked for, and would take the other.
    package var streamRefusal: StreamRefusal?

    package init(_ failureClass: FailureClass, _ failure: ChatFailure, retryAfter: String? = nil) {
        self.failureClass = failureClass
        self.failure = failure
        self.retryAfter = retryAfter
    }

    /// The failure of a transfer that brought no whole answer.
    package init(_ error: TransferError, provider: String) {
        let told: (FailureClass, Int, String, String) =
            switch error {
            case .unresolved: (.transient, 502, "upstream_unreachable", "its host name could not be resolved")
            case .unreachable: (.transient, 502, "upstream_unreachable", "it refused the connection")
            case .insecure(let reason): (.transient, 502, "upstream_insecure", "no secure connection: \(reason)")
            case .connectTimeout: (.timeout, 504, "upstream_timeout", "it could not be connected to in time")
            case .firstByteTimeout: (.timeout, 504, "upstream_timeout", "it did not answer in time")
            case .sendTimeout: (.timeout, 504, "upstream_timeout", "it did not take the request in time")
            case .idleTimeout: (.timeout, 504, "upstream_timeout", "it fell silent in the middle of its answer")
            case .closed: (.transient, 502, "upstream_closed", "it closed the connection before answering")
            case .truncated: (.transient, 502, "upstream_truncated", "its answer broke off")
            case .invalid: (.transient, 502, "upstream_invalid", "its answer was not understood")
            case .failed(let code): (.transient, 502, "upstream_failed", "the transfer failed (\(code))")
            }
        self.init(
            told.0,
            ChatFailure(
                status: told.1, message: "The provider '\(provider)' failed: \(told.3).", type: "upstream_error",
                code: told.2))
    }

    /// The failure that an answer with an error status tells; `failure` is what its body said.
    init(status: Int, failure: ChatFailure, retryAfter: String?, provider: String) {
        var told = failure
        let failureClass: FailureClass
        switch status {
        case 401, 403:
            // The gateway's own key: not the client's fault, and nothing that the client can mend.
            failureClass = .credential
            told = ChatFailure(
                status: 502, message: "The provider '\(provider)' refused the gateway's credentials.",
                type: "upstream_error", code: "upstream_auth")
        case 404:
            failureClass = .modelGone
        case 402:
            failureClass = .quota
        case 429:
            failureClass = usedUp.contains(failure.code ?? "") ? .quota : .rateLimit
            told.type = failure.type ?? "rate_limit_error"
        case 408, 504:
            failureClass = .timeout
            told.status = 504
        case 400, 409, 413, 422: failureClass = .callerFault
        case 400..<500:
            failureClass = .callerFault
            told.status = 400
        case 500, 503, 529:
            failureClass = .transient
            told.status = status == 529 ? 503 : status
        default:
            failureClass = .transient
            told.status = 502
        }
        self.init(failureClass, told, retryAfter: retryAfter ?? failure.retryAfter.map { String($0) })
    }
}

/// The codes by which vendors say that an account is used up, which they tell with the status of a limit too: OpenAI's, then GLM's.
private let usedUp: Set<String> = [
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "usage_limit_reached", "QUOTA_EXHAUSTED",
    "1113", "1304", "1308", "1309", "1310",
]

/// How a provider refused the form of the answer that it was asked for.
package enum StreamRefusal: Equatable, Sendable {
    /// It does not stream.
    case needsWhole
    /// It does nothing but stream.
    case needsStream

    /// Reads an error: vendors have no code for it, so the words decide.
    init?(_ failure: ChatFailure, status: Int, askedStream: Bool) {
        guard [400, 404, 405, 415, 422, 501].contains(status) else { return nil }
        let text = failure.message.lowercased()
        let isAbout = failure.parameter == "stream" || StreamRefusal.names(text)
        guard isAbout else { return nil }
        if askedStream {
            let words = [
                "not support", "unsupported", "n't support", "not available", "not allowed", "must be false",
                "not implemented", "disabled", "to stream this model",
            ]
            guard failure.parameter == "stream" || words.contains(where: text.contains) else { return nil }
            self = .needsWhole
        } else {
            let words = ["only support", "must be true", "required", "requires", "stream mode", "set stream", "only"]
            guard failure.parameter == "stream" || words.contains(where: text.contains) else { return nil }
            self = .needsStream
        }
    }

    /// Whether a text speaks of streaming, rather than of the options of a stream.
    private static func names(_ text: String) -> Bool {
        var rest = text[...]
        while let found = rest.firstRange(of: "stream") {
            if !rest[found.upperBound...].hasPrefix("_options") { return true }
            rest = rest[found.upperBound...]
        }
        return false
    }
}
