// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Anthropic requests, read")
struct AnthropicRequestTests {
    static let full = #"""
        {"model":"claude-x","max_tokens":1000,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],
        "messages":[
        {"role":"user","content":"hi"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},
        {"type":"redacted_thinking","data":"cmVk"},{"type":"text","text":"I look."},
        {"type":"tool_use","id":"toolu_1","name":"f","input":{"a":[1.50,"x"]},"cache_control":{"type":"ephemeral"}},
        {"type":"tool_use","id":"toolu_2","name":"g","input":{}}]},
        {"role":"user","content":[
        {"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"r"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}],"is_error":true},
        {"type":"tool_result","tool_use_id":"toolu_2","content":"s","cache_control":{"type":"ephemeral"}},
        {"type":"tool_result","tool_use_id":"toolu_3"},
        {"type":"text","text":"and?","citations":[{"type":"char_location","cited_text":"q"}]},
        {"type":"image","source":{"type":"url","url":"https://h/i.png"}},
        {"type":"image","source":{"type":"file","file_id":"file_1"}},
        {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"},"title":"T","context":"C"},
        {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"},"title":"N","citations":{"enabled":true}},
        {"type":"document","source":{"type":"url","url":"https://h/d.pdf"}},
        {"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"found"}]},
        {"type":"container_upload","file_id":"f"}]},
        {"role":"system","content":"From now on in French."},
        {"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"text","text":"Bien"}]}],
        "tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{}}},"strict":true,
        "cache_control":{"type":"ephemeral"},"input_examples":[{}]},{"type":"custom","name":"g","input_schema":{"type":"object"}},
        {"type":"web_search_20250305","name":"web_search","max_uses":3}],
        "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
        "stop_sequences":["END"],"temperature":0.70,"top_p":0.9,"top_k":5,"stream":true,
        "thinking":{"type":"enabled","budget_tokens":2048,"display":"omitted","future":1},
        "output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object"}},"future":2},
        "metadata":{"user_id":"u","future":3},"service_tier":"auto","container":"c","cache_control":{"type":"ephemeral"},
        "mcp_servers":[{"type":"url"}],"speed":"fast"}
        """#

    static func read(_ body: String, asksAnswer: Bool = true) throws -> ChatRequest {
        let bytes = Array(body.utf8)
        var address = RequestAddress()
        address.asksAnswer = asksAnswer
        return try AnthropicCodec().decodeRequest(bytes.span, address).chat
    }

    static func write(
        _ chat: ChatRequest, maker: String = "anthropic", quirks: DialectQuirks = DialectQuirks()
    ) throws -> (body: JSONValue, dropped: [String]) {
        var buffer = ByteBuffer()
        let target = RequestTarget(model: "upstream", streams: chat.streams, maker: maker, quirks: quirks)
        let dropped = try AnthropicCodec().encodeRequest(chat, target, into: &buffer)
        return (try JSONValue(parsing: buffer.bytes), dropped)
    }

    @Test("keep every member when they are written again")
    func roundTrip() throws {
        typealias Comparable = AnthropicRecordingTests.Comparable
        let (after, dropped) = try Self.write(try Self.read(Self.full))
        #expect(dropped.isEmpty)
        let before = try JSONValue(parsing: Array(Self.full.utf8).span)
        for member in before.members ?? [] where member.key != "model" {
            #expect(after[member.key].map(Comparable.init) == Comparable(member.value), "\(member.key)")
        }
        #expect(after["model"]?.string == "upstream")
        #expect(after.members?.count == before.members?.count)
    }

    @Test("become messages of the hub, with a message for each result")
    func hub() throws {
        let chat = try Self.read(Self.full)
        #expect(chat.origin == .anthropic && chat.streams && chat.includesUsage)
        #expect(chat.messages.map(\.role) == [.system, .user, .assistant, .tool, .tool, .tool, .user, .system, .assistant])
        let assistant = chat.messages[2]
        #expect(assistant.toolCalls.map(\.id) == ["toolu_1", "toolu_2"])
        #expect(assistant.toolCalls.map(\.arguments) == [#"{"a":[1.50,"x"]}"#, "{}"])
        guard case .parts(let parts) = assistant.content else { return #expect(Bool(false)) }
        let signature = OpaqueSignature(maker: "anthropic", payload: "c2ln")
        #expect(parts.first?.kind == .reasoning(text: "hm", signature: signature))
        #expect(chat.messages[3].toolCallID == "toolu_1" && chat.messages[3].isError)
        guard case .parts(let result) = chat.messages[3].content else { return #expect(Bool(false)) }
        #expect(result.last?.kind == .image(url: "data:image/png;base64,AAAA", detail: nil))
        #expect(chat.messages[5].content == nil)
        #expect(chat.messages[6].text == "and?N\n\nplaint\n\ns\n\nfound")
        #expect(chat.outputLimit == OutputLimit(tokens: 1000, countsReasoning: true))
        #expect(chat.sampling.temperature == "0.70" && chat.sampling.topK == "5")
        #expect(chat.reasoning.isEnabled == true && chat.reasoning.budget == 2048 && chat.reasoning.effort == "high")
        #expect(chat.allowsParallelCalls == false && chat.toolChoice == .function(name: "f"))
        #expect(chat.user == "u" && chat.stop == ["END"])
        #expect(
            chat.responseFormat
                == .jsonSchema(
                    .object([.init("name", .string("answer")), .init("schema", .object([.init("type", .string("object"))]))])))
    }

    @Test(
        "of odd forms are taken",
        arguments: [
            #""thinking":{"type":"adaptive","display":"summarized"}"#, #""thinking":{"type":"disabled"}"#,
            #""thinking":{"type":"between_tools","x":1}"#, #""output_config":{"format":{"type":"xml","x":1}}"#,
            #""tool_choice":{"type":"any"},"tools":[{"name":"f","input_schema":{}}]"#,
            #""tool_choice":{"type":"future","x":1}"#, #""output_config":{"effort":"max"}"#, #""metadata":{"x":1}"#,
            #""system":"plain""#, #""tool_choice":{"type":"none"},"tools":[{"name":"f","input_schema":{}}]"#,
        ])
    func forms(member: String) throws {
        let body = #"{"model":"claude-x","max_tokens":5,"messages":[{"role":"user","content":"hi"}],\#(member)}"#
        let before = try JSONValue(parsing: Array(body.utf8).span)
        let (after, _) = try Self.write(try Self.read(body))
        for member in before.members ?? [] where member.key != "model" {
            #expect(after[member.key] == member.value, "\(member.key)")
        }
    }

    @Test(
        "name the member at fault when they are refused",
        arguments: [
            ("{}", "model"), (#"{"model":"a b"}"#, "model"), (#"{"model":"m","max_tokens":1}"#, "messages"),
            (#"{"model":"m","max_tokens":1,"messages":[]}"#, "messages"),
            (#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#, "max_tokens"),
            (#"{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"a"}]}"#, "max_tokens"),
            (#"{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"a"}]}"#, "messages[0].role"),
            (#"{"model":"m","max_tokens":1,"messages":[{"role":"user"}]}"#, "messages[0].content"),
            (#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":5}]}"#, "messages[0].content"),
            (#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[5]}]}"#, "messages[0].content[0]"),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
                "messages[0].content[0].text"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#,
                "messages[0].content[0].tool_use_id"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"f","input":"{}"}]}]}"#,
                "messages[0].content[0].input"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}]}"#,
                "messages[0].content[0].source.url"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"tools":[{"name":"f"}]}"#,
                "tools[0].input_schema"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"tool_choice":{"type":"tool"}}"#,
                "tool_choice.name"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"thinking":{"type":"enabled"}}"#,
                "thinking.budget_tokens"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"stop_sequences":[1]}"#,
                "stop_sequences[0]"
            ),
            (
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"output_config":{"format":{"type":"json_schema"}}}"#,
                "output_config.format.schema"
            ),
            (#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"system":5}"#, "system"),
            (#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"stream":"yes"}"#, "stream"),
        ])
    func refusals(body: String, parameter: String) throws {
        let error = try #require(throws: DialectError.self) { try Self.read(body) }
        #expect(error.parameter == parameter && error.status == 400)
    }

    @Test("to count tokens need no bound on the answer")
    func count() throws {
        let body = #"{"model":"m","messages":[{"role":"user","content":"a"}]}"#
        #expect(try Self.read(body, asksAnswer: false).outputLimit == nil)
    }

    @Test("bring carried signatures back to their makers (lessons 46 and 47)")
    func carriers() throws {
        let chat = try Self.read(
            #"""
            {"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"t","signature":"slc1.gemini.c2ln"},{"type":"thinking","thinking":"u","signature":""},
            {"type":"redacted_thinking","data":"slc1.gemini-call.Y2FsbA=="},
            {"type":"tool_use","id":"i","name":"f","input":{}},{"type":"tool_use","id":"j","name":"f","input":{}}]}]}
            """#)
        let message = try #require(chat.messages.last)
        #expect(message.toolCalls.map(\.signature) == [OpaqueSignature(maker: "gemini", payload: "Y2FsbA=="), nil])
        #expect(
            message.content
                == .parts([
                    ChatPart(.reasoning(text: "t", signature: OpaqueSignature(maker: "gemini", payload: "c2ln"))),
                    ChatPart(.reasoning(text: "u", signature: nil)),
                ]))
        // None of it is for Anthropic, and no signature is made up.
        let (body, dropped) = try Self.write(chat)
        #expect(body["messages"]?[1]?["content"]?.elements?.compactMap { $0["type"]?.string } == ["tool_use", "tool_use"])
        #expect(dropped == ["messages[1].content[0]", "messages[1].content[1]"])
    }

    @Test("give up a budget for thinking when the turn's own thinking was another maker's (lesson 47)")
    func foreignTurn() throws {
        let chat = try Self.read(
            #"""
            {"model":"m","max_tokens":5000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[
            {"role":"user","content":"a"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"t","signature":"slc1.gemini.c2ln"},
            {"type":"tool_use","id":"i","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":"r"}]}]}
            """#)
        let (body, dropped) = try Self.write(chat)
        #expect(body["thinking"] == nil && dropped == ["messages[1].content[0]", "thinking"])
        // The maker itself gets its signature back, bare.
        let (own, _) = try Self.write(chat, maker: "gemini")
        #expect(own["messages"]?[1]?["content"]?[0]?["signature"]?.string == "c2ln")
        #expect(own["thinking"]?["budget_tokens"]?.integer == 2000)
    }

    @Test("drop citations that were made here, and keep Anthropic's own")
    func citations() throws {
        let made = #"{"type":"web_search_result_location","url":"u","encrypted_index":"slc1.citation."}"#
        let own = #"{"type":"web_search_result_location","url":"u","encrypted_index":"abc"}"#
        for (citations, count) in [(made, nil), (own, 1), (made + "," + own, 1)] as [(String, Int?)] {
            let chat = try Self.read(
                #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"#
                    + #"[{"type":"text","text":"t","citations":[\#(citations)]}]}]}"#)
            let (body, _) = try Self.write(chat)
            #expect(body["messages"]?[1]?["content"]?[0]?["citations"]?.elements?.count == count)
        }
    }

    @Test("of any type in any member are taken or refused by that member's name")
    func anyMember() throws {
        let members = [
            "model", "messages", "system", "tools", "tool_choice", "max_tokens", "temperature", "top_p", "top_k", "stream",
            "stop_sequences", "thinking", "output_config", "output_format", "metadata", "container", "unknown",
        ]
        let values = [
            "null", "true", "-1", "0", "1e9", "1e308", #""""#, #""x""#, "[]", "{}", "[null]", "[{}]", "[[]]", #"{"type":"x"}"#,
            #"[{"role":"user","content":[{}]}]"#, #"[{"type":"text"}]"#, #"{"format":5,"effort":5}"#,
        ]
        var taken = 0
        for member in members {
            for value in values {
                let others = [
                    #""model":"m""#, #""max_tokens":5"#, #""messages":[{"role":"user","content":"hi"}]"#,
                ].filter { !$0.hasPrefix("\"\(member)\"") }
                do {
                    let chat = try Self.read("{\((others + ["\"\(member)\":\(value)"]).joined(separator: ","))}")
                    _ = try Self.write(chat)
                    taken += 1
                } catch let error as DialectError {
                    #expect(error.parameter?.hasPrefix(member) == true, "\(member): \(value)")
                }
            }
        }
        #expect(taken > 60)
    }
}
