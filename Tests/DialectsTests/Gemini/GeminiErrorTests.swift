// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Testing

@testable import Dialects

@Suite("Google's errors") struct GeminiErrorTests {
    func read(_ body: String, status: Int = 429) -> ChatFailure {
        let bytes = Array(body.utf8)
        return GeminiCodec().readError(bytes.span, status: status)
    }

    @Test("status, reason, wait and field are read, also from a list", arguments: [true, false])
    func details(isList: Bool) {
        let prefix = "type.googleapis.com/google.rpc."
        let body = #"""
            {"error":{"code":429,"message":"Slow down","status":"RESOURCE_EXHAUSTED","details":[
            {"@type":"\#(prefix)ErrorInfo","reason":"RATE_LIMIT_EXCEEDED"},{"@type":"\#(prefix)RetryInfo","retryDelay":"3.9s"},
            {"@type":"\#(prefix)BadRequest","fieldViolations":[{"field":"contents[0]"}]},5,{"@type":"other"}]}}
            """#
        let failure = read(isList ? "[\(body)]" : body)
        #expect(
            failure
                == ChatFailure(
                    status: 429, message: "Slow down", type: "RESOURCE_EXHAUSTED",
                    code: "RATE_LIMIT_EXCEEDED",
                    parameter: "contents[0]", retryAfter: 4))
    }

    @Test(
        "anything else is an error too",
        arguments: ["", "<html>", "{", "[]", "{}", "5", "null", #"{"error":"x"}"#])
    func others(body: String) {
        #expect(read(body, status: 500).status == 500)
        #expect(!read(body, status: 500).message.isEmpty)
    }

    @Test(
        "statuses are Google's",
        arguments: [
            (400, 400, "INVALID_ARGUMENT"), (401, 401, "UNAUTHENTICATED"), (403, 403, "PERMISSION_DENIED"),
            (404, 404, "NOT_FOUND"), (408, 504, "DEADLINE_EXCEEDED"), (413, 400, "INVALID_ARGUMENT"),
            (429, 429, "RESOURCE_EXHAUSTED"), (499, 499, "CANCELLED"), (500, 500, "INTERNAL"),
            (502, 503, "UNAVAILABLE"),
            (529, 503, "UNAVAILABLE"), (504, 504, "DEADLINE_EXCEEDED"), (599, 500, "INTERNAL"),
        ])
    func statuses(given: Int, status: Int, name: String) throws {
        let failure = ChatFailure(status: given, message: "m", type: "some_error")
        #expect(
            GeminiCodec().status(of: failure) == status && AntigravityCodec().status(of: failure) == status)
        var body = ByteBuffer()
        GeminiCodec().writeError(failure, requestID: "", into: &body)
        #expect(body.text == #"{"error":{"code":\#(status),"message":"m","status":"\#(name)"}}"#)
        var event = ByteBuffer()
        GeminiCodec().appendFailure(failure, requestID: "", sequence: 3, to: &event)
        #expect(event.text == "data: \(body.text)\n\n")
    }

    @Test("what is written is read again")
    func again() {
        let failure = ChatFailure(
            status: 429, message: "m", type: "RESOURCE_EXHAUSTED", code: "QUOTA", parameter: "p",
            retryAfter: 7)
        var body = ByteBuffer()
        GeminiCodec().writeError(failure, requestID: "q", into: &body)
        #expect(read(body.text) == failure)
    }
}
