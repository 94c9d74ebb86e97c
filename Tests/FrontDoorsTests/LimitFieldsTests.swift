// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import HTTPSemantics
import Storage
import Testing

@testable import FrontDoors

@Suite("LimitFields") struct LimitFieldsTests {
    private let statuses = [
        LimitStatus(kind: .requests, limit: 10, remaining: 3, resetAfter: 60_001),
        LimitStatus(kind: .tokens, limit: 900, remaining: 0, resetAfter: 120),
    ]

    @Test("OpenAI's fields, Anthropic's, and none for Gemini")
    func dialects() {
        let openAI = LimitFields.fields(statuses, .openAIResponses, now: 0)
        #expect(openAI["x-ratelimit-limit-requests"] == "10" && openAI["x-ratelimit-remaining-tokens"] == "0")
        #expect(openAI["x-ratelimit-reset-requests"] == "1m1s" && openAI["x-ratelimit-reset-tokens"] == "120ms")
        let anthropic = LimitFields.fields(statuses, .anthropic, now: 784_111_777)
        #expect(anthropic["anthropic-ratelimit-requests-reset"] == "1994-11-06T08:50:38Z")
        #expect(anthropic["anthropic-ratelimit-tokens-limit"] == "900" && anthropic["x-ratelimit-limit-requests"] == nil)
        #expect(LimitFields.fields(statuses, .gemini, now: 0)["x-ratelimit-limit-requests"] == nil)
    }

    @Test("SDKs do not try again what needs more than a minute")
    func refusals() {
        func fields(_ wait: Int?) -> HTTPFields {
            LimitFields.fields(of: ChatFailure(status: 429, message: "", retryAfter: wait), [], .openAIChat, now: 0)
        }
        #expect(fields(7)["x-should-retry"] == nil)
        #expect(fields(61)["x-should-retry"] == nil, "as long as a window and a tenth, rounded up")
        #expect(fields(3600)["x-should-retry"] == "false")
        #expect(fields(nil)["x-should-retry"] == "false")
        #expect(LimitFields.duration(7_261_000) == "2h1m1s")
    }
}
