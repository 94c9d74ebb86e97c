// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Google's internal service") struct AntigravityTests {
    func chat(_ more: String = "") throws -> ChatRequest {
        try geminiRequest(#"{"model":"m","messages":[{"role":"user","content":"Hi"}]\#(more)}"#, in: .openAIChat)
    }

    @Test("a request goes in an envelope whose ids depend on it alone")
    func envelope() throws {
        let made = try write(try chat(), in: .antigravity) { $0.project = "p-1" }.body
        #expect(
            made.members?.map(\.key) == [
                "project", "model", "userAgent", "requestType", "requestId", "request",
            ])
        #expect(made["project"] == .string("p-1") && made["requestType"] == .string("agent"))
        #expect(made["request"]?["contents"]?.written == #"[{"role":"user","parts":[{"text":"Hi"}]}]"#)
        let id = try #require(made["requestId"]?.string)
        #expect(
            id.wholeMatch(of: /agent-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/) != nil)
        #expect(made["request"]?["sessionId"]?.string?.wholeMatch(of: /-[0-9]{18}/) != nil)
        #expect(try write(try chat(), in: .antigravity) { $0.project = "p-1" }.body == made)
        let other = try write(try chat(#","temperature":1"#), in: .antigravity).body
        #expect(
            other["requestId"] != made["requestId"]
                && other["request"]?["sessionId"] == made["request"]?["sessionId"])
    }

    @Test("schemas lose what the service refuses; names of properties, values and arguments are left alone")
    func schemas() throws {
        let schema = ##"""
            {"$schema":"s","type":"object","additionalProperties":false,"$defs":{"D":{"type":"string","default":"x"}},
            "properties":{"default":{"$ref":"#/$defs/D","description":"d"},"const":{"const":"k"},"n":{"type":["integer","null"]},
            "e":{"enum":[1,2],"type":"integer"},"title":{"oneOf":[{"type":"string","format":"uri"},{"type":"number"}]}}}
            """##
        let tools = #","tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}]"#
        let made = try write(try chat(tools), in: .antigravity).body
        #expect(
            made["request"]?["tools"]?[0]?["functionDeclarations"]?[0]?["parameters"]?.written
                == #"{"type":"object","properties":{"default":{"type":"string","description":"d"},"const":{"enum":["k"]},"#
                + #""n":{"type":"integer","nullable":true},"e":{"type":"integer"},"#
                + #""title":{"anyOf":[{"type":"string"},{"type":"number"}]}}}"#)
    }

    @Test("a schema that refers to itself comes to an end")
    func recursion() throws {
        let node =
            ##"{"type":"object","properties":{"a":{"$ref":"#/$defs/N"},"b":{"$ref":"#/$defs/N"},"c":{"$ref":"#/$defs/N"}}}"##
        let schema = try json(##"{"$ref":"#/$defs/N","$defs":{"N":\##(node)}}"##)
        let clean = GeminiSchema.cleaned(schema).written
        #expect(!clean.contains("$ref") && clean.utf8.count < 100_000)
        let loop = try json(##"{"$ref":"#"}"##)
        #expect(GeminiSchema.cleaned(loop).written == #"{"type":"object"}"#)
    }

    @Test("Claude is asked to check calls, and the limit leaves room behind the budget")
    func claude() throws {
        let more =
            #","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","max_tokens":100,"reasoning_effort":"low""#
        let made = try write(
            try chat(more), in: .antigravity, model: "claude-sonnet-4-6", maker: "google-claude"
        ).body
        #expect(made["request"]?["toolConfig"]?["functionCallingConfig"]?["mode"] == .string("VALIDATED"))
        #expect(made["request"]?["generationConfig"]?["maxOutputTokens"] == .number("1124"))
        #expect(made["request"]?["generationConfig"]?["thinkingConfig"]?["thinkingBudget"] == .number("1024"))
        let forced = try write(
            try chat(more.replacing("\"auto\"", with: "\"required\"")), in: .antigravity, model: "claude-x"
        ).body
        #expect(forced["request"]?["toolConfig"]?["functionCallingConfig"]?["mode"] == .string("ANY"))
    }

    @Test("safety settings, and tools of Google's beside functions, are left out")
    func leftOut() throws {
        let asked = try geminiRequest(
            #"{"contents":[{"parts":[{"text":"x"}]}],"safetySettings":[],"tools":[{"functionDeclarations":[{"name":"f"}]},{"googleSearch":{}}]}"#
        )
        let made = try write(asked, in: .antigravity)
        #expect(made.dropped == ["safetySettings", "tools"])
        #expect(made.body["request"]?["tools"]?.written == #"[{"functionDeclarations":[{"name":"f"}]}]"#)
        #expect(made.body["request"]?["safetySettings"] == nil)
    }

    @Test(
        "names of functions that the service refuses are refused before", arguments: ["1f", "a b", "", "ä"])
    func names(name: String) throws {
        var asked = try chat()
        asked.tools = [ChatTool(name: name, kind: .function(parameters: nil, isStrict: nil))]
        let error = #expect(throws: DialectError.self) { try write(asked, in: .antigravity) }
        #expect(error?.parameter == "tools[0].name")
    }

    @Test("a client's envelope is opened, and closed again as it was")
    func open() throws {
        let text = #"""
            {"model":"gemini-3-pro","project":"mine","user_prompt_id":"u","request":{"contents":[{"role":"user",
            "parts":[{"text":"x"}]}],"session_id":"s"},"enabled_credit_types":["A"]}
            """#
        let asked = try geminiRequest(text, in: .antigravity, model: nil)
        #expect(asked.model == "gemini-3-pro" && asked.lastUserText == "x")
        let made = try write(asked, in: .antigravity).body
        for name in ["project", "user_prompt_id", "enabled_credit_types"] {
            #expect(made[name] == (try json(text))[name])
        }
        #expect(made["request"]?.members?.count == 2)
        #expect(!(try write(asked, in: .gemini).body.written.contains("envelope")))
        let error = #expect(throws: DialectError.self) {
            try geminiRequest(#"{"model":"m","request":{"contents":[{"role":"x"}]}}"#, in: .antigravity)
        }
        #expect(error?.parameter == "request.contents[0].role")
    }

    @Test("chunks stand in an envelope; one without an answer says nothing, and OTHER after a call is a call")
    func stream() throws {
        var replay = GeminiReplay(from: .antigravity, to: .antigravity, maker: "google-claude")
        func wrap(_ text: String) -> String { #"{"response":\#(text),"traceId":"t"}"# }
        #expect(replay.feed(#"{"traceId":"t","metadata":{}}"#).deltas.isEmpty)
        replay.feed(wrap(chunk(#"{"text":"hm","thought":true}"#)))
        replay.feed(wrap(chunk(#"{"text":"","thought":true,"thoughtSignature":"c2ln"}"#)))
        replay.feed(wrap(chunk(#"{"functionCall":{"id":"toolu_vrtx_1","name":"f","args":{}}}"#)))
        replay.feed(wrap(chunk(#"{"text":""}"#, #","finishReason":"OTHER""#)))
        replay.end()
        #expect(replay.decoder.ending == .complete && replay.accumulator.choices[0].finish == .toolCalls)
        #expect(replay.accumulator.choices[0].parts[0].signature == "c2ln")
        for value in try replay.values() {
            #expect(value["response"]?["candidates"] != nil && value["traceId"] != nil)
        }
        // The client sends the signature back, and it finds its maker.
        let sent = try replay.values().compactMap {
            $0["response"]?["candidates"]?[0]?["content"]?["parts"]?[0]?["thoughtSignature"]?.string
        }
        let back = try geminiRequest(
            #"{"contents":[{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"\#(sent[0])"}]}]}"#
        )
        let made = try write(back, in: .antigravity, model: "claude-x", maker: "google-claude").body
        #expect(made["request"]?["contents"]?[1]?["parts"]?[0]?["thoughtSignature"] == .string("c2ln"))
        #expect(!(try write(back).body.written.contains("thoughtSignature")))
    }
}
