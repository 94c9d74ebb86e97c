// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("OpenAIChatRequest")
struct OpenAIChatRequestTests {
    @Test("classes each body of the catalogue", arguments: RequestBodyCase.syntax + RequestBodyCase.members)
    func catalogue(_ body: RequestBodyCase) {
        do throws(DialectError) {
            _ = try OpenAIChatRequest.decode(body.body.span)
            #expect(body.refusal == nil)
        } catch {
            #expect(error.status == 400)
            #expect(error.parameter == body.refusal?.parameter)
            #expect(error.code == body.refusal?.code)
        }
    }

    /// Every member that has a place in the hub, and some that have none.
    static let whole = #"""
        {"model":"gpt-x","messages":[{"role":"developer","content":"be brief","name":"d"},
        {"role":"user","content":[{"type":"text","text":"a\n\u00e9","prompt_cache_breakpoint":{"mode":"explicit"}},
        {"type":"image_url","image_url":{"url":"https://x/y","detail":"low"}},
        {"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}},
        {"type":"file","file":{"file_id":"f1"}},{"type":"hologram","hologram":{"depth":3}}]},
        {"role":"assistant","content":null,"refusal":"no","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
        {"id":"c2","type":"custom","custom":{"name":"g","input":"x"}}]},
        {"role":"tool","tool_call_id":"c1","content":"done"}],
        "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},
        "strict":true}},{"type":"custom","custom":{"name":"g","format":{"type":"text"}}},{"type":"web_search"}],
        "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
        "temperature":0.70,"top_p":1e-1,"frequency_penalty":-1,"presence_penalty":2,"seed":42,
        "logprobs":true,"top_logprobs":3,"max_completion_tokens":100,"max_tokens":50,"stop":["a","b"],"n":2,
        "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}},
        "reasoning_effort":"high","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},
        "user":"u","metadata":{"k":"v"},"verbosity":"low","logit_bias":{"50256":-100}}
        """#

    @Test("keeps every member on the way through the hub")
    func roundTrip() throws {
        let body = Array(Self.whole.utf8)
        let chat = try OpenAIChatRequest.decode(body.span)
        var encoded = ByteBuffer()
        OpenAIChatRequest.encode(chat, into: &encoded)
        #expect(try OpenAIChatRequest.decode(encoded.bytes) == chat)
        #expect(sorted(try JSONValue(parsing: encoded.bytes)) == sorted(try JSONValue(parsing: body.span)))
    }

    @Test("reads what the services ask of a request")
    func meaning() throws {
        let chat = try OpenAIChatRequest.decode(Array(Self.whole.utf8).span)
        #expect(chat.model == "gpt-x")
        #expect(chat.streams)
        #expect(chat.includesUsage)
        #expect(chat.lastUserText == "a\né")
        #expect(chat.outputLimit == OutputLimit(tokens: 100, countsReasoning: true))
        #expect(chat.sampling.temperature == "0.70")
        #expect(chat.toolChoice == .function(name: "f"))
        #expect(chat.messages[2].toolCalls.map(\.name) == ["f", "g"])
    }

    /// Members of one object have no order, so they are compared in the order of their names.
    private func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(members.map { .init($0.key, sorted($0.value)) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }

    static let known = [
        "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "seed",
        "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "max_tokens", "stop", "n",
        "max_completion_tokens", "response_format", "reasoning_effort", "stream", "stream_options", "user",
        "metadata",
    ]
    static let values = [
        "null", "true", "-1", "0", "1e9", "1e308", "9007199254740993", #""""#, #""x""#, "[]", "{}", "[null]",
        "[{}]",
        String(repeating: "[", count: 50) + String(repeating: "]", count: 50), #"{"type":"function"}"#,
        #"{"type":5}"#,
    ]

    @Test("refuses a value by the member's name or hands it on unchanged", arguments: known, values)
    func fieldByValue(name: String, value: String) {
        let others = [#""model":"m""#, #""messages":[{"role":"user","content":"hi"}]"#].filter {
            !$0.hasPrefix("\"\(name)\"")
        }
        let text = "{" + (others + ["\"\(name)\": \(value)"]).joined(separator: ",") + "}"
        let body = Array(text.utf8)
        do throws(DialectError) {
            let request = try OpenAIChatRequest(decoding: body.span)
            guard name != "stream", name != "model" else { return }
            var output = ByteBuffer()
            request.writePassthrough(body.span, model: "m", into: &output)
            #expect(output.text == text)
        } catch {
            #expect(error.status == 400)
            #expect(error.parameter?.hasPrefix(name) == true)
        }
    }
}

@Suite("Passthrough of requests")
struct RequestPassthroughTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String, body: String, expected: String
        var testDescription: String { name }
    }

    private static let messages = #""messages":[{"role":"user","content":"hi \u263a model"}]"#

    static let cases = [
        Case(
            name: "a unary request changes in its model alone",
            body: #" {"seed" : 1.0e1,"model" : "a" , "# + messages + "\n}\n",
            expected: #" {"seed" : 1.0e1,"model" : "up\"1" , "# + messages + "\n}\n"),
        Case(
            name: "a stream that asks for no usage asks for it",
            body: #"{"model":"a","stream":true,"# + messages + " }",
            expected: #"{"model":"up\"1","stream":true,"# + messages
                + #","stream_options":{"include_usage":true} }"#),
        Case(
            name: "options that are null are replaced",
            body: #"{"stream_options": null ,"model":"a","stream":true,"# + messages + "}",
            expected: #"{"stream_options": {"include_usage":true} ,"model":"up\"1","stream":true,"# + messages
                + "}"),
        Case(
            name: "empty options are filled",
            body: #"{"model":"a","stream":true,"stream_options":{ },"# + messages + "}",
            expected: #"{"model":"up\"1","stream":true,"stream_options":{"include_usage":true },"# + messages
                + "}"),
        Case(
            name: "other options stay",
            body: #"{"model":"a","stream":true,"stream_options":{"include_obfuscation":false},"# + messages
                + "}",
            expected:
                #"{"model":"up\"1","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":"#
                + "false}," + messages + "}"),
        Case(
            name: "a refusal of usage is turned",
            body: #"{"model":"a","stream":true,"stream_options":{"x":{},"include_usage" : false},"# + messages
                + "}",
            expected: #"{"model":"up\"1","stream":true,"stream_options":{"x":{},"include_usage" : true},"#
                + messages + "}"),
        Case(
            name: "a stream that asks for usage changes in its model alone",
            body: #"{"model":"a","stream":true,"stream_options":{"include_usage":true},"# + messages + "}",
            expected: #"{"model":"up\"1","stream":true,"stream_options":{"include_usage":true},"# + messages
                + "}"),
        Case(
            name: "a name given by escape is found",
            body: #"{"\u006dodel":"a","# + messages + "}",
            expected: #"{"\u006dodel":"up\"1","# + messages + "}"),
    ]

    @Test("changes the model and the report of usage, and no other byte", arguments: cases)
    func edits(_ item: Case) throws {
        let body = Array(item.body.utf8)
        var output = ByteBuffer()
        try OpenAIChatRequest(decoding: body.span).writePassthrough(body.span, model: "up\"1", into: &output)
        #expect(output.text == item.expected)
    }
}
