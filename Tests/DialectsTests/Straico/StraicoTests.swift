// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

@Suite("Straico")
struct StraicoTests {
    private static let plain =
        #"{"id":"g","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":CONTENT},"finish_reason":"end_turn"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#

    @Test(
        "answers are read plain and inside of data, with content as text or as parts",
        arguments: [
            "X", #"{"data":{"completion":X,"price":{"total":1},"words":{"total":9}},"success":true}"#,
            #"{"data":{"overall_price":{},"completions":{"a\/b":{"completion":X}}},"success":true}"#,
        ], [#""a\"é\n""#, #"[{"type":"text","text":"a\""},{"type":"text","text":"é\n"}]"#])
    func answers(frame: String, content: String) throws {
        let inner = Self.plain.replacingOccurrences(of: "CONTENT", with: content)
        let answer = try wholeAnswer(frame.replacingOccurrences(of: "X", with: inner), of: StraicoCodec())
        #expect(answer.choices.map(\.text) == ["a\"é\n"])
        // The reason is that of the vendor behind; words are not tokens.
        #expect(answer.choices.map(\.finish) == [.stop])
        #expect(answer.usage == TokenUsage(input: 2, output: 3))
        // A stream is made of it for a client of any dialect.
        var event = DecodedEvent()
        let body = Array(frame.replacingOccurrences(of: "X", with: inner).utf8)
        try StraicoCodec().decodeWhole(body.span, into: &event)
        var encoder = OpenAIChatCodec().streamEncoder(.plain())
        var output = ByteBuffer()
        encoder.encode(event, from: body.span, into: &output)
        encoder.finish(into: &output)
        #expect(try StreamReplay.replaying([output.storage]).accumulator.text == "a\"é\n")
    }

    @Test("what is no answer is refused, and an error is a failure")
    func none() throws {
        for body in ["", "{}", "[]", #"{"data":{}}"#, #"{"data":{"completion":{}}}"#] {
            #expect(throws: MalformedEvent.self) { try wholeAnswer(body, of: StraicoCodec()) }
        }
        let failure = StraicoCodec().readError(Array(#"{"error":"no coins","success":false}"#.utf8).span, status: 403)
        #expect(failure == ChatFailure(status: 403, message: "no coins"))
    }

    @Test("requests have text objects for all but the assistant, and never ask for a stream")
    func requests() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c","reasoning_content":"r"},{"role":"user","content":"e"}],"temperature":0.20,"max_completion_tokens":9,"stream":true,"stream_options":{"include_usage":true},"top_p":1,"logit_bias":{},"tools":[],"tool_choice":"auto"}"#
        )
        let (body, dropped) = try written(chat, .straico, streams: true, maker: "straico")
        #expect(
            body
                == (try JSONValue(
                    #"{"model":"up","messages":[{"role":"system","content":[{"type":"text","text":"d"}]},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c"},{"role":"user","content":[{"type":"text","text":"e"}]}],"temperature":0.20,"max_tokens":9}"#
                )))
        #expect(dropped == ["top_p", "logit_bias", "messages[2].content[0]"])
    }

    @Test(
        "what would change the answer is refused by name",
        arguments: [
            (#""tools":[{"type":"function","function":{"name":"f"}}]"#, "tools"), (#""stop":["x"]"#, "stop"),
            (#""n":2"#, "n"), (#""response_format":{"type":"json_object"}"#, "response_format"),
            (#""tool_choice":"required""#, "tool_choice"),
        ])
    func refused(member: String, name: String) throws {
        let chat = try request("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"}],\(member)}")
        #expect(throws: DialectError.unsupported(name)) { try written(chat, .straico, maker: "straico") }
    }

    @Test(
        "messages that Straico has no place for are refused by their path",
        arguments: [
            (
                #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}"#,
                "messages[0].content[0]"
            ),
            (#"{"role":"tool","tool_call_id":"c","content":"r"}"#, "messages[0]"),
            (#"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f"}}]}"#, "messages[0].tool_calls"),
        ])
    func messages(message: String, path: String) throws {
        let chat = try request("{\"model\":\"m\",\"messages\":[\(message)]}")
        #expect(throws: DialectError.unsupported(path)) { try written(chat, .straico, maker: "straico") }
    }

    @Test(
        "a client of Straico is told that there are no streams and no tools",
        arguments: [
            (#""stream":true"#, "stream"), (#""tools":[{"type":"function","function":{"name":"f"}}]"#, "tools"),
        ])
    func clients(member: String, name: String) {
        let body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"}],\(member)}"
        let error = #expect(throws: DialectError.self) { try request(body, .straico) }
        #expect(error?.parameter == name)
    }
}
