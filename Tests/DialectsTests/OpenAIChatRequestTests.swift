// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("OpenAIChatRequest")
struct OpenAIChatRequestTests {
    @Test(
        "classes each body of the catalogue",
        arguments: RequestBodyCase.syntax + RequestBodyCase.members + RequestBodyCase.names)
    func catalogue(_ body: RequestBodyCase) {
        do throws(DialectError) {
            _ = try OpenAIChatRequest.decode(body.body.span)
            #expect(body.refusal == nil)
        } catch {
            #expect(error.status == 400)
            #expect(error.parameter == body.refusal?.parameter)
            #expect(error.code == body.refusal?.code)
            #expect(!error.message.isEmpty && error.message.utf8.count < 300)
        }
    }

    /// Every member that has a place in the hub, and some that have none.
    static let whole = #"""
        {"model":"gpt-x","messages":[{"role":"developer","content":"be brief","name":"d"},
        {"role":"user","content":[{"type":"text","text":"a\n\u00e9",
        "prompt_cache_breakpoint":{"mode":"explicit"}},
        {"type":"image_url","image_url":{"url":"https://x/y","detail":"low"}},
        {"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}},
        {"type":"file","file":{"file_id":"f1"}},{"type":"hologram","hologram":{"depth":3}}]},
        {"role":"assistant","content":null,"refusal":"no","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
        {"id":"c2","type":"custom","custom":{"name":"g","input":"x"}}]},
        {"role":"tool","tool_call_id":"c1","content":"done"}],
        "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},
        "strict":true}},{"type":"custom","custom":{"name":"g","format":{"type":"text"}}},
        {"type":"web_search"}],
        "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
        "temperature":0.70,"top_p":1e-1,"frequency_penalty":-1,"presence_penalty":2,"seed":42,
        "logprobs":true,"top_logprobs":3,"max_completion_tokens":100,"max_tokens":50,"stop":["a","b"],"n":2,
        "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}},
        "reasoning_effort":"high","stream":true,
        "stream_options":{"include_usage":true,"include_obfuscation":false},
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
        "metadata", "logit_bias", "functions", "unknown",
    ]
    static let values = [
        "null", "true", "-1", "0", "0.10", "1e9", "1e308", "9007199254740993", #""""#, #""x""#, "[]", "{}",
        "[null]",
        "[{}]", String(repeating: "[", count: 50) + String(repeating: "]", count: 50),
        #"{"type":"function"}"#,
        #"{"type":5}"#, "\"\(String(repeating: "x", count: 1 << 20))\"",
    ]

    @Test("refuses a value by the member's name or hands it on unchanged", arguments: known)
    func fieldByValue(name: String) {
        let others = [#""model":"m""#, #""messages":[{"role":"user","content":"hi"}]"#].filter {
            !$0.hasPrefix("\"\(name)\"")
        }
        for value in Self.values {
            let body = Array("{\((others + ["\"\(name)\": \(value)"]).joined(separator: ","))}".utf8)
            do throws(DialectError) {
                let request = try OpenAIChatRequest(decoding: body.span)
                guard name != "stream", name != "model" else { continue }
                var output = ByteBuffer()
                request.writePassthrough(body.span, model: "m", into: &output)
                #expect(output.storage == body, "\(value.prefix(40))")
            } catch {
                #expect(error.status == 400)
                #expect(error.parameter?.hasPrefix(name) == true, "\(value.prefix(40))")
            }
        }
    }
}
