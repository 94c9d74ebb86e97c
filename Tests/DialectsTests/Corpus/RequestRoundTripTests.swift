// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

/// The same request from every door, written for every provider and read again in the provider's dialect.
@Suite("Requests from door to provider")
struct RequestRoundTripTests {
    static let providers: [Dialect] = [.openAIChat, .openAIResponses, .anthropic, .gemini, .antigravity, .ollama]
    static let ways = HubPassage.clients.flatMap { door in providers.map { (door, $0) } }

    /// The request as the client of a door says it; its reasoning and its call were signed by `maker`.
    static func body(_ door: Dialect, maker: String, more: String) -> String {
        let bare = door.maker == maker
        let carrier = bare ? "c2ln" : "slc1.\(maker).c2ln"
        let callCarrier = bare ? "c2ln" : "slc1.\(maker).c2ln"
        let schema = #"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#
        let image = "iVBORw0KGgo="
        switch door {
        case .openAIResponses:
            return #"""
                {"model":"m","instructions":"Be brief.","input":[
                {"role":"user","content":[{"type":"input_text","text":"Look."},
                {"type":"input_image","image_url":"data:image/png;base64,\#(image)"}]},
                {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],
                "encrypted_content":"\#(carrier)"},
                {"role":"assistant","content":[{"type":"output_text","text":"I look."}]},
                {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"slc1.\#(maker)-call.Y2FsbA=="},
                {"type":"function_call","call_id":"call_1","name":"get_weather","arguments":"{\"city\":\"Paris\"}"},
                {"type":"function_call_output","call_id":"call_1","output":"sunny"},
                {"role":"user","content":"And now?"}],
                "tools":[{"type":"function","name":"get_weather","description":"Weather","parameters":\#(schema)}],
                "text":{"format":{"type":"json_schema","name":"answer","schema":\#(schema)}},
                "max_output_tokens":100,"temperature":0.5,"top_p":0.9\#(more)}
                """#
        case .anthropic:
            return #"""
                {"model":"m","max_tokens":100,"system":"Be brief.","messages":[
                {"role":"user","content":[{"type":"text","text":"Look."},
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"\#(image)"}}]},
                {"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"\#(carrier)"},
                {"type":"text","text":"I look."},{"type":"redacted_thinking","data":"slc1.\#(maker)-call.Y2FsbA=="},
                {"type":"tool_use","id":"call_1","name":"get_weather","input":{"city":"Paris"}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"sunny"},
                {"type":"text","text":"And now?"}]}],
                "tools":[{"name":"get_weather","description":"Weather","input_schema":\#(schema)}],
                "output_config":{"format":{"type":"json_schema","schema":\#(schema)}},
                "temperature":0.5,"top_p":0.9\#(more)}
                """#
        case .gemini:
            let call = bare ? "Y2FsbA==" : base64("slc1.\(maker).Y2FsbA==")
            return #"""
                {"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[
                {"role":"user","parts":[{"text":"Look."},{"inlineData":{"mimeType":"image/png","data":"\#(image)"}}]},
                {"role":"model","parts":[{"text":"Hm.","thought":true,"thoughtSignature":"\#(bare ? carrier : base64(carrier))"},
                {"text":"I look."},{"functionCall":{"id":"call_1","name":"get_weather","args":{"city":"Paris"}},
                "thoughtSignature":"\#(call)"}]},
                {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"get_weather","response":{"result":"sunny"}}},
                {"text":"And now?"}]}],
                "tools":[{"functionDeclarations":[{"name":"get_weather","description":"Weather",
                "parametersJsonSchema":\#(schema)}]}],
                "generationConfig":{"maxOutputTokens":100,"temperature":0.5,"topP":0.9,
                "responseMimeType":"application/json","responseJsonSchema":\#(schema)}\#(more)}
                """#
        default:
            let signature = bare ? "Y2FsbA==" : "slc1.\(maker).Y2FsbA=="
            return #"""
                {"model":"m","messages":[{"role":"system","content":"Be brief."},
                {"role":"user","content":[{"type":"text","text":"Look."},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,\#(image)"}}]},
                {"role":"assistant","content":"I look.","reasoning_content":"Hm.",
                "reasoning_details":[{"type":"reasoning.text","text":"Hm.","signature":"\#(callCarrier)","index":0}],
                "tool_calls":[{"id":"call_1","type":"function",
                "function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"},
                "extra_content":{"google":{"thought_signature":"\#(signature)"}}}]},
                {"role":"tool","tool_call_id":"call_1","content":"sunny"},{"role":"user","content":"And now?"}],
                "tools":[{"type":"function","function":{"name":"get_weather","description":"Weather","parameters":\#(schema)}}],
                "response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":\#(schema)}},
                "max_completion_tokens":100,"temperature":0.5,"top_p":0.9\#(more)}
                """#
        }
    }

    static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    /// The request that a provider reads, from what a client of a door says.
    static func read(_ door: Dialect, _ provider: Dialect, more: String = "") throws -> ChatRequest {
        let body = Array(body(door, maker: provider.maker, more: more).utf8)
        let address = door == .gemini ? RequestAddress(model: "m", streams: true) : RequestAddress()
        let chat = try door.codec.decodeRequest(body.span, address).chat
        let target = RequestTarget(model: "m", streams: true, maker: provider.maker)
        var written = ByteBuffer()
        _ = try provider.codec.encodeRequest(chat, target, into: &written)
        let isGoogle = provider == .gemini || provider == .antigravity
        if provider == .antigravity {
            // The envelope holds a request of Gemini's.
            let inner = try #require(try JSONValue(parsing: written.bytes)["request"])
            written = ByteBuffer.jsonText(inner)
        }
        let codec: any DialectCodec = provider == .antigravity ? GeminiCodec() : provider.codec
        return try codec.decodeRequest(
            written.bytes, isGoogle ? RequestAddress(model: "m", streams: true) : RequestAddress()
        ).chat
    }

    /// What was left out of the request for a provider.
    static func dropped(_ door: Dialect, _ provider: Dialect, more: String) throws -> [String] {
        let body = Array(body(door, maker: provider.maker, more: more).utf8)
        let address = door == .gemini ? RequestAddress(model: "m", streams: true) : RequestAddress()
        let chat = try door.codec.decodeRequest(body.span, address).chat
        var written = ByteBuffer()
        return try provider.codec.encodeRequest(
            chat, RequestTarget(model: "m", streams: true, maker: provider.maker), into: &written)
    }

    static func parts(_ message: ChatMessage) -> [ChatPart.Kind] {
        switch message.content {
        case .text(let text): text.isEmpty ? [] : [.text(text)]
        case .parts(let parts): parts.map(\.kind)
        case nil: []
        }
    }

    @Test("keep the conversation, its picture, its call and its result", arguments: ways)
    func conversation(door: Dialect, provider: Dialect) throws {
        let chat = try Self.read(door, provider)
        let messages = chat.messages.filter { !$0.text.isEmpty || !$0.toolCalls.isEmpty || $0.content != nil }
        let system = messages.filter { $0.role == .system || $0.role == .developer }
        #expect(system.map(\.text) == ["Be brief."])
        #expect(messages.filter { $0.role == .user }.map(\.text) == ["Look.", "And now?"])
        #expect(messages.filter { $0.role == .assistant }.map(\.text).joined() == "I look.")
        let images = messages.flatMap(Self.parts).compactMap { part in
            if case .image(let url, _) = part { url } else { nil }
        }
        #expect(images == ["data:image/png;base64,iVBORw0KGgo="])
        let calls = messages.flatMap(\.toolCalls)
        #expect(calls.map(\.name) == ["get_weather"])
        #expect(calls.map { ToolInput.object($0.arguments) } == [.object([.init("city", .string("Paris"))])])
        let result = try #require(messages.first { $0.role == .tool })
        #expect(result.toolCallID == calls.first?.id)
        #expect(result.text == "sunny" || result.text == #"{"result":"sunny"}"#, "\(result.text)")
        let roles = messages.map(\.role).filter { $0 != .system && $0 != .developer }
        #expect(roles.first == .user && roles.last == .user)
    }

    @Test("keep the tools, the form of the answer, its limit and how it is drawn", arguments: ways)
    func settings(door: Dialect, provider: Dialect) throws {
        let chat = try Self.read(door, provider)
        #expect(chat.tools.map(\.name) == ["get_weather"] && chat.tools.first?.description == "Weather")
        guard case .function(let parameters, _)? = chat.tools.first?.kind else {
            Issue.record("the tool is no function")
            return
        }
        #expect(parameters?["properties"]?["city"]?["type"]?.string?.lowercased() == "string")
        #expect(parameters?["required"] == .array([.string("city")]))
        guard case .jsonSchema(let format)? = chat.responseFormat else {
            Issue.record("the form is \(String(describing: chat.responseFormat))")
            return
        }
        #expect(format["schema"]?["properties"]?["city"] != nil)
        #expect(chat.outputLimit?.tokens == 100)
        #expect(chat.sampling.temperature == "0.5")
        // Anthropic's models take one of the two.
        let hasBoth = provider != .anthropic || door == .anthropic
        #expect(chat.sampling.topP == (hasBoth ? "0.9" : nil))
        #expect(chat.streams)
    }

    @Test("bring reasoning and call back to their maker with its signatures", arguments: ways)
    func signatures(door: Dialect, provider: Dialect) throws {
        // Ollama has no signatures.
        guard provider != .ollama else { return }
        let chat = try Self.read(door, provider)
        let reasoning = chat.messages.flatMap(Self.parts).compactMap { part -> OpaqueSignature? in
            if case .reasoning(_, let signature) = part { signature } else { nil }
        }
        #expect(reasoning.contains { $0.payload == "c2ln" }, "\(reasoning)")
        let call = chat.messages.flatMap(\.toolCalls).first?.signature
        // Only Google's calls are signed.
        if provider == .gemini || provider == .antigravity { #expect(call?.payload == "Y2FsbA==") }
    }

    @Test("keep the choice of tools", arguments: ways)
    func choices(door: Dialect, provider: Dialect) throws {
        let one: [Dialect: String] = [
            .openAIChat: #","tool_choice":{"type":"function","function":{"name":"get_weather"}}"#,
            .openAIResponses: #","tool_choice":{"type":"function","name":"get_weather"}"#,
            .anthropic: #","tool_choice":{"type":"tool","name":"get_weather"}"#,
            .gemini: #","toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["get_weather"]}}"#,
        ]
        let any: [Dialect: String] = [
            .openAIChat: #","tool_choice":"required""#, .openAIResponses: #","tool_choice":"required""#,
            .anthropic: #","tool_choice":{"type":"any"}"#,
            .gemini: #","toolConfig":{"functionCallingConfig":{"mode":"ANY"}}"#,
        ]
        for (texts, choice) in [(one, ToolChoice.function(name: "get_weather")), (any, .required)] {
            let more = try #require(texts[door])
            guard provider != .ollama else {
                // It cannot be told to call one; the choice is dropped, and the drop reported.
                #expect(try Self.read(door, provider, more: more).tools.map(\.name) == ["get_weather"])
                #expect(try Self.dropped(door, provider, more: more).count == 1)
                continue
            }
            let read = try Self.read(door, provider, more: more).toolChoice
            #expect(read == choice || read == .allowed(names: ["get_weather"], isRequired: true), "\(String(describing: read))")
        }
    }

    @Test("keep the stop texts, or refuse them where there are none", arguments: ways)
    func stop(door: Dialect, provider: Dialect) throws {
        let texts: [Dialect: String] = [
            .openAIChat: #","stop":["END"]"#, .anthropic: #","stop_sequences":["END"]"#,
        ]
        // Responses has none, and Gemini's stand among the settings above.
        guard let more = texts[door] else { return }
        guard provider != .openAIResponses else {
            #expect(throws: DialectError.self) { try Self.read(door, provider, more: more) }
            return
        }
        #expect(try Self.read(door, provider, more: more).stop == ["END"])
    }
}
