// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

/// Reads a request of a dialect.
func geminiRequest(
    _ body: String, in dialect: Dialect = .gemini, model: String? = "gemini-3-pro"
) throws(DialectError) -> ChatRequest {
    let bytes = Array(body.utf8)
    return try dialect.codec.decodeRequest(bytes.span, RequestAddress(model: model, streams: true)).chat
}

/// Writes a request in a dialect: the body and what was left out.
func write(
    _ chat: ChatRequest, in dialect: Dialect = .gemini, model: String = "gemini-3-pro",
    maker: String = "gemini",
    _ change: (inout DialectQuirks) -> Void = { _ in }
) throws -> (body: JSONValue, dropped: [String]) {
    var quirks = DialectQuirks()
    change(&quirks)
    var buffer = ByteBuffer()
    let target = RequestTarget(model: model, streams: true, maker: maker, quirks: quirks)
    let dropped = try dialect.codec.encodeRequest(chat, target, into: &buffer)
    return (try JSONValue(parsing: buffer.bytes), dropped)
}

@Suite("Requests of Gemini") struct GeminiRequestTests {
    static let full = #"""
        {"systemInstruction":{"parts":[{"text":"Be brief."}]},
        "contents":[{"role":"user","parts":[{"text":"Look"},{"inlineData":{"mimeType":"image/png","data":"AAEC"}},
        {"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/v.mp4"},"videoMetadata":{"fps":2}},
        {"inlineData":{"mimeType":"audio/wav","data":"AAEC"}}]},
        {"role":"model","parts":[{"text":"Hm","thought":true,"thoughtSignature":"c2ln"},{"text":"I call"},
        {"functionCall":{"id":"a","name":"f","args":{"title":"x","default":[1.50]}},"thoughtSignature":"c2ln"},
        {"functionCall":{"id":"b","name":"g","args":{}}}]},
        {"role":"user","parts":[{"functionResponse":{"id":"b","name":"g","response":{"error":"no"}}},
        {"functionResponse":{"id":"a","name":"f","response":{"a":{"b":1}},"scheduling":"SILENT"}},{"text":"Go on"}]}],
        "tools":[{"functionDeclarations":[{"name":"f","description":"F","behavior":"BLOCKING",
        "parametersJsonSchema":{"type":"object","properties":{"default":{"type":"string","default":"d"}},"$defs":{}}}]},
        {"googleSearch":{"x":1}}],
        "toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"},"retrievalConfig":{"languageCode":"de"}},
        "generationConfig":{"temperature":0.70,"topP":1,"topK":40,"candidateCount":2,"maxOutputTokens":100,
        "stopSequences":["a","b"],"presencePenalty":0.1,"frequencyPenalty":0.2,"seed":7,"responseLogprobs":true,
        "logprobs":3,"responseMimeType":"application/json","responseJsonSchema":{"type":"object"},
        "thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH","x":2},"speechConfig":{"y":1}},
        "safetySettings":[{"category":"C"}],"cachedContent":"cachedContents/1","labels":{"snake_key":"v"},"new":null}
        """#

    @Test("every field is kept when a request is written again in its own dialect")
    func roundTrip() throws {
        let chat = try geminiRequest(Self.full)
        #expect(chat.streams && chat.model == "gemini-3-pro" && chat.origin == .gemini)
        let (body, dropped) = try write(chat)
        let expected = try json(Self.full)
        #expect(dropped.isEmpty)
        let sorted = GeminiRecordingTests().sorted
        for member in expected.members ?? [] {
            #expect(body[member.key].map(sorted)?.written == sorted(member.value).written)
        }
        #expect(try geminiRequest(body.written) == chat)
    }

    @Test("names with underscores are read, but not those of arguments or labels")
    func snakeCase() throws {
        let chat = try geminiRequest(
            #"""
            {"system_instruction":{"parts":[{"text":"S"}]},"contents":[{"parts":[{"inline_data":{"mime_type":"image/png",
            "data":"AA"}}]},{"role":"model","parts":[{"function_call":{"name":"f","args":{"a_b":1}},"thought_signature":"c2ln"}]},
            {"parts":[{"function_response":{"name":"f","response":{"result":"ok"}}}]}],
            "tools":[{"function_declarations":[{"name":"f","parameters_json_schema":{"properties":{"a_b":{}}}}]}],
            "tool_config":{"function_calling_config":{"mode":"any","allowed_function_names":["f"]}},
            "generation_config":{"max_output_tokens":5,"thinking_config":{"thinking_budget":-1}},"labels":{"a_b":"c"}}
            """#)
        #expect(chat.messages.map(\.role) == [.system, .user, .assistant, .tool])
        #expect(chat.messages[2].toolCalls[0].input == .arguments(#"{"a_b":1}"#))
        #expect(chat.messages[2].toolCalls[0].signature == OpaqueSignature(maker: "gemini", payload: "c2ln"))
        #expect(
            chat.messages[3].toolCallID == chat.messages[2].toolCalls[0].id && chat.messages[3].text == "ok")
        #expect(chat.toolChoice == .function(name: "f"))
        #expect(chat.outputLimit?.tokens == 5 && chat.reasoning.budget == -1)
        #expect(chat.extras == [.init("labels", .object([.init("a_b", .string("c"))]))])
    }

    @Test("results without ids are matched by name and order, and Google never sees the ids made for them")
    func madeIDs() throws {
        let text = #"""
            {"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}}},
            {"functionCall":{"name":"g"}},{"functionCall":{"name":"f","args":{"n":2}}}]},{"parts":[
            {"functionResponse":{"name":"f","response":{"result":"1"}}},{"functionResponse":{"name":"f","response":{}}},
            {"functionResponse":{"name":"g","response":{}}}]}]}
            """#
        let chat = try geminiRequest(text)
        let ids = chat.messages[1].toolCalls.map(\.id)
        #expect(Set(ids).count == 3)
        #expect(chat.messages[2...].map(\.toolCallID) == [ids[0], ids[2], ids[1]])
        #expect(try geminiRequest(text) == chat)
        #expect(!(try write(chat).body.written.contains("\"id\"")))
    }

    @Test("OpenAPI's form of a schema is read as JSON Schema, but for names and values")
    func openAPISchema() throws {
        let chat = try geminiRequest(
            #"""
            {"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT",
            "properties":{"type":{"type":"STRING","nullable":true,"enum":["TYPE"]},"minItems":{"type":"ARRAY","minItems":"2",
            "items":{"type":"INTEGER"}}}}}]}]}
            """#)
        guard case .function(let schema?, _) = chat.tools[0].kind else {
            Issue.record("a function")
            return
        }
        #expect(
            schema.written
                == #"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["TYPE"]},"#
                + #""minItems":{"type":"array","minItems":2,"items":{"type":"integer"}}}}"#)
    }

    @Test(
        "a wrong request names the member at fault",
        arguments: [
            ("{}", "contents"), (#"{"contents":[]}"#, "contents"), (#"{"contents":[5]}"#, "contents[0]"),
            (#"{"contents":[{"role":"x"}]}"#, "contents[0].role"),
            (#"{"contents":[{"parts":[{"text":5}]}]}"#, "contents[0].parts[0].text"),
            (
                #"{"contents":[{"role":"model","parts":[{"functionCall":{"args":{}}}]}]}"#,
                "contents[0].parts[0].functionCall.name"
            ),
            (
                #"{"contents":[{"parts":[]}],"generationConfig":{"maxOutputTokens":"5"}}"#,
                "generationConfig.maxOutputTokens"
            ),
            (
                #"{"contents":[{"parts":[]}],"toolConfig":{"functionCallingConfig":{"mode":"X"}}}"#,
                "toolConfig.functionCallingConfig.mode"
            ),
            (
                #"{"contents":[{"parts":[]}],"tools":[{"functionDeclarations":[{}]}]}"#,
                "tools[0].functionDeclarations[0].name"
            ),
            (#"{"contents":[{"parts":[]}],"contents":[]}"#, "contents"),
        ])
    func wrong(text: String, parameter: String) {
        let error = #expect(throws: DialectError.self) { try geminiRequest(text) }
        #expect(error?.parameter == parameter && error?.status == 400)
    }

    @Test("a count of tokens is read with its request inside")
    func count() throws {
        let text = Array(
            #"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"x"}]}]}}"#.utf8)
        var address = RequestAddress()
        address.asksAnswer = false
        let chat = try GeminiCodec().decodeRequest(text.span, address).chat
        #expect(chat.model == "m" && chat.lastUserText == "x")
    }

    @Test("a body for the same dialect passes unchanged, without a member for streaming")
    func passthrough() throws {
        let text = #"{"contents":[{"parts":[{"text":"x"}]}],"model":"old", "x":1}"#
        let bytes = Array(text.utf8)
        let outline = try GeminiCodec().decodeRequest(bytes.span, RequestAddress(model: "m", streams: true))
            .outline
        var buffer = ByteBuffer()
        outline.writePassthrough(bytes.span, model: "new", streams: true, into: &buffer)
        #expect(buffer.text == text.replacing("\"old\"", with: "\"new\""))
    }
}
