// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import Reactor
internal import Storage

/// Header fields that tell a client the state of its limits, in the form that its dialect's SDKs know.
enum LimitFields {
    /// `anthropic-ratelimit-*` with times in RFC 3339, nothing for Gemini, which has none, and `x-ratelimit-*` for all others.
    static func fields(_ statuses: [LimitStatus], _ dialect: Dialect, now: Int) -> HTTPFields {
        var fields = HTTPFields()
        guard dialect != .gemini else { return fields }
        for status in statuses where status.kind == .requests || status.kind == .tokens {
            let kind = status.kind.rawValue
            if dialect == .anthropic {
                let reset = InternetDate.text(fromUnixTime: now + (status.resetAfter + 999) / 1000)
                fields.append("anthropic-ratelimit-\(kind)-limit", String(status.limit))
                fields.append("anthropic-ratelimit-\(kind)-remaining", String(status.remaining))
                fields.append("anthropic-ratelimit-\(kind)-reset", reset)
            } else {
                fields.append("x-ratelimit-limit-\(kind)", String(status.limit))
                fields.append("x-ratelimit-remaining-\(kind)", String(status.remaining))
                fields.append("x-ratelimit-reset-\(kind)", duration(status.resetAfter))
            }
        }
        return fields
    }

    /// Those of a refusal, which says also whether it is no use to come again soon.
    static func fields(
        of failure: ChatFailure, _ statuses: [LimitStatus], _ dialect: Dialect, now: Int
    ) -> HTTPFields {
        var fields = fields(statuses, dialect, now: now)
        // The SDKs of OpenAI and Anthropic would try a few times more.
        // A window is a minute long, and up to a tenth of a second more as it moves by slots.
        let isHopeless = failure.status == 429 && (failure.retryAfter.map { $0 > 61 } ?? true)
        if isHopeless { fields.append("x-should-retry", "false") }
        return fields
    }

    /// A time as OpenAI writes it: `120ms`, `7s`, `6m0s`; seconds are rounded up.
    static func duration(_ milliseconds: Int) -> String {
        guard milliseconds >= 1000 else { return "\(max(0, milliseconds))ms" }
        let seconds = (milliseconds + 999) / 1000
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3600 { return "\(seconds / 60)m\(seconds % 60)s" }
        return "\(seconds / 3600)h\(seconds / 60 % 60)m\(seconds % 60)s"
    }
}
