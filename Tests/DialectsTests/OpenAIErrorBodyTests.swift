// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("OpenAIErrorBody")
struct OpenAIErrorBodyTests {
    private func read(_ body: String, status: Int = 500) -> ChatFailure {
        OpenAIErrorBody.read(Array(body.utf8).span, status: status)
    }

    @Test(
        "reads an upstream's error whatever its shape",
        arguments: [
            (
                #"{"error":{"message":"m\u00fc","type":"t","param":"p","code":"c"}}"#,
                ChatFailure(status: 400, message: "mü", type: "t", code: "c", parameter: "p")
            ),
            (
                #"{"error":{"message":"m","type":null,"param":null,"code":429}}"#,
                ChatFailure(status: 400, message: "m", code: "429")
            ),
            (#"[{"error":{"message":"m","code":400}}]"#, ChatFailure(status: 400, message: "m", code: "400")),
            (#"{"error":"m"}"#, ChatFailure(status: 400, message: "m")),
            (#"{"message":"m","type":"t"}"#, ChatFailure(status: 400, message: "m", type: "t")),
            (#"{"error":"Bad Request","message":"m"}"#, ChatFailure(status: 400, message: "m")),
            (#"{"detail":"m"}"#, ChatFailure(status: 400, message: "m")),
            (#""m""#, ChatFailure(status: 400, message: "m")),
            ("  m\u{1B}[31m\r\nlevel=error", ChatFailure(status: 400, message: "m [31m  level=error")),
        ])
    func shapes(body: String, expected: ChatFailure) {
        #expect(read(body, status: 400) == expected)
    }

    @Test(
        "explains what upstream did not",
        arguments: [
            "", " \n", "<html><body>502 Bad Gateway</body></html>", "{", "{}", "[]", "null", #"{"error":{}}"#,
            #"{"error":null}"#,
            #"{"error":{"message":""}}"#, #"{"error":{"message":null,"type":null,"param":null,"code":null}}"#,
            #"{"error":{"mess"#, #"{"error":5}"#, " \r\n\t",
        ])
    func unexplained(body: String) {
        #expect(read(body).message == "The upstream answered with status 500 and no explanation.")
    }

    @Test("cuts a message between two characters", arguments: ["x", "é", "☃", "😀"], [0, 1])
    func cut(character: String, offset: Int) {
        let text =
            String(repeating: "x", count: offset)
            + String(repeating: character, count: (2 << 20) / character.utf8.count)
        for body in [text, #"{"error":{"message":"\#(text)"}}"#] {
            let message = read(body).message
            #expect(message.utf8.count <= OpenAIErrorBody.messageLimit)
            #expect(message.utf8.count > OpenAIErrorBody.messageLimit - 4)
            let isPrefix = text.hasPrefix(message)
            #expect(isPrefix)
        }
    }

    @Test("bounds what it keeps of a body of any size", arguments: [1, 2, 3], [1 << 10, 2 << 20, 6 << 20])
    func bounds(offset: Int, size: Int) {
        let text = String(repeating: "x", count: offset) + String(repeating: "é", count: size / 2)
        let failure = read(#"{"error":{"message":"\#(text)","code":"\#(text)"}}"#)
        #expect(failure.message.utf8.count <= OpenAIErrorBody.messageLimit)
        #expect(!failure.message.unicodeScalars.contains("\u{FFFD}"))
        #expect((failure.code?.count ?? 0) <= 128)
    }

    @Test("takes bytes that are no text, and what is nested without end")
    func hostile() {
        let body: [UInt8] = [0xFF, 0x00, 0x41, 0xC3]
        #expect(OpenAIErrorBody.read(body.span, status: 500).message.contains("A"))
        let deep = String(repeating: #"{"error":"#, count: 100) + #""x""# + String(repeating: "}", count: 100)
        #expect(read(deep, status: 500).status == 500)
    }

    @Test("writes a body that it reads again")
    func roundTrip() {
        let failure = ChatFailure(
            status: 404, message: "no \"x\"\n☃", type: "t", code: "model_not_found", parameter: "model")
        var buffer = ByteBuffer()
        OpenAIErrorBody.write(failure, requestID: "req_1", into: &buffer)
        var expected = failure
        expected.message = "no \"x\" ☃"
        #expect(OpenAIErrorBody.read(buffer.bytes, status: 404) == expected)
        #expect(buffer.text.contains("req_1"))
    }

    @Test(
        "names the type that a status has",
        arguments: [
            (400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
            (404, "not_found_error"), (413, "invalid_request_error"), (429, "rate_limit_error"),
            (500, "server_error"),
            (502, "server_error"), (503, "service_unavailable_error"), (504, "server_error"),
        ])
    func types(status: Int, expected: String) {
        #expect(OpenAIErrorBody.type(for: status) == expected)
    }
}
