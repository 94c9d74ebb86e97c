// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

/// The body that a codec writes for a target, and what it left out.
func written(
    _ chat: ChatRequest, _ dialect: Dialect = .openAIChat, model: String = "up", streams: Bool = false,
    maker: String = "openai", quirks: DialectQuirks = DialectQuirks()
) throws -> (body: JSONValue, dropped: [String]) {
    var buffer = ByteBuffer()
    let target = RequestTarget(model: model, streams: streams, maker: maker, quirks: quirks)
    let dropped = try dialect.codec.encodeRequest(chat, target, into: &buffer)
    return (try JSONValue(parsing: buffer.storage.span), dropped)
}

/// A request read from a body of a dialect.
func request(_ body: String, _ dialect: Dialect = .openAIChat) throws -> ChatRequest {
    try dialect.codec.decodeRequest(Array(body.utf8).span, RequestAddress()).chat
}

extension JSONValue {
    /// The same value with the members of all objects in the order of their names.
    var sorted: JSONValue {
        switch self {
        case .object(let members):
            .object(members.map { Member($0.key, $0.value.sorted) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(\.sorted))
        default: self
        }
    }

    init(_ text: String) throws { try self.init(parsing: Array(text.utf8).span) }
}

@Suite("Writing chat requests")
struct ChatRequestWritingTests {
    private func foreign(_ messages: [ChatMessage], _ origin: Dialect = .anthropic) -> ChatRequest {
        ChatRequest(model: "m", messages: messages, origin: origin)
    }

    private func message(_ role: ChatMessage.Role, _ parts: ChatPart.Kind...) -> ChatMessage {
        ChatMessage(role: role, content: .parts(parts.map { ChatPart($0) }))
    }

    @Test(
        "for the same dialect keeps every member",
        arguments: [
            #"{"model":"up","messages":[{"role":"developer","content":"d"},{"role":"user","content":"u","name":"n","x":1}],"logit_bias":{"5":-1},"verbosity":"low","reasoning_effort":"high","temperature":0.70,"store":false,"metadata":{"k":"v"},"user":"me"}"#,
            #"{"model":"up","messages":[{"role":"assistant","content":"c","refusal":"no","reasoning_content":"r"}],"stop":["a"],"n":2}"#,
            #"{"model":"up","messages":[{"role":"assistant","content":null,"reasoning":"r","tool_calls":[{"id":"functions.f:0","type":"custom","custom":{"name":"p","input":"i"}}]},{"role":"tool","tool_call_id":"functions.f:0","content":[{"type":"text","text":"t","y":2}]}]}"#,
            #"{"model":"up","messages":[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"refusal","refusal":"b"}],"reasoning":"r","reasoning_details":[{"type":"reasoning.text","text":"r","signature":"s","format":"f","index":0},{"type":"reasoning.encrypted","data":"d","id":"e","index":1},{"type":"reasoning.summary","summary":"q","index":2}]}]}"#,
            #"{"model":"up","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e.org/a"}},{"type":"file","file":{"file_id":"f1"}},{"type":"odd"}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}},{"type":"custom","custom":{"name":"p","format":{"type":"text"}}},{"type":"web_search"}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"p"}}]}}}"#,
        ])
    func roundTrip(body: String) throws {
        let (again, dropped) = try written(try request(body))
        #expect(again.sorted == (try JSONValue(body)).sorted)
        #expect(dropped.isEmpty)
    }

