// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Chat requests for Anthropic")
struct AnthropicTranslationTests {
    private func write(
        _ body: String, quirks: DialectQuirks = DialectQuirks()
    ) throws -> (body: JSONValue, dropped: [String]) {
        let bytes = Array(body.utf8)
        let chat = try OpenAIChatCodec().decodeRequest(bytes.span).chat
        return try AnthropicRequestTests.write(chat, quirks: quirks)
    }

    /// A body of one question with more members.
    private func ask(
        _ members: String, quirks: DialectQuirks = DialectQuirks()
    ) throws -> (body: JSONValue, dropped: [String]) {
        try write(#"{"model":"m","messages":[{"role":"user","content":"hi"}],\#(members)}"#, quirks: quirks)
    }

    private func text(_ value: JSONValue?) -> String {
        var buffer = ByteBuffer()
        (value ?? .null).write(into: &buffer)
        return buffer.text
    }

    @Test("a conversation with calls becomes turns: results first and together, one turn for each speaker")
    func turns() throws {
        let (body, dropped) = try write(
            #"""
            {"model":"m","messages":[{"role":"system","content":"S1"},{"role":"developer","content":"S2"},
            {"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"text","text":" "}]},
            {"role":"assistant","content":"","tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
            {"id":"functions.g:0","type":"function","function":{"name":"g","arguments":"{broken"}},
            {"id":"call_3","type":"custom","custom":{"name":"h","input":"raw"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"r1"},
            {"role":"user","content":"note"},
            {"role":"tool","tool_call_id":"functions.g:0","content":[{"type":"text","text":"r2"}]},
            {"role":"tool","tool_call_id":"call_3","content":""},
            {"role":"system","content":"late"},
            {"role":"assistant","content":"done \n"}]}
            """#)
        #expect(dropped.isEmpty)
        let id = AnthropicCallID.fit("functions.g:0")
        #expect(id.hasPrefix("toolu_"))
        #expect(text(body["system"]) == #"[{"type":"text","text":"S1"},{"type":"text","text":"S2"}]"#)
        #expect(
            text(body["messages"])
                == #"""
                [{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                {"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{"x":1}},
                {"type":"tool_use","id":"\#(id)","name":"g","input":{"_raw":"{broken"}},
                {"type":"tool_use","id":"call_3","name":"h","input":{"input":"raw"}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"r1"},
                {"type":"tool_result","tool_use_id":"\#(id)","content":[{"type":"text","text":"r2"}]},
                {"type":"tool_result","tool_use_id":"call_3","content":""},
                {"type":"text","text":"note"},{"type":"text","text":"late"}]},
                {"role":"assistant","content":"done"}]
                """#.split(separator: "\n").joined())
        #expect(body["max_tokens"]?.integer == 8192)
    }

    @Test(
        "what is said otherwise is said so",
        arguments: [
            (#""max_completion_tokens":7"#, #"{"max_tokens":7}"#), (#""max_tokens":8"#, #"{"max_tokens":8}"#),
            (#""stop":"x""#, #"{"stop_sequences":["x"]}"#), (#""temperature":0.50"#, #"{"temperature":0.50}"#),
            (#""temperature":1.7"#, #"{"temperature":1}"#), (#""top_p":0.9"#, #"{"top_p":0.9}"#),
            (#""user":"u""#, #"{"metadata":{"user_id":"u"}}"#), (#""n":1"#, #"{}"#),
            (#""reasoning_effort":"minimal""#, #"{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}"#),
            (#""reasoning_effort":"xhigh""#, #"{"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}}"#),
            (#""reasoning_effort":"none""#, #"{"thinking":{"type":"disabled"}}"#),
            (
                #""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}"#,
                #"{"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}"#
            ),
            (
                #""tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"title":{}}},"strict":false}}],"tool_choice":"required","parallel_tool_calls":false"#,
                #"{"tools":[{"name":"f","input_schema":{"type":"object","properties":{"title":{}}}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}}"#
            ),
            (
                #""tools":[{"type":"function","function":{"name":"f","description":"d"}},{"type":"custom","custom":{"name":"c"}}],"tool_choice":{"type":"function","function":{"name":"f"}}"#,
                #"{"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"name":"c","input_schema":{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}}],"tool_choice":{"type":"tool","name":"f"}}"#
            ),
            (
                #""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none","parallel_tool_calls":true"#,
                #"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"none"}}"#
            ),
        ])
    func members(members: String, expected: String) throws {
        let (body, _) = try ask(members)
        let expected = try JSONValue(parsing: Array(expected.utf8).span)
        for member in expected.members ?? [] { #expect(text(body[member.key]) == text(member.value)) }
        let known: Set = ["model", "messages", "max_tokens"]
        let more = Set((body.members ?? []).map(\.key)).subtracting(known)
        #expect(more == Set((expected.members ?? []).map(\.key)).subtracting(known))
    }

    @Test(
        "what only tunes the answer is dropped, and told so",
        arguments: [
            (#""seed":1"#, "seed"), (#""frequency_penalty":0.1"#, "frequency_penalty"), (#""logprobs":true"#, "logprobs"),
            (#""logit_bias":{"1":2}"#, "logit_bias"), (#""service_tier":"flex""#, "service_tier"),
            (#""metadata":{"a":"b"}"#, "metadata"), (#""response_format":{"type":"json_object"}"#, "response_format"),
            (#""tools":[{"type":"web_search"}]"#, "tools[0]"), (#""temperature":1,"top_p":0.5"#, "top_p"),
            (#""temperature":1,"reasoning_effort":"low""#, "temperature"),
        ])
    func dropped(members: String, path: String) throws {
        let (body, dropped) = try ask(members)
        #expect(dropped == [path])
        #expect(body[path.split(separator: "[").first.map(String.init) ?? ""] == nil)
    }

    @Test(
        "what would change the answer is refused by its name",
        arguments: [
            (#""n":2"#, "n"), (#""tool_choice":{"type":"web"},"tools":[]"#, "tool_choice"),
            (#""audio":{"voice":"v"}"#, "audio"),
        ])
    func refused(members: String, parameter: String) throws {
        let error = try #require(throws: DialectError.self) { try ask(members) }
        #expect(error.parameter == parameter && error.status == 400)
    }

    @Test("pictures and documents become sources, sound and foreign files are refused")
    func media() throws {
        func content(_ part: String, quirks: DialectQuirks = DialectQuirks()) throws -> String {
            let (body, _) = try write(
                #"{"model":"m","messages":[{"role":"user","content":[\#(part)]}]}"#, quirks: quirks)
            return text(body["messages"]?[0]?["content"]?[0])
        }
        #expect(
            try content(#"{"type":"image_url","image_url":{"url":"data:image/jpg;base64,AA==","detail":"low"}}"#)
                == #"{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AA=="}}"#)
        let address = #"{"type":"image_url","image_url":{"url":"https://h/i.png"}}"#
        #expect(try content(address) == #"{"type":"image","source":{"type":"url","url":"https://h/i.png"}}"#)
        #expect(
            try content(#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"d.pdf"}}"#)
                == #"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"},"title":"d.pdf"}"#
        )
        #expect(
            try content(#"{"type":"file","file":{"file_data":"data:text/csv;base64,YSxixbw"}}"#)
                == #"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a,bż"}}"#)
        var quirks = DialectQuirks()
        quirks.takesImageURLs = false
        for part in [
            #"{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}"#,
            #"{"type":"file","file":{"file_id":"file-1"}}"#, #"{"type":"hologram"}"#, address,
            #"{"type":"image_url","image_url":{"url":"ftp://h/i.png"}}"#,
            #"{"type":"file","file":{"file_data":"data:application/zip;base64,AAAA"}}"#,
        ] {
            let error = try #require(throws: DialectError.self) { try content(part, quirks: quirks) }
            #expect(error.parameter == "messages[0].content[0]")
        }
    }

    @Test("a user's turn of nothing but space says so, and stands where it stood")
    func blank() throws {
        func turns(_ messages: String) throws -> [String] {
            let body = try written(
                try request(#"{"model":"m","messages":[\#(messages)]}"#), .anthropic, maker: "anthropic"
            ).body
            return (body["messages"]?.elements ?? []).map {
                "\($0["role"]?.string ?? ""):\($0["content"]?.string ?? $0["content"]?[0]?["text"]?.string ?? "")"
            }
        }
        let hi = #"{"role":"user","content":"hi"}"#
        let answer = #"{"role":"assistant","content":"a"}"#
        for blank in [#" \n\t"#, ""] {
            let user = #"{"role":"user","content":"\#(blank)"}"#
            let parts = #"{"role":"user","content":[{"type":"text","text":"\#(blank)"}]}"#
            let mute = #"{"role":"assistant","content":"\#(blank)"}"#
            #expect(try turns(user) == ["user:(empty)"])
            #expect(try turns([#"{"role":"system","content":"s"}"#, parts].joined(separator: ",")) == ["user:(empty)"])
            // Without it the model would be asked to go on with its own words.
            #expect(try turns([hi, answer, parts].joined(separator: ",")) == ["user:hi", "assistant:a", "user:(empty)"])
            #expect(try turns([hi, user].joined(separator: ",")) == ["user:hi"])
            #expect(try turns([hi, mute, user].joined(separator: ",")) == ["user:hi"])
            #expect(throws: DialectError.self) { try turns(#"{"role":"system","content":"\#(blank)"}"#) }
        }
    }

    @Test("a budget leaves room for the answer, and gives way where it cannot be")
    func budget() throws {
        var quirks = DialectQuirks()
        quirks.unsupported = ["output_config"]
        let open = try ask(#""reasoning_effort":"high""#, quirks: quirks)
        #expect(text(open.body["thinking"]) == #"{"type":"enabled","budget_tokens":16384}"#)
        #expect(open.body["max_tokens"]?.integer == 8192 + 16384 && open.body["output_config"] == nil)
        let tight = try ask(#""reasoning_effort":"high","max_completion_tokens":4000"#, quirks: quirks)
        #expect(tight.body["thinking"]?["budget_tokens"]?.integer == 3999)
        #expect(tight.body["max_tokens"]?.integer == 4000)
        let small = try ask(#""reasoning_effort":"high","max_completion_tokens":500"#, quirks: quirks)
        #expect(small.body["thinking"] == nil && small.dropped == ["reasoning_effort"])
        let forced = try ask(
            #""reasoning_effort":"high","tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}]"#)
        #expect(forced.body["thinking"] == nil && forced.body["output_config"]?["effort"]?.string == "high")
        let unthought = try write(
            #"{"model":"m","reasoning_effort":"low","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"i","content":"r"}]}"#,
            quirks: quirks)
        #expect(unthought.body["thinking"] == nil)
    }

    @Test("members that a provider refuses are left out, and a tool is not forced where none can be")
    func quirks() throws {
        var quirks = DialectQuirks()
        quirks.unsupported = ["temperature", "top_p"]
        quirks.takesToolChoice = false
        quirks.defaultOutputLimit = 100
        let (body, dropped) = try ask(
            #""temperature":0.5,"tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}]"#,
            quirks: quirks)
        #expect(body["temperature"] == nil && Set(dropped) == ["temperature", "tool_choice"])
        #expect(text(body["tool_choice"]) == #"{"type":"auto"}"#)
        #expect(body["max_tokens"]?.integer == 100)
    }

    @Test("a choice among some tools leaves the others out")
    func allowed() throws {
        var chat = ChatRequest(model: "m", messages: [ChatMessage(role: .user, content: .text("a"))])
        chat.tools = ["f", "g"].map { ChatTool(name: $0, kind: .function(parameters: nil, isStrict: nil)) }
        chat.toolChoice = .allowed(names: ["g"], isRequired: true)
        let (body, _) = try AnthropicRequestTests.write(chat)
        #expect(body["tools"]?.elements?.compactMap { $0["name"]?.string } == ["g"])
        #expect(body["tool_choice"]?["type"]?.string == "any")
        chat.tools[1].kind = .other(.object([]))
        chat.toolChoice = .function(name: "g")
        #expect(throws: DialectError.self) { try AnthropicRequestTests.write(chat) }
    }

    @Test(
        "state that another vendor keeps is refused in the words of the client's dialect",
        arguments: [
            (Dialect.openAIResponses, "previous_response_id"), (.gemini, "cachedContent"),
        ])
    func state(origin: Dialect, name: String) throws {
        var chat = ChatRequest(model: "m", messages: [ChatMessage(role: .user, content: .text("a"))], origin: origin)
        chat.extras = [.init(name, .string("x"))]
        let error = try #require(throws: DialectError.self) { try AnthropicRequestTests.write(chat) }
        #expect(error.parameter == name)
        chat.extras = []
        chat.choiceCount = 2
        let other = try #require(throws: DialectError.self) { try AnthropicRequestTests.write(chat) }
        #expect(other.parameter == (origin == .gemini ? "generationConfig.candidateCount" : "n"))
    }

    @Test("an Anthropic request is a chat request too")
    func toChat() throws {
        let chat = try AnthropicRequestTests.read(
            #"""
            {"model":"m","max_tokens":9,"system":"S","messages":[{"role":"user","content":"a"},
            {"role":"assistant","content":[{"type":"text","text":"t"},{"type":"tool_use","id":"i","name":"f","input":{"x":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":"r"},{"type":"text","text":"b"}]}],
            "tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],
            "tool_choice":{"type":"any","disable_parallel_tool_use":true},"stop_sequences":["E"]}
            """#)
        var buffer = ByteBuffer()
        _ = try OpenAIChatCodec().encodeRequest(
            chat, RequestTarget(model: "gpt", streams: false, maker: "openai"), into: &buffer)
        let body = try JSONValue(parsing: buffer.bytes)
        let roles = body["messages"]?.elements?.compactMap { $0["role"]?.string }
        #expect(roles == ["system", "user", "assistant", "tool", "user"])
        #expect(body["messages"]?[2]?["tool_calls"]?[0]?["function"]?["arguments"]?.string == #"{"x":1}"#)
        #expect(body["messages"]?[3]?["tool_call_id"]?.string == "i")
        #expect(text(body["tools"]).contains(#""name":"f""#) && !text(body["tools"]).contains("cache_control"))
        #expect(body["tool_choice"]?.string == "required" && body["parallel_tool_calls"]?.bool == false)
        #expect(body["stop"] == .array([.string("E")]))
    }
}
