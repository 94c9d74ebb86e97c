// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// The account of one request, as it is stored. Times are in microseconds.
package struct AuditRow: Sendable, Equatable {
    /// 128 random bits: `audit_` and hexadecimal digits.
    package var id = ""
    package var requestID = ""
    /// The stream that answered; `nil` when nobody was asked.
    package var streamID: String?
    /// When the request's head was complete, since 1970.
    package var receivedAt: Int64 = 0
    /// When it was over, since 1970.
    package var endedAt: Int64 = 0
    package var door = ""
    /// A masked key, or an address.
    package var client = ""
    package var keyID: String?
    package var organization: String?
    package var user: String?
    /// The model as the client named it.
    package var requestedModel = ""
    package var provider = ""
    /// The model as the provider calls it.
    package var model = ""
    package var isStream = false
    package var status = 0
    package var outcome = ""
    package var attempts = 0
    /// Who was asked in vain: a JSON array of `{"provider","model","error"}`.
    package var attemptLog: String?
    /// From the head to the first token.
    package var firstToken: Int?
    /// From the head to the end.
    package var duration = 0
    package var events = 0
    package var inputTokens: Int?
    package var outputTokens: Int?
    package var cachedTokens: Int?
    package var cacheWrittenTokens: Int?
    package var reasoningTokens: Int?
    /// Whether some of the counts were estimated here.
    package var isEstimated = false
    /// `nil` when the model has no price.
    package var cost: Money?
    /// A line for each header field, credentials taken out.
    package var requestHeaders: String?
    /// The same of the head of upstream's answer.
    package var responseHeaders: String?
    package var requestText: String?
    /// Bytes of the request's body, kept or not.
    package var requestBytes = 0
    /// Whether not all of the request's body was kept.
    package var isRequestTruncated = false
    package var responseText: String?
    package var reasoningText: String?
    /// A JSON array of `{"choice","id","name","arguments"}` or, of a custom tool, `{"choice","id","name","input"}`.
    package var toolCalls: String?
    /// Whether not all of the answer was kept.
    package var isTruncated = false
    /// What went wrong.
    package var error: String?
    /// Whether a provider answered. The use of others is summed without a model, as clients can make up as many as they like.
    package var isAnswered = false

    package init() {}

    /// The day on which the request came, counted from 1970 in UTC.
    package var day: Int64 { AuditRow.day(of: receivedAt) }

    /// The day of a time, counted from 1970 in UTC.
    package static func day(of microseconds: Int64) -> Int64 {
        let (days, rest) = microseconds.quotientAndRemainder(dividingBy: 86_400_000_000)
        return rest < 0 ? days - 1 : days
    }

    /// More than that no row may have, or it could not be read again: what is no UTF-8 grows threefold when it becomes text.
    package static let longest = 48 << 20

    /// About how much memory it takes while it waits.
    package var byteCount: Int {
        let texts = [requestHeaders, responseHeaders, requestText, responseText, reasoningText, toolCalls, error, attemptLog]
        return texts.reduce(600) { $0 &+ ($1?.utf8.count ?? 0) }
    }

    /// Lets go of what is long, and says so.
    package mutating func dropTexts() {
        isTruncated = isTruncated || responseText != nil || reasoningText != nil || toolCalls != nil
        isRequestTruncated = isRequestTruncated || requestText != nil
        (requestText, responseText, reasoningText, toolCalls) = (nil, nil, nil, nil)
        (requestHeaders, responseHeaders) = (nil, nil)
    }
}

extension AuditRow {
    /// The columns without the long texts, in the order of `values`.
    static let briefColumns = """
        id, request_id, stream_id, received_at, ended_at, door, client, key_id, organization, user_id, requested_model, provider, \
        model, is_stream, status, outcome, attempts, first_token_us, duration_us, events, input_tokens, output_tokens, \
        cached_tokens, cache_written_tokens, reasoning_tokens, is_estimated, cost_nanos, request_bytes, is_request_truncated, \
        is_truncated, error
        """
    /// The columns of the long texts, which follow.
    static let textColumns = """
        attempt_log, request_headers, request_text, response_text, reasoning_text, tool_calls, response_headers
        """
    static let briefCount = 31
    static let textCount = 7

    /// The values of all columns, brief ones first.
    var values: [SQLValue] {
        [
            .text(id), .text(requestID), .optional(streamID), .integer(receivedAt), .integer(endedAt), .text(door),
            .text(client), .optional(keyID), .optional(organization), .optional(user), .text(requestedModel),
            .text(provider), .text(model), .integer(isStream ? 1 : 0), .integer(Int64(status)), .text(outcome),
            .integer(Int64(attempts)), .optional(firstToken), .integer(Int64(duration)), .integer(Int64(events)),
            .optional(inputTokens), .optional(outputTokens), .optional(cachedTokens), .optional(cacheWrittenTokens),
            .optional(reasoningTokens), .integer(isEstimated ? 1 : 0), cost.map { .integer($0.nanos) } ?? .null,
            .integer(Int64(requestBytes)), .integer(isRequestTruncated ? 1 : 0), .integer(isTruncated ? 1 : 0),
            .optional(error),
            .optional(attemptLog), .optional(requestHeaders), .optional(requestText), .optional(responseText),
            .optional(reasoningText), .optional(toolCalls), .optional(responseHeaders),
        ]
    }

    /// The row whose columns were read: the brief ones, and the texts if they are there.
    init?(_ values: [SQLValue]) {
        guard values.count == AuditRow.briefCount || values.count == AuditRow.briefCount + AuditRow.textCount,
            let id = values[0].text
        else { return nil }
        self.id = id
        requestID = values[1].text ?? ""
        streamID = values[2].text
        receivedAt = Int64(values[3].integer ?? 0)
        endedAt = Int64(values[4].integer ?? 0)
        door = values[5].text ?? ""
        client = values[6].text ?? ""
        (keyID, organization, user) = (values[7].text, values[8].text, values[9].text)
        requestedModel = values[10].text ?? ""
        (provider, model) = (values[11].text ?? "", values[12].text ?? "")
        isStream = values[13].integer == 1
        status = values[14].integer ?? 0
        outcome = values[15].text ?? ""
        attempts = values[16].integer ?? 0
        firstToken = values[17].integer
        duration = values[18].integer ?? 0
        events = values[19].integer ?? 0
        (inputTokens, outputTokens) = (values[20].integer, values[21].integer)
        (cachedTokens, cacheWrittenTokens, reasoningTokens) = (values[22].integer, values[23].integer, values[24].integer)
        isEstimated = values[25].integer == 1
        cost = values[26].integer.map { Money(nanos: Int64($0)) }
        requestBytes = values[27].integer ?? 0
        isRequestTruncated = values[28].integer == 1
        isTruncated = values[29].integer == 1
        error = values[30].text
        guard values.count > AuditRow.briefCount else { return }
        (attemptLog, requestHeaders, requestText) = (values[31].text, values[32].text, values[33].text)
        (responseText, reasoningText, toolCalls) = (values[34].text, values[35].text, values[36].text)
        responseHeaders = values[37].text
    }
}
