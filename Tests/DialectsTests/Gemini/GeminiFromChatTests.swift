// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON
import Testing

@testable import Dialects

@Suite("Chat requests written for Gemini") struct GeminiFromChatTests {
    func chat(_ messages: String, _ more: String = "") throws -> ChatRequest {
        try geminiRequest(#"{"model":"m","messages":[\#(messages)]\#(more)}"#, in: .openAIChat)
    }

    let user = #"{"role":"user","content":"Hi"}"#
    let calls = #"""
        {"role":"assistant","content":null,"tool_calls":[
        {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
        {"id":"c2","type":"function","function":{"name":"g","arguments":"oops"}}]}
        """#
    let results = #"""
        {"role":"tool","tool_call_id":"c2","content":"two"},{"role":"tool","tool_call_id":"c1","content":"{\"n\":1}"}
        """#

    @Test("turns are merged, results of a batch stand in one content with their names, unsigned calls pass")
    func turns() throws {
        let body = try write(
            try chat(
                #"{"role":"system","content":"S"},"# + user + "," + user + "," + calls + "," + results + ","
                    + user)
        ).body
        #expect(body["systemInstruction"]?.written == #"{"parts":[{"text":"S"}]}"#)
        #expect(
            body["contents"]?.written
                == #"[{"role":"user","parts":[{"text":"Hi"},{"text":"Hi"}]},{"role":"model","parts":["#
                + #"{"functionCall":{"id":"c1","name":"f","args":{"a":1}},"thoughtSignature":"skip_thought_signature_validator"},"#
                + #"{"functionCall":{"id":"c2","name":"g","args":{"_raw":"oops"}}}]},{"role":"user","parts":["#
                + #"{"functionResponse":{"id":"c2","name":"g","response":{"result":"two"}}},"#
                + #"{"functionResponse":{"id":"c1","name":"f","response":{"n":1}}},{"text":"Hi"}]}]"#)
    }

    @Test("only Gemini 3 is given the value that stands for a signature, and only where its own is missing")
    func bypass() throws {
        let older = try write(try chat(user + "," + calls + "," + results), model: "gemini-2.5-pro").body
        #expect(!older.written.contains("thoughtSignature"))
        var signed = try chat(user + "," + calls + "," + results)
        signed.messages[1].toolCalls[0].signature = OpaqueSignature(maker: "gemini", payload: "c2ln")
        #expect(try write(signed).body.written.contains(#""thoughtSignature":"c2ln"}"#))
        #expect(!(try write(signed).body.written.contains("skip_")))
        signed.messages[1].toolCalls[0].signature = OpaqueSignature(maker: "anthropic", payload: "c2ln")
        #expect(!(try write(signed).body.written.contains("c2ln")))
    }

    @Test("reasoning goes back to its maker alone", .bug(id: "lessons 47"))
    func reasoning() throws {
        var chat = try chat(user)
        func message(_ maker: String) -> ChatMessage {
            let own = OpaqueSignature(maker: maker, payload: "c2ln")
            return ChatMessage(
                role: .assistant,
                content: .parts([
                    ChatPart(.reasoning(text: "hm", signature: own)),
                    ChatPart(.reasoning(text: "loose", signature: nil)),
                    ChatPart(.text("Hi")), ChatPart(.reasoning(text: "", signature: own)),
                ]))
        }
        chat.messages.append(message("gemini"))
        #expect(
            try write(chat).body["contents"]?[1]?["parts"]?.written
                == #"[{"text":"hm","thought":true,"thoughtSignature":"c2ln"},{"text":"Hi","thoughtSignature":"c2ln"}]"#
        )
        chat.messages[1] = message("anthropic")
        #expect(try write(chat).body["contents"]?[1]?["parts"]?.written == #"[{"text":"Hi"}]"#)
    }

    @Test("a conversation begins with the user and is never empty")
    func opening() throws {
        let only = try write(try chat(#"{"role":"system","content":"S"}"#)).body
        #expect(only.written == #"{"contents":[{"role":"user","parts":[{"text":"S"}]}]}"#)
        let model = try write(
            try chat(#"{"role":"assistant","content":"A"},{"role":"developer","content":"D"}"#)
        ).body
        #expect(model["contents"]?.elements?.map { $0["role"]?.string } == ["user", "model", "user"])
    }

    @Test(
        "parameters find their places",
        arguments: [
            (
                #""temperature":0.50,"top_p":1,"seed":3,"stop":["x"],"max_completion_tokens":9,"n":2"#,
                #"{"temperature":0.50,"topP":1,"candidateCount":2,"maxOutputTokens":9,"stopSequences":["x"],"seed":3}"#
            ),
            (#""response_format":{"type":"json_object"}"#, #"{"responseMimeType":"application/json"}"#),
            (
                #""response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}"#,
                #"{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}"#
            ),
            (
                #""reasoning_effort":"medium""#,
                #"{"thinkingConfig":{"thinkingLevel":"MEDIUM","includeThoughts":true}}"#
            ),
            (#""reasoning_effort":"none""#, #"{"thinkingConfig":{"thinkingLevel":"LOW"}}"#),
            (#""logprobs":true,"top_logprobs":2"#, #"{"responseLogprobs":true,"logprobs":2}"#),
        ])
    func parameters(more: String, expected: String) throws {
        #expect(try write(try chat(user, "," + more)).body["generationConfig"]?.written == expected)
    }

    @Test(
        "effort becomes a budget where the model knows no levels",
        arguments: [
            ("low", "gemini-2.5-flash", #"{"thinkingBudget":1024,"includeThoughts":true}"#),
            ("high", "gemini-2.5-pro", #"{"thinkingBudget":24576,"includeThoughts":true}"#),
            ("none", "gemini-2.5-flash", #"{"thinkingBudget":0}"#),
            ("none", "gemini-2.5-pro", #"{"thinkingBudget":128}"#),
        ])
    func budgets(effort: String, model: String, expected: String) throws {
        let made = try write(try chat(user, #","reasoning_effort":"\#(effort)""#), model: model)
        #expect(made.body["generationConfig"]?["thinkingConfig"]?.written == expected)
    }

    @Test(
        "tool choices become modes",
        arguments: [
            (#""none""#, #"{"mode":"NONE"}"#), (#""auto""#, #"{"mode":"AUTO"}"#),
            (#""required""#, #"{"mode":"ANY"}"#),
            (
                #"{"type":"function","function":{"name":"f"}}"#,
                #"{"mode":"ANY","allowedFunctionNames":["f"]}"#
            ),
        ])
    func choices(choice: String, expected: String) throws {
        let tool = ##"{"type":"function","function":{"name":"f","strict":true,"parameters":{"$ref":"#/x"}}}"##
        let made = try write(try chat(user, #","tools":[\#(tool)],"tool_choice":\#(choice)"#))
        #expect(made.body["toolConfig"]?["functionCallingConfig"]?.written == expected)
        #expect(
            made.body["tools"]?.written
                == ##"[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"$ref":"#/x"}}]}]"##)
        #expect(made.dropped == ["tools[0].strict"])
    }

    @Test("images go inline or by their address, sound inline")
    func media() throws {
        let made = try write(
            try chat(
                #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAEC"}},"#
                    + #"{"type":"image_url","image_url":{"url":"https://e.example/a.jpg?x=1"}},"#
                    + #"{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}"#))
        #expect(
            made.body["contents"]?[0]?["parts"]?.written
                == #"[{"inlineData":{"mimeType":"image/png","data":"AAEC"}},"#
                + #"{"fileData":{"mimeType":"image/jpeg","fileUri":"https://e.example/a.jpg?x=1"}},"#
                + #"{"inlineData":{"mimeType":"audio/wav","data":"AA"}}]"#)
    }

    @Test(
        "what can be left out is named",
        arguments: [
            (#""user":"u""#, "user"), (#""verbosity":"low""#, "verbosity"),
            (#""parallel_tool_calls":false"#, "parallel_tool_calls"),
            (#""service_tier":"flex""#, "service_tier"), (#""tools":[{"type":"web_search"}]"#, "tools[0]"),
        ])
    func dropped(more: String, name: String) throws {
        #expect(try write(try chat(user, "," + more)).dropped == [name])
    }

    @Test(
        "what cannot be left out is refused by its own name",
        arguments: [
            (#""previous_response_id":"r""#, "previous_response_id"),
            (#""conversation":"c""#, "conversation"),
            (#""stop":["1","2","3","4","5","6"]"#, "stop"), (#""tool_choice":"required""#, "tool_choice"),
        ])
    func refused(more: String, name: String) throws {
        let asked = try chat(user, "," + more)
        let error = #expect(throws: DialectError.self) { try write(asked) }
        #expect(error?.parameter == name)
    }

    @Test(
        "a result of no call and a file of another vendor are refused",
        arguments: [
            (#"{"role":"tool","tool_call_id":"z","content":"x"}"#, "messages[1].tool_call_id"),
            (
                #"{"role":"user","content":[{"type":"text","text":"x"},{"type":"file","file":{"file_id":"file-1"}}]}"#,
                "messages[1].content[1].file"
            ),
        ])
    func refusedMessages(message: String, name: String) throws {
        let asked = try chat(user + "," + message)
        let error = #expect(throws: DialectError.self) { try write(asked) }
        #expect(error?.parameter == name)
    }

    @Test("a Gemini request written for the chat dialect keeps its calls, results and settings")
    func toChat() throws {
        let text = #"""
            {"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{"n":1}}}]},
            {"parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":"1"}}}]}],
            "tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}],
            "toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"generationConfig":{"maxOutputTokens":5,"stopSequences":["s"],
            "thinkingConfig":{"thinkingLevel":"LOW"},"responseMimeType":"application/json"}}
            """#
        let body = try write(try geminiRequest(text), in: .openAIChat, model: "gpt", maker: "openai").body
        #expect(
            body["messages"]?[1]?["tool_calls"]?[0]?["function"]?.written
                == #"{"name":"f","arguments":"{\"n\":1}"}"#)
        #expect(
            body["messages"]?[2]?["content"] == .string("1")
                && body["messages"]?[2]?["tool_call_id"] == .string("a"))
        #expect(body["tool_choice"] == .string("required") && body["stop"]?.written.contains("s") == true)
        #expect(body["reasoning_effort"] == .string("low") && body["max_completion_tokens"] == .number("5"))
        #expect(body["tools"]?[0]?["function"]?["parameters"]?["type"] == .string("object"))
    }
}
