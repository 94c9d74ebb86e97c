// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Storage

/// What callers are told who are over a limit.
enum LimitRefusal {
    /// The failure for a limit of a kind. Rates are `rate_limit_exceeded`, budgets `insufficient_quota`, both 429 as at OpenAI.
    static func failure(_ kind: LimitKind, scope: String, retryAfter wait: Int?, _ claim: LimitClaim) -> ChatFailure {
        let whose = scope.hasPrefix("org:") ? "the organisation's" : "the key's"
        var failure = ChatFailure(status: 429, message: "", type: "requests", code: "rate_limit_exceeded")
        switch kind {
        case .requests: failure.message = "Too many requests: \(whose) limit of requests per minute is reached."
        case .concurrent: failure.message = "Too many requests at once: \(whose) limit of concurrent requests is reached."
        case .tokens:
            failure.type = "tokens"
            failure.message = "Too many tokens: \(whose) limit of tokens per minute has no room for this request"
        case .tokenBudget:
            failure.type = "insufficient_quota"
            failure.code = "insufficient_quota"
            failure.message = "\(whose.capitalizedFirst) budget of tokens has no room for this request"
        case .moneyBudget:
            failure.type = "insufficient_quota"
            failure.code = "insufficient_quota"
            failure.message = "\(whose.capitalizedFirst) budget of money has no room for this request"
        }
        if kind != .requests, kind != .concurrent {
            failure.message += ", which may use \(claim.tokens) tokens."
            if wait == nil { failure.message += " That is more than the limit itself: ask for fewer by max_tokens." }
        }
        failure.retryAfter = wait.map { (max(1, $0) &+ 999) / 1000 }
        return failure
    }

    /// A model without a price, for a caller whose money is limited.
    static func unpriced(_ model: String) -> ChatFailure {
        ChatFailure(
            status: 403,
            message: "The model '\(model.prefix(256))' has no price, so that it cannot be charged to this key's budget of money.",
            type: "permission_error", code: "model_unpriced", parameter: "model")
    }

    /// Nobody knows what has been used.
    static let unavailable = ChatFailure(
        status: 503, message: "The limits of this key cannot be checked at the moment.", type: "server_error",
        code: "limits_unavailable", retryAfter: 1)
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
