// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
internal import HTTPSemantics
package import JSON
package import Storage

/// Stored rows as the data doors and the export write them.
package enum AuditJSON {
    /// Appends a row as one line of JSON Lines.
    package static func appendLine(_ row: AuditRow, into buffer: inout ByteBuffer) {
        buffer.appendJSON { json in write(row, withTexts: true, &json) }
        buffer.append(ASCII.lineFeed)
    }

    /// Writes a row, with its long texts if `withTexts`.
    package static func write(_ row: AuditRow, withTexts: Bool, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", row.id)
            json.member("request_id", row.requestID)
            text("stream_id", row.streamID, &json)
            json.member("received_at", InternetDate.text(fromMicroseconds: row.receivedAt))
            json.member("ended_at", InternetDate.text(fromMicroseconds: row.endedAt))
            json.member("door", row.door)
            json.member("client", row.client)
            text("key", row.keyID, &json)
            text("organization", row.organization, &json)
            text("user", row.user, &json)
            json.member("requested_model", row.requestedModel)
            json.member("provider", row.provider)
            json.member("model", row.model)
            json.member("stream", row.isStream)
            json.member("status", row.status)
            json.member("outcome", row.outcome)
            json.member("attempts", row.attempts)
            number("first_token_us", row.firstToken, &json)
            json.member("duration_us", row.duration)
            json.member("events", row.events)
            number("input_tokens", row.inputTokens, &json)
            number("output_tokens", row.outputTokens, &json)
            number("cached_tokens", row.cachedTokens, &json)
            number("cache_written_tokens", row.cacheWrittenTokens, &json)
            number("reasoning_tokens", row.reasoningTokens, &json)
            json.member("estimated", row.isEstimated)
            json.member("cost", row.cost.map { .number(decimal($0)) } ?? .null)
            json.member("request_bytes", row.requestBytes)
            json.member("request_truncated", row.isRequestTruncated)
            json.member("truncated", row.isTruncated)
            text("error", row.error, &json)
            if withTexts { writeTexts(row, &json) }
        }
    }

    private static func writeTexts(_ row: AuditRow, _ json: inout JSONWriter) {
        raw("failed_attempts", row.attemptLog, &json)
        text("request_headers", row.requestHeaders, &json)
        text("request", row.requestText, &json)
        text("response_headers", row.responseHeaders, &json)
        text("response", row.responseText, &json)
        text("reasoning", row.reasoningText, &json)
        raw("tool_calls", row.toolCalls, &json)
    }

    /// Writes the use of a group, with what it is a group of.
    static func write(_ sum: UsageSum, by groups: [UsageGroup], _ json: inout JSONWriter) {
        json.object { json in
            for (group, value) in zip(groups, sum.group) {
                json.key(text: group.rawValue)
                json.string(group == .day ? InternetDate.day(value.integer ?? 0) : value.text ?? "")
            }
            json.member("requests", sum.requests)
            json.member("input_tokens", sum.inputTokens)
            json.member("output_tokens", sum.outputTokens)
            json.member("cached_tokens", sum.cachedTokens)
            json.member("cache_written_tokens", sum.cacheWrittenTokens)
            json.member("reasoning_tokens", sum.reasoningTokens)
            json.member("cost", .number(decimal(sum.cost)))
            json.member("unpriced", sum.unpriced)
            json.member("estimated", sum.estimated)
        }
    }

    /// An amount as a decimal number, exactly.
    static func decimal(_ money: Money) -> String {
        let (whole, rest) = max(0, money.nanos).quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return "\(whole)" }
        var digits = "\(rest)"
        digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    private static func text(_ name: StaticString, _ value: String?, _ json: inout JSONWriter) {
        json.key(name)
        if let value { json.string(value) } else { json.null() }
    }

    private static func number(_ name: StaticString, _ value: Int?, _ json: inout JSONWriter) {
        json.key(name)
        if let value { json.integer(value) } else { json.null() }
    }

    /// What was stored as JSON; it is written anew, as what lies in a database may have been changed by others.
    private static func raw(_ name: StaticString, _ value: String?, _ json: inout JSONWriter) {
        json.key(name)
        guard let value, let parsed = try? JSONValue(parsing: value.utf8.span) else { return json.null() }
        json.value(parsed)
    }
}
