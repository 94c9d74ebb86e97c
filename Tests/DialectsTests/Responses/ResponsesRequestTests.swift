// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Requests of the Responses dialect")
struct ResponsesRequestTests {
    private static func decode(_ body: String, as dialect: Dialect = .openAIResponses) throws -> ChatRequest {
        try dialect.codec.decodeRequest(Array(body.utf8).span, RequestAddress()).chat
    }

    private static func encode(
        _ chat: ChatRequest, as dialect: Dialect = .openAIResponses, maker: String = "openai"
    ) throws -> (body: JSONValue, dropped: [String]) {
        var buffer = ByteBuffer()
        let target = RequestTarget(model: "up", streams: chat.streams, maker: maker)
        let dropped = try dialect.codec.encodeRequest(chat, target, into: &buffer)
        return (try JSONValue(parsing: buffer.bytes), dropped)
    }

    /// Members in the order of their names, so that only what they say counts.
    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(members.map { .init($0.key, sorted($0.value)) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }

    @Test(
        "keep every member for an upstream of the same dialect",
        arguments: [
            #""input":[{"type":"message","role":"user","content":"Hi","id":"msg_1","x":1}]"#,
            #""instructions":"Be brief.","input":[{"type":"message","role":"system","content":"s"}]"#,
            #""input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},"#
                + #"{"type":"input_image","image_url":"https://h/i","detail":"low"},{"type":"input_image","file_id":"f"},"#
                + #"{"type":"input_file","file_id":"f"},{"type":"input_file","file_url":"https://h/f","detail":"x"},"#
                + #"{"type":"input_file","filename":"n","file_data":"data:text/plain;base64,QQ=="},{"type":"new","y":[]}]}]"#,
            #""input":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},"#
                + #"{"type":"summary_text","text":"b"}],"encrypted_content":"gAAA","status":"completed"},"#
                + #"{"type":"message","role":"assistant","id":"msg_2","status":"completed","phase":"commentary","#
                + #""content":[{"type":"output_text","text":"t","annotations":[],"logprobs":[]}]},"#
                + #"{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{}","namespace":"n"},"#
                + #"{"type":"custom_tool_call","call_id":"c2","name":"g","input":"x"},"#
                + #"{"type":"function_call_output","call_id":"c1","output":"1","status":"completed"},"#
                + #"{"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]}]"#,
            #""input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},"#
                + #"{"type":"web_search_call","id":"ws_1","action":{}},{"type":"item_reference","id":"x"},"#
                + #"{"type":"compaction","encrypted_content":"e"}]"#,
            #""input":[],"previous_response_id":"resp_1","conversation":{"id":"c"},"background":true,"prompt":{"id":"p"}"#,
            #""previous_response_id":"resp_1","include":["reasoning.encrypted_content"],"store":true"#,
            #""input":[],"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true,"defer_loading":true},"#
                + #"{"type":"custom","name":"g","format":{"type":"grammar","syntax":"lark","definition":"d"}},"#
                + #"{"type":"custom","name":"h","format":{"type":"text"}},{"type":"web_search"}],"tool_choice":"#
                + #"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]}"#,
            #""input":[],"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false"#,
            #""input":[],"tool_choice":{"type":"web_search"}"#,
            #""input":[],"text":{"format":{"type":"json_schema","name":"n","schema":{},"strict":true},"verbosity":"low","z":1}"#,
            #""input":[],"reasoning":{"effort":"high","summary":"auto","context":"all_turns"},"max_output_tokens":9"#,
            #""input":[],"temperature":0.70,"top_p":1e0,"top_logprobs":3,"metadata":{"a":"b"},"user":"u","stream":true"#,
            #""input":[],"truncation":"auto","service_tier":"flex","prompt_cache_key":"k","stream_options":{"include_obfuscation":false}"#,
        ])
    func roundTrip(members: String) throws {
        let body = "{\"model\":\"up\",\(members)}"
        let value = try JSONValue(parsing: Array(body.utf8).span)
        let (again, dropped) = try Self.encode(try Self.decode(body))
        let written = again["input"] == nil || value["input"] != nil ? again : .null
        #expect(Self.sorted(written) == Self.sorted(value.withoutEmptyInput(like: again)))
        #expect(dropped.isEmpty)
    }

    @Test("join the items of one turn to one message")
    func turns() throws {
        let chat = try Self.decode(
            #"{"model":"m","instructions":"I","input":[{"role":"user","content":"q"},"#
                + #"{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"#
                + #""encrypted_content":"E"},{"role":"assistant","content":"t"},"#
                + #"{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},"#
                + #"{"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},"#
                + #"{"type":"function_call_output","call_id":"c1","output":"1"},"#
                + #"{"type":"function_call_output","call_id":"c2","output":"2"}]}"#)
        #expect(chat.messages.map(\.role) == [.system, .user, .assistant, .tool, .tool])
        let turn = chat.messages[2]
        #expect(turn.toolCalls.map(\.id) == ["c1", "c2"])
        #expect(turn.text == "t")
        guard case .parts(let parts) = turn.content, case .reasoning(let text, let signature) = parts[0].kind else {
            Issue.record("The turn does not begin with reasoning.")
            return
        }
        #expect(text == "a\n\nb")
        #expect(signature == OpaqueSignature(maker: "openai", payload: "E"))
    }

    @Test("carry another maker's signatures back to it")
    func carriers() throws {
        let body =
            #"{"model":"m","input":[{"type":"reasoning","id":"r","summary":[],"encrypted_content":"slc1.anthropic.S"},"#
            + #"{"type":"reasoning","id":"r","summary":[],"encrypted_content":"slc1.anthropic-redacted.R"},"#
            + #"{"type":"reasoning","id":"r","summary":[],"encrypted_content":"slc1.gemini-call.C"},"#
            + #"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]}"#
        let turn = try #require(try Self.decode(body).messages.first)
        guard case .parts(let parts) = turn.content, parts.count == 2 else {
            Issue.record("The turn has not two parts.")
            return
        }
        #expect(parts[0].kind == .reasoning(text: "", signature: OpaqueSignature(maker: "anthropic", payload: "S")))
        #expect(parts[1].kind == .redactedReasoning(OpaqueSignature(maker: "anthropic", payload: "R")))
        #expect(turn.toolCalls.first?.signature == OpaqueSignature(maker: "gemini", payload: "C"))
        // None of them is anything to the vendor of this dialect.
        let items = try Self.encode(try Self.decode(body)).body["input"]?.elements ?? []
        #expect(items.map { $0["type"] } == [.string("function_call")])
    }

    @Test("say what a chat request says")
    func fromChat() throws {
        let chat = try Self.decode(
            #"{"model":"m","messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"q"},"#
                + #"{"type":"image_url","image_url":{"url":"https://h/i"}}]},{"role":"assistant","content":"t","tool_calls":["#
                + #"{"id":"functions.f:0","type":"function","function":{"name":"f","arguments":""}}]},"#
                + #"{"role":"tool","tool_call_id":"functions.f:0","content":"r"}],"max_tokens":5,"seed":1,"stream":true,"#
                + #""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","reasoning_effort":"low","#
                + #""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"n":1}"#,
            as: .openAIChat)
        let (body, dropped) = try Self.encode(chat)
        #expect(body["instructions"] == .string("S"))
        #expect(body["store"] == .bool(false))
        #expect(body["include"] == .array([.string("reasoning.encrypted_content")]))
        #expect(body["max_output_tokens"] == .number("5"))
        #expect(body["reasoning"]?["effort"] == .string("low"))
        #expect(body["text"]?["format"]?["name"] == .string("n"))
        #expect(body["tools"]?[0]?["strict"] == .bool(false))
        #expect(body["tools"]?[0]?["name"] == .string("f"))
        #expect(body["tool_choice"] == .string("required"))
        let items = body["input"]?.elements ?? []
        #expect(items.compactMap { $0["type"]?.string } == ["message", "message", "function_call", "function_call_output"])
        #expect(items[0]["content"]?[1]?["image_url"] == .string("https://h/i"))
        #expect(items[1]["content"]?[0]?["type"] == .string("output_text"))
        #expect(items[2]["arguments"] == .string("{}"))
        #expect(items[2]["call_id"] == items[3]["call_id"] && items[2]["call_id"]?.string?.contains(".") == false)
        #expect(dropped == ["seed"])
        #expect(body["n"] == nil && body["seed"] == nil && body["messages"] == nil)
    }

    @Test(
        "of the chat dialect that cannot be said name the member",
        arguments: [
            (#""stop":"x""#, "stop"), (#""n":2"#, "n"), (#""tool_choice":{"type":"x"},"tools":[]"#, "tool_choice"),
            (#""previous_response_id":"x""#, "previous_response_id"),
        ])
    func unsaid(member: String, parameter: String) throws {
        let chat = try Self.decode(
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\(member)}", as: .openAIChat)
        let error = #expect(throws: DialectError.self) { try Self.encode(chat) }
        #expect(error?.parameter == parameter && error?.status == 400)
    }

    @Test("become chat requests")
    func toChat() throws {
        let chat = try Self.decode(
            #"{"model":"m","instructions":"I","input":"q","max_output_tokens":7,"tools":[{"type":"function","name":"f","#
                + #""parameters":{}}],"text":{"format":{"type":"json_object"}}}"#)
        let (body, _) = try Self.encode(chat, as: .openAIChat)
        #expect(body["messages"]?.elements?.compactMap { $0["content"]?.string } == ["I", "q"])
        #expect(body["max_completion_tokens"] == .number("7"))
        #expect(body["tools"]?[0]?["function"]?["name"] == .string("f"))
        #expect(body["response_format"]?["type"] == .string("json_object"))
    }

    @Test(
        "that refer to what the vendor keeps are refused elsewhere",
        arguments: [
            (#""previous_response_id":"r""#, "previous_response_id"), (#""conversation":"c""#, "conversation"),
            (#""background":true"#, "background"), (#""prompt":{"id":"p"}"#, "prompt"),
            (#""input":[{"type":"item_reference","id":"x"}]"#, "input"),
            (#""input":[{"type":"compaction","encrypted_content":"x"}]"#, "input"),
        ])
    func state(member: String, parameter: String) throws {
        let input = member.contains("\"input\"") ? "" : ",\"input\":\"q\""
        let chat = try Self.decode("{\"model\":\"m\",\(member)\(input)}")
        let error = #expect(throws: DialectError.self) { try chat.withoutResponsesState() }
        #expect(error?.parameter == parameter && error?.status == 400)
    }

    @Test("leave out what the vendor's tools did for another vendor")
    func hosted() throws {
        let chat = try Self.decode(
            #"{"model":"m","background":false,"input":[{"role":"user","content":"q"},{"type":"web_search_call","id":"w"},"#
                + #"{"role":"assistant","content":"a"},{"role":"user","content":"q"}]}"#)
        let (stripped, dropped) = try chat.withoutResponsesState()
        #expect(dropped == ["input.web_search_call"])
        #expect(stripped.messages.map(\.text) == ["q", "a", "q"])
    }

    @Test(
        "that are wrong name the place",
        arguments: [
            (#"{"model":"m"}"#, "input"), (#"{"input":"q"}"#, "model"), (#"{"model":"m","input":1}"#, "input"),
            (#"{"model":"m","input":[{"type":"message","role":"x","content":"q"}]}"#, "input[0].role"),
            (#"{"model":"m","input":[{"type":"function_call","name":"f"}]}"#, "input[0].call_id"),
            (#"{"model":"m","input":[{}]}"#, "input[0].type"),
            (#"{"model":"m","input":"q","tools":[{"type":"function"}]}"#, "tools[0].name"),
            (#"{"model":"m","input":"q","max_output_tokens":0}"#, "max_output_tokens"),
            (#"{"model":"m","input":"q","text":{"format":{"type":"json_schema"}}}"#, "text.format.name"),
            (#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text"}]}]}"#, "input[0].content[0].text"),
        ])
    func wrong(body: String, parameter: String) {
        let error = #expect(throws: DialectError.self) { try Self.decode(body) }
        #expect(error?.parameter == parameter)
    }
}

extension JSONValue {
    /// The value with an empty `input` where the other has one and it has none.
    fileprivate func withoutEmptyInput(like other: JSONValue) -> JSONValue {
        guard other["input"] == nil, let members else { return self }
        return .object(members.filter { $0.key != "input" })
    }
}
