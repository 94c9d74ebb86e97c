// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

/// A body that tells of an error, and what is read of it.
struct ErrorCase: CustomTestStringConvertible, Sendable {
    var name: String
    var body: String
    var message: String
    var type: String?
    var code: String?
    var parameter: String?
    var testDescription: String { name }

    static let none = "The upstream answered with status 418 and no explanation."

    static let all: [ErrorCase] = [
        .init(
            name: "the dialect's", body: #"{"error":{"message":"m\u00fc","type":"t","param":"p","code":"c"}}"#,
            message: "mü", type: "t", code: "c", parameter: "p"),
        .init(name: "a code that is a number", body: #"{"error":{"message":"m","code":429}}"#, message: "m", code: "429"),
        .init(name: "nulls", body: #"{"error":{"message":null,"type":null,"param":null,"code":null}}"#, message: none),
        .init(name: "in an array", body: #"[{"error":{"message":"m","code":400}}]"#, message: "m", code: "400"),
        .init(name: "a text for an error", body: #"{"error":"out of luck"}"#, message: "out of luck"),
        .init(name: "a text beside a message", body: #"{"error":"e","message":"m"}"#, message: "m"),
        .init(name: "a bare message", body: #"{"message":"m","type":"t"}"#, message: "m", type: "t"),
        .init(name: "a detail", body: #"{"detail":"d"}"#, message: "d"),
        .init(name: "a string", body: #""s""#, message: "s"),
        .init(name: "plain text", body: " overloaded\n", message: "overloaded "),
        .init(name: "control characters", body: "a\r\nb\u{1B}[31m", message: "a  b [31m"),
        .init(name: "a web page", body: "<html><body>502</body></html>", message: none),
        .init(name: "nothing", body: "", message: none),
        .init(name: "whitespace", body: " \r\n\t", message: none),
        .init(name: "half an object", body: #"{"error":{"mess"#, message: none),
        .init(name: "a number", body: "{\"error\":5}", message: none),
        .init(name: "an empty array", body: "[]", message: none),
    ]
}

@Suite("Error bodies") struct ErrorBodyTests {
    @Test("of every shape are read", arguments: ErrorCase.all)
    func shapes(_ item: ErrorCase) {
        let failure = OpenAIErrorBody.read(Array(item.body.utf8).span, status: 418)
        #expect(failure.status == 418)
        #expect(failure.message == item.message)
        #expect(failure.type == item.type)
        #expect(failure.code == item.code)
        #expect(failure.parameter == item.parameter)
    }

    @Test("of any size are cut between two characters", arguments: [1, 2, 3], [2 << 20, 6 << 20])
    func cut(offset: Int, size: Int) {
        let text = String(repeating: "x", count: offset) + String(repeating: "é", count: size / 2)
        for body in ["{\"error\":{\"message\":\"\(text)\",\"code\":\"\(text)\"}}", text] {
            let failure = OpenAIErrorBody.read(Array(body.utf8).span, status: 400)
            #expect(failure.message.utf8.count <= OpenAIErrorBody.messageLimit)
            #expect(!failure.message.unicodeScalars.contains("\u{FFFD}"))
            #expect((failure.code?.count ?? 0) <= 128)
        }
        let plain = OpenAIErrorBody.read(Array(text.utf8).span, status: 400)
        #expect(plain.message.utf8.count >= OpenAIErrorBody.messageLimit - 1)
    }

    @Test("nested without end or ill-formed do not trap")
    func hostile() {
        let deep = String(repeating: #"{"error":"#, count: 100) + #""x""# + String(repeating: "}", count: 100)
        #expect(OpenAIErrorBody.read(Array(deep.utf8).span, status: 500).status == 500)
        #expect(OpenAIErrorBody.read([0x61, 0xFF, 0xC3].span, status: 500).message.hasPrefix("a"))
    }

    @Test("written are read back", arguments: [400, 401, 403, 404, 418, 429, 500, 503])
    func writing(status: Int) throws {
        var buffer = ByteBuffer()
        let failure = ChatFailure(status: status, message: "a \"b\"\n", code: "c", parameter: "p")
        OpenAIErrorBody.write(failure, requestID: "req_1", into: &buffer)
        let error = try #require(try JSONValue(parsing: buffer.storage.span)["error"])
        #expect(error["message"] == .string("a \"b\"\n"))
        #expect(error["type"] == .string(OpenAIErrorBody.type(for: status)))
        #expect(error["param"] == .string("p"))
        #expect(error["code"] == .string("c"))
        #expect(error["request_id"] == .string("req_1"))
        let types = [401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 500: "server_error"]
        if let type = types[status] { #expect(error["type"] == .string(type)) }
    }

    @Test("in a stream end it with the status that their code says", arguments: [
        (#"{"error":{"message":"m","code":429}}"#, "", 429, "m"),
        (#"{"error":{"message":"m","code":"503"}}"#, "", 503, "m"),
        (#"{"error":{"message":"m","code":"overloaded"}}"#, "", 503, "m"),
        (#"{"error":{"message":"m","code":200}}"#, "", 502, "m"),
        (#"{"error":"text"}"#, "", 502, "text"),
        (#"{"choices":[{"index":0,"delta":{"content":"x"}}],"error":{"code":502,"message":"m"}}"#, "", 502, "m"),
        ("it broke", "error", 502, "it broke"),
        (#"{"error":{"message":"m","code":"tool_use_failed"}}"#, "error", 400, "m"),
        (#"{"error":{"code":"1302","message":"m"}}"#, "", 429, "m"),
        (#"{"message":"m"}"#, "error", 502, "m"),
        ("", "error", 502, "The upstream answered with status 502 and no explanation."),
    ])
    func inStream(data: String, name: String, status: Int, message: String) {
        var replay = StreamReplay()
        let event = replay.feed(data, named: name)
        #expect(event.isTerminal && !event.isDone)
        #expect(event.deltas.count == 1)
        #expect(replay.accumulator.failure?.status == status)
        #expect(replay.accumulator.failure?.message == message)
        #expect(replay.decoder.ending == .failed)
        // The gateway tells of the failure in its own words; upstream's event is not handed on.
        #expect(replay.output.isEmpty)
        #expect(replay.feed("[DONE]").isAfterEnd)
    }
}