    @Test("asks for a stream and its usage as the target needs it", arguments: [true, false])
    func streams(takesOptions: Bool) throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"user","content":"u"}],"stream":false,"stream_options":{"include_obfuscation":false}}"#
        )
        var quirks = DialectQuirks()
        quirks.takesStreamOptions = takesOptions
        let body = try written(chat, streams: true, quirks: quirks).body
        #expect(body["stream"] == .bool(true))
        let options = try JSONValue(#"{"include_usage":true,"include_obfuscation":false}"#)
        #expect(body["stream_options"] == (takesOptions ? options : nil))
        let whole = try written(chat, streams: false, quirks: quirks).body
        #expect(whole["stream"] == nil && whole["stream_options"] == nil)
        #expect(body["model"] == .string("up"))
    }

    @Test("lesson 47: a signature goes back to its maker alone, bare")
    func signatures() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":"c","reasoning_content":"ab","reasoning_details":[{"type":"reasoning.text","text":"a","index":0},{"type":"reasoning.text","text":"b","signature":"slc1.anthropic.S","index":0},{"type":"reasoning.encrypted","data":"slc1.anthropic.D","index":1}],"tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"slc1.gemini.G"}}}]}]}"#
        )
        guard case .parts(let parts) = chat.messages[0].content else {
            Issue.record("no parts")
            return
        }
        let signature = OpaqueSignature(maker: "anthropic", payload: "S")
        #expect(
            parts.map(\.kind) == [
                .reasoning(text: "ab", signature: signature),
                .redactedReasoning(OpaqueSignature(maker: "anthropic", payload: "D")), .text("c"),
            ])
        #expect(chat.messages[0].toolCalls[0].signature == OpaqueSignature(maker: "gemini", payload: "G"))
        let other = try written(chat, maker: "openai")
        #expect(other.body["messages"]?[0]?["reasoning_details"] == nil)
        #expect(other.body["messages"]?[0]?["tool_calls"]?[0]?["extra_content"] == nil)
        #expect(other.dropped == ["messages[0].content[0]", "messages[0].content[1]"])
        let own = try written(chat, maker: "anthropic").body["messages"]?[0]
        #expect(own?["reasoning_details"]?[0]?["signature"] == .string("S"))
        #expect(own?["reasoning_details"]?[1]?["data"] == .string("D"))
        let gemini = try written(chat, maker: "gemini").body["messages"]?[0]?["tool_calls"]?[0]
        #expect(gemini?["extra_content"]?["google"]?["thought_signature"] == .string("G"))
    }

    @Test("a signature of the dialect's own stays as it came, whoever is asked; one in a carrier does not")
    func bareSignatures() throws {
        func turn(_ mark: String) -> String {
            #"{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"a","signature":"\#(mark)S","index":0}],"tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"\#(mark)G"}}}]}"#
        }
        let bare = try request(#"{"model":"m","messages":[\#(turn(""))]}"#)
        let mixed = try request(#"{"model":"m","messages":[\#(turn("")),\#(turn("slc1.anthropic."))]}"#)
        #expect(!bare.hasCarriedSignature(notOf: "openai") && mixed.hasCarriedSignature(notOf: "openai"))
        let messages = try written(mixed, maker: "mistral").body["messages"]
        let first = messages?[0]
        #expect(first?["reasoning_details"]?[0]?["signature"] == .string("S"))
        #expect(first?["tool_calls"]?[0]?["extra_content"]?["google"]?["thought_signature"] == .string("G"))
        #expect(messages?[1]?["reasoning_details"] == nil)
        #expect(messages?[1]?["tool_calls"]?[0]?["extra_content"] == nil)
    }

    @Test("reasoning that a client sends in two members is not written twice in one")
    func reasoningTwice() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":"c","reasoning_content":"ab","reasoning_details":[{"type":"reasoning.text","text":"ab","signature":"slc1.gemini.S","index":0}]}]}"#
        )
        var quirks = DialectQuirks()
        quirks.takesReasoningBack = true
        let message = try written(chat, maker: "mistral", quirks: quirks).body["messages"]?[0]
        #expect(message?.members?.map(\.key) == ["role", "content", "reasoning_content"])
        #expect(message?["reasoning_content"] == .string("ab"))
    }

    @Test("reasoning of another maker that is dropped does not go out beside its details either", arguments: [false, true])
    func reasoningBeside(takesBack: Bool) throws {
        let details = [
            #"{"type":"reasoning.text","text":"ab","signature":"slc1.anthropic.S","index":0}"#,
            #"{"type":"reasoning.encrypted","data":"slc1.anthropic.D","index":0}"#,
        ]
        for detail in details {
            for name in ["reasoning_content", "reasoning"] {
                let chat = try request(
                    #"{"model":"m","messages":[{"role":"assistant","content":"c","\#(name)":"ab","reasoning_details":[\#(detail)]}]}"#
                )
                var quirks = DialectQuirks()
                quirks.takesReasoningBack = takesBack
                let (body, dropped) = try written(chat, quirks: quirks)
                let keys = body["messages"]?[0]?.members?.map(\.key) ?? []
                if takesBack {
                    #expect(keys.contains { $0.hasPrefix("reasoning") })
                } else {
                    #expect(keys == ["role", "content"] && dropped == ["messages[0].content[0]"])
                }
            }
        }
        // What the client says of its own accord stays.
        let plain = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":"c","reasoning_content":"ab"}]}"#)
        #expect(try written(plain).body["messages"]?[0]?["reasoning_content"] == .string("ab"))
    }

    @Test("a signature without text signs what was told beside it")
    func signatureAlone() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":"c","reasoning_content":"all","reasoning_details":[{"type":"reasoning.text","signature":"slc1.deepseek.S","index":0}]}]}"#
        )
        guard case .parts(let parts) = chat.messages[0].content else {
            Issue.record("no parts")
            return
        }
        let signature = OpaqueSignature(maker: "deepseek", payload: "S")
        #expect(parts.first?.kind == .reasoning(text: "all", signature: signature))
    }

    @Test("lesson 49: reasoning goes back as text where it is taken")
    func reasoningBack() throws {
        let chat = foreign([message(.assistant, .reasoning(text: "r", signature: nil), .text("a"))])
        var quirks = DialectQuirks()
        #expect(try written(chat, quirks: quirks).dropped == ["messages[0].content[0]"])
        quirks.takesReasoningBack = true
        let body = try written(chat, maker: "deepseek", quirks: quirks).body["messages"]?[0]
        #expect(body?["reasoning_content"] == .string("r"))
        #expect(body?["content"] == .string("a"))
    }

    @Test("of another dialect says it in chat's words")
    func foreignMessages() throws {
        var call = ChatToolCall(id: "functions.f:0", name: "f", input: .arguments("{}"))
        call.extras = [.init("cache_control", .bool(true))]
        var assistant = message(.assistant, .text("one "), .text("two"))
        assistant.toolCalls = [call]
        var result = message(.tool, .text("r"), .image(url: "data:image/png;base64,AA", detail: nil))
        result.toolCallID = "functions.f:0"
        let chat = foreign([
            message(.developer, .text("a"), .text("b")), message(.user, .text("q")), assistant, result,
            message(.user, .text("x"), .text("y")),
        ])
        let messages = try written(chat).body["messages"]
        #expect(messages?[0]?["role"] == .string("system"))
        #expect(messages?[0]?["content"] == .string("a\n\nb"))
        #expect(messages?[2]?["content"] == .string("one two"))
        // Trap 23: the same id on both sides, in characters that every server takes.
        let id = messages?[2]?["tool_calls"]?[0]?["id"]
        #expect(id == messages?[3]?["tool_call_id"] && id?.string?.hasPrefix("call_") == true)
        #expect(messages?[2]?["tool_calls"]?[0]?.members?.count == 3)
        // A tool's message holds text alone; its image follows the results.
        #expect(messages?[3]?["content"] == .string("r"))
        #expect(messages?[4]?["content"]?[0]?["type"] == .string("image_url"))
        #expect(messages?[5]?["content"] == .string("x\ny"))
    }

    @Test("custom tools are functions where nobody has them")
    func customTools() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"i","type":"custom","custom":{"name":"p","input":"a\"b"}}]}],"tools":[{"type":"custom","custom":{"name":"p","description":"D","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: X"}}}}],"tool_choice":{"type":"custom","custom":{"name":"p"}}}"#
        )
        let body = try written(chat, maker: "deepseek").body
        let function = body["tools"]?[0]?["function"]
        #expect(body["tools"]?[0]?["type"] == .string("function"))
        #expect(function?["parameters"]?["required"]?[0] == .string("input"))
        #expect(function?["description"]?.string?.hasSuffix("lark grammar:\nstart: X") == true)
        #expect(body["tool_choice"]?["function"]?["name"] == .string("p"))
        #expect(body["messages"]?[0]?["tool_calls"]?[0]?["function"]?["arguments"] == .string(#"{"input":"a\"b"}"#))
    }

    @Test("the legacy form is read as the newer one")
    func legacy() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}],"functions":[{"name":"f","parameters":{}}],"function_call":{"name":"f"}}"#
        )
        #expect(chat.tools.map(\.name) == ["f"])
        #expect(chat.toolChoice == .function(name: "f"))
        #expect(chat.messages[0].toolCalls.map(\.id) == [chat.messages[1].toolCallID])
        let body = try written(chat).body
        #expect(body["messages"]?[1]?["role"] == .string("tool"))
        #expect(body["messages"]?[1]?["tool_call_id"] == body["messages"]?[0]?["tool_calls"]?[0]?["id"])
        #expect(body["functions"] == nil && body["tools"]?[0]?["function"]?["name"] == .string("f"))
    }

    @Test("departs from the dialect as the provider does")
    func quirks() throws {
        let chat = try request(
            #"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"r"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","max_completion_tokens":16,"seed":1,"n":1}"#
        )
        var quirks = DialectQuirks()
        quirks.usesMaxTokens = true
        quirks.minimumOutputLimit = 256
        quirks.unsupported = ["seed", "n"]
        quirks.takesToolChoice = false
        quirks.hasShortCallIDs = true
        let (body, dropped) = try written(chat, quirks: quirks)
        // Trap 24.
        #expect(body["max_tokens"]?.integer == 256 && body["max_completion_tokens"] == nil)
        #expect(body["tool_choice"] == .string("auto"))
        #expect(dropped == ["tool_choice", "seed", "n"] && body["seed"] == nil && body["n"] == nil)
        let id = body["messages"]?[0]?["tool_calls"]?[0]?["id"]?.string
        #expect(id?.utf8.count == 9 && body["messages"]?[1]?["tool_call_id"]?.string == id)
    }

    @Test(
        "what chat cannot say is refused in the words of the request",
        arguments: [
            (Dialect.anthropic, ChatPart.Kind.file(id: "file_1", data: nil, name: nil), "messages[0].content[0]"),
            (.openAIResponses, .other(.object([])), "input[0].content[0]"),
            (.gemini, .file(id: nil, data: "gs://b/o", name: nil), "contents[0].content[0]"),
        ])
    func refused(origin: Dialect, part: ChatPart.Kind, path: String) throws {
        let error = #expect(throws: DialectError.self) { try written(foreign([message(.user, part)], origin)) }
        #expect(error?.status == 400)
        #expect(error?.parameter == path)
    }

    @Test("state that another vendor keeps is refused, hosted tools are left out, and forcing one is refused")
    func hosted() throws {
        var chat = foreign([message(.user, .text("q"))], .openAIResponses)
        chat.tools = [ChatTool(name: "web_search", kind: .other(.object([.init("type", .string("web_search"))])))]
        chat.toolChoice = .auto
        chat.sampling.topK = "5"
        chat.extras = [.init("truncation", .string("auto"))]
        let (body, dropped) = try written(chat)
        #expect(body["tools"] == nil && body["tool_choice"] == nil && body["truncation"] == nil)
        #expect(dropped == ["truncation", "tools[0]", "top_k"])
        chat.toolChoice = .function(name: "web_search")
        #expect(throws: DialectError.unsupported("tool_choice")) { try written(chat) }
        chat.toolChoice = nil
        chat.extras = [.init("previous_response_id", .string("r"))]
        #expect(throws: DialectError.unsupported("previous_response_id")) { try written(chat) }
        chat.extras = []
        chat.stop = ["x"]
        var quirks = DialectQuirks()
        quirks.unsupported = ["stop"]
        chat.origin = .anthropic
        #expect(throws: DialectError.unsupported("stop_sequences")) { try written(chat, quirks: quirks) }
    }

    @Test("a budget of tokens becomes an effort", arguments: [(1024, "low"), (8000, "medium"), (32_000, "high")])
    func effort(budget: Int, word: String) throws {
        var chat = foreign([message(.user, .text("q"))])
        chat.reasoning.isEnabled = true
        chat.reasoning.budget = budget
        #expect(try written(chat).body["reasoning_effort"] == .string(word))
        chat.reasoning.isEnabled = false
        #expect(try written(chat).body["reasoning_effort"] == nil)
    }
}
