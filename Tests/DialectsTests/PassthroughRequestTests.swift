// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Testing

@testable import Dialects

/// What a passthrough makes of a body for the model `up/stream`.
struct RewriteCase: CustomTestStringConvertible, Sendable {
    var name: String
    var body: String
    var expected: String
    var testDescription: String { name }

    static let message = #""messages" : [ {"role":"user","content":"h\u00e9"} ]"#

    static let all: [RewriteCase] = [
        .init(
            name: "the model alone when no stream is asked for",
            body: "{ \"model\" : \"m\",\n \(message), \"temperature\":0.70, \"x\":1E+2 } \n",
            expected: "{ \"model\" : \"up/stream\",\n \(message), \"temperature\":0.70, \"x\":1E+2 } \n"),
        .init(
            name: "usage is not forced upon a whole answer",
            body: "{\"model\":\"m\",\(message),\"stream\":false,\"stream_options\":null}",
            expected: "{\"model\":\"up/stream\",\(message),\"stream\":false,\"stream_options\":null}"),
        .init(
            name: "a stream gets its options behind the last member",
            body: "{\(message),\"stream\":true,\"model\":\"m\" }",
            expected: "{\(message),\"stream\":true,\"model\":\"up/stream\",\"stream_options\":{\"include_usage\":true} }"),
        .init(
            name: "options that ask for usage stay",
            body: "{\"model\":\"m\",\"stream_options\":{ \"include_usage\" : true },\"stream\":true,\(message)}",
            expected: "{\"model\":\"up/stream\",\"stream_options\":{ \"include_usage\" : true },\"stream\":true,\(message)}"),
        .init(
            name: "options that decline usage ask for it",
            body: "{\"stream_options\":{\"include_usage\" : false , \"z\":1},\"model\":\"m\",\"stream\":true,\(message)}",
            expected:
                "{\"stream_options\":{\"include_usage\" : true , \"z\":1},\"model\":\"up/stream\",\"stream\":true,\(message)}"),
        .init(
            name: "other options are kept",
            body: "{\"stream_options\":{\"include_obfuscation\":false},\"model\":\"m\",\"stream\":true,\(message)}",
            expected:
                "{\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false},\"model\":\"up/stream\",\"stream\":true,\(message)}"
        ),
        .init(
            name: "empty options are filled",
            body: "{\"stream_options\":{},\"model\":\"m\",\"stream\":true,\(message)}",
            expected: "{\"stream_options\":{\"include_usage\":true},\"model\":\"up/stream\",\"stream\":true,\(message)}"),
        .init(
            name: "options that are null are replaced",
            body: "{\"stream_options\":null,\"model\":\"m\",\"stream\":true,\(message)}",
            expected: "{\"stream_options\":{\"include_usage\":true},\"model\":\"up/stream\",\"stream\":true,\(message)}"),
        .init(
            name: "names written with escapes are found",
            body: "{\"stream\\u005foptions\":{\"include\\u005fusage\":null},\"\\u006dodel\":\"m\",\"stream\":true,\(message)}",
            expected:
                "{\"stream\\u005foptions\":{\"include\\u005fusage\":true},\"\\u006dodel\":\"up/stream\",\"stream\":true,\(message)}"
        ),
    ]
}

@Suite("Passthrough of a request") struct PassthroughRequestTests {
    @Test("changes the model and the usage option, and no other byte", arguments: RewriteCase.all)
    func rewrite(_ item: RewriteCase) throws {
        let body = Array(item.body.utf8)
        let request = try OpenAIChatRequest(decoding: body.span)
        var buffer = ByteBuffer()
        request.writePassthrough(body.span, model: "up/stream", into: &buffer)
        #expect(buffer.text == item.expected)
        // What went out can be read again, and says the same of everything else.
        let again = try OpenAIChatRequest.decode(buffer.storage.span)
        #expect(again.model == "up/stream")
        #expect(again.messages == request.chat.messages)
        #expect(again.includesUsage || !again.streams)
    }

    @Test("through the hub says what the client said")
    func encode() throws {
        let body = """
            {"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"},
            {"type":"image_url","image_url":{"url":"data:,x","detail":"low"}},{"type":"odd","k":[1]}],"name":"n"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f",
            "arguments":"{\\"a\\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}],
            "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"strict":true}}],
            "tool_choice":{"type":"function","function":{"name":"f"}},"temperature":0.70,"seed":7,"n":2,"stop":["a","b"],
            "max_tokens":5,"max_completion_tokens":9,"response_format":{"type":"json_object"},"stream":true,
            "stream_options":{"include_usage":true,"include_obfuscation":false},"user":"u","metadata":{"k":"v"},
            "logit_bias":{"5":-1}}
            """
        let chat = try OpenAIChatRequest.decode(Array(body.utf8).span)
        #expect(chat.outputLimit == OutputLimit(tokens: 9, countsReasoning: true))
        #expect(chat.sampling.temperature == "0.70")
        #expect(chat.lastUserText == "t")
        var buffer = ByteBuffer()
        OpenAIChatRequest.encode(chat, into: &buffer)
        let again = try OpenAIChatRequest.decode(buffer.storage.span)
        var (first, second) = (chat, again)
        // Members without a place of their own may change their order.
        first.extras.sort { $0.key < $1.key }
        second.extras.sort { $0.key < $1.key }
        #expect(first == second)
    }
}
