// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Ollama's requests")
struct OllamaRequestTests {
    @Test(
        "for the same dialect keep every member",
        arguments: [
            #"{"model":"up","messages":[{"role":"system","content":"s"},{"role":"user","content":"u","images":["iVBORw=="]}],"stream":true,"options":{"temperature":0.5,"num_ctx":4096,"num_predict":9,"stop":["a"],"seed":1,"top_k":3},"keep_alive":"5m","think":"high","format":"json"}"#,
            #"{"model":"up","messages":[{"role":"assistant","content":"","thinking":"t","tool_calls":[{"id":"c","function":{"index":0,"name":"f","arguments":{"a":[1,2.50]}}}]},{"role":"tool","content":"r","tool_name":"f","tool_call_id":"c"}],"stream":true,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"think":true,"format":{"type":"object"},"truncate":true,"options":{"num_predict":-1}}"#,
        ])
    func roundTrip(body: String) throws {
        let chat = try request(body, .ollama)
        #expect(chat.streams && chat.origin == .ollama)
        let (again, dropped) = try written(chat, .ollama, streams: true, maker: "ollama")
        #expect(again.sorted == (try JSONValue(body)).sorted)
        #expect(dropped.isEmpty)
    }

    @Test("stream unless they say otherwise")
    func streams() throws {
        let message = #""messages":[{"role":"user","content":"u"}]"#
        #expect(try request("{\"model\":\"m\",\(message)}", .ollama).streams)
        #expect(try !request("{\"model\":\"m\",\(message),\"stream\":false}", .ollama).streams)
    }

    @Test("a result without an id answers the next call of its name")
    func results() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":{}}},{"function":{"name":"f","arguments":{}}}]},{"role":"tool","content":"1","tool_name":"g"},{"role":"tool","content":"2","tool_name":"f"},{"role":"tool","content":"3"}]}"#,
            .ollama)
        let ids = chat.messages[0].toolCalls.map(\.id)
        #expect(Set(ids).count == 3)
        #expect(chat.messages.dropFirst().map(\.toolCallID) == [ids[1], ids[0], ids[2]])
        let body = try written(chat).body["messages"]
        #expect(body?[0]?["tool_calls"]?[0]?["function"]?["arguments"] == .string(#"{"a":1}"#))
        #expect(body?[2]?["tool_call_id"] == body?[0]?["tool_calls"]?[0]?["id"])
    }

    @Test("say in chat's words what they asked")
    func toChat() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"user","content":"u","images":["/9j/AA"]}],"think":false,"format":{"type":"object"},"options":{"num_predict":7,"num_ctx":1,"temperature":0.1}}"#,
            .ollama)
        let (body, dropped) = try written(chat, streams: true)
        #expect(body["messages"]?[0]?["content"]?[1]?["image_url"]?["url"] == .string("data:image/jpeg;base64,/9j/AA"))
        #expect(body["max_completion_tokens"]?.integer == 7 && body["temperature"] == .number("0.1"))
        #expect(body["response_format"]?["json_schema"]?["schema"] == .object([.init("type", .string("object"))]))
        #expect(dropped == ["options"] && chat.includesUsage)
    }

    @Test("of a chat client say it in Ollama's words")
    func fromChat() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"q"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},{"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"k\":1}"}},{"id":"d","type":"function","function":{"name":"f","arguments":"broken"}}]},{"role":"tool","tool_call_id":"c","content":"res"}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"tool_choice":{"type":"function","function":{"name":"f"}},"max_tokens":5,"stop":"x","reasoning_effort":"minimal","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"logit_bias":{}}"#
        )
        let (body, dropped) = try written(chat, .ollama, maker: "ollama")
        let messages = body["messages"]
        #expect(messages?[0]?["role"] == .string("system"))
        #expect(messages?[1]?["images"]?[0] == .string("AA") && messages?[1]?["content"] == .string("q"))
        #expect(messages?[2]?["thinking"] == .string("r"))
        #expect(messages?[2]?["tool_calls"]?[0]?["function"]?["arguments"]?["k"]?.integer == 1)
        // Trap 15 and section B6: arguments that are no object are kept, for the sake of their result.
        #expect(messages?[2]?["tool_calls"]?[1]?["function"]?["arguments"]?["_raw"] == .string("broken"))
        #expect(messages?[3]?["tool_name"] == .string("f") && messages?[3]?["tool_call_id"] == .string("c"))
        #expect(body["tools"]?.elements?.count == 1 && body["think"] == .string("low"))
        #expect(body["options"]?["num_predict"]?.integer == 5 && body["options"]?["stop"]?[0] == .string("x"))
        #expect(body["format"]?["type"] == .string("object") && body["stream"] == .bool(false))
        #expect(dropped == ["logit_bias", "tool_choice"])
    }

    @Test(
        "what Ollama cannot do is refused by name",
        arguments: [
            (
                #""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e.org/a.png"}}]}]"#,
                "messages[0].content[0]"
            ),
            (
                #""messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"A","format":"wav"}}]}]"#,
                "messages[0].content[0]"
            ),
            (#""messages":[{"role":"user","content":"u"}],"n":2"#, "n"),
        ])
    func refused(members: String, path: String) throws {
        let chat = try request("{\"model\":\"m\",\(members)}")
        let error = #expect(throws: DialectError.self) { try written(chat, .ollama, maker: "ollama") }
        #expect(error?.status == 400 && error?.parameter == path)
    }

    @Test(
        "that are none are refused where they are wrong",
        arguments: [
            (#""messages":[{"role":"robot","content":"u"}]"#, "messages[0].role"),
            (#""messages":[{"role":"assistant","tool_calls":[{"function":{}}]}]"#, "messages[0].tool_calls[0].name"),
            (#""messages":[{"role":"user","content":"u"}],"think":5"#, "think"),
            (#""messages":[{"role":"user","content":"u"}],"options":{"stop":[1]}"#, "options.stop[0]"),
            (#""messages":[]"#, "messages"),
        ])
    func malformed(members: String, path: String) {
        let error = #expect(throws: DialectError.self) { try request("{\"model\":\"m\",\(members)}", .ollama) }
        #expect(error?.parameter == path)
    }
}
