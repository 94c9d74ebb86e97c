// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

/// A body that the chat door must take, or refuse for the sake of a member.
struct BodyCase: CustomTestStringConvertible, Sendable {
    enum Verdict: Sendable, Equatable {
        case accepted
        /// Refused with 400 on account of the member; `nil` when the body as a whole is at fault.
        case refused(String?)
    }

    var name: String
    var bytes: [UInt8]
    var verdict: Verdict
    var testDescription: String { name }

    init(_ name: String, _ body: String, _ verdict: Verdict) {
        self.init(name, bytes: Array(body.utf8), verdict)
    }

    init(_ name: String, bytes: [UInt8], _ verdict: Verdict) {
        self.name = name
        self.bytes = bytes
        self.verdict = verdict
    }

    /// A valid body with one more piece of text before its closing brace.
    init(_ name: String, adding text: String, _ verdict: Verdict) {
        self.init(name, #"{"model":"ok","messages":[{"role":"user","content":"hi"}]\#(text)}"#, verdict)
    }

    init(_ name: String, content: String, _ verdict: Verdict) {
        self.init(name, #"{"model":"ok","messages":[{"role":"user","content":\#(content)}]}"#, verdict)
    }

    init(_ name: String, model: String, _ verdict: Verdict) {
        self.init(name, #"{"model":\#(model),"messages":[{"role":"user","content":"hi"}]}"#, verdict)
    }

    init(_ name: String, messages: String, _ verdict: Verdict) {
        self.init(name, #"{"model":"ok","messages":\#(messages)}"#, verdict)
    }

    static let valid = #"{"model":"ok","messages":[{"role":"user","content":"hi"}]}"#

    static func raw(_ middle: [UInt8]) -> [UInt8] {
        Array(#"{"model":"ok","messages":[{"role":"user","content":"a"#.utf8) + middle + Array(#"b"}]}"#.utf8)
    }

    static let syntax: [BodyCase] = [
        .init("an empty body", "", .refused(nil)),
        .init("a word", "hello", .refused(nil)),
        .init("null", "null", .refused(nil)),
        .init("an array", "[]", .refused(nil)),
        .init("a string", #""x""#, .refused(nil)),
        .init("a number", "5", .refused(nil)),
        .init("a cut object", #"{"model":"ok","messages":["#, .refused(nil)),
        .init("something after the object", valid + "x", .refused(nil)),
        .init("a second object", valid + valid, .refused(nil)),
        .init("a trailing comma", adding: #","user":"u","#, .refused(nil)),
        .init("a comment", "/* c */" + valid, .refused(nil)),
        .init("NaN", adding: #","temperature":NaN"#, .refused(nil)),
        .init("Infinity", adding: #","temperature":Infinity"#, .refused(nil)),
        .init("a leading zero", adding: #","max_tokens":016"#, .refused(nil)),
        .init("a hexadecimal number", adding: #","max_tokens":0x10"#, .refused(nil)),
        .init("a raw line end in a string", content: "\"a\nb\"", .refused(nil)),
        .init("a NUL after the object", valid + "\u{0}", .refused(nil)),
        .init("ill-formed UTF-8", bytes: raw([0xC3, 0x28]), .refused(nil)),
        .init("overlong UTF-8", bytes: raw([0xC0, 0xAF]), .refused(nil)),
        .init("a surrogate in UTF-8", bytes: raw([0xED, 0xA0, 0x80]), .refused(nil)),
        .init("UTF-16", bytes: [0xFF, 0xFE] + valid.utf8.flatMap { [$0, 0] }, .refused(nil)),
        .init("a byte order mark", bytes: [0xEF, 0xBB, 0xBF] + Array(valid.utf8), .refused(nil)),
        .init("an escaped half of a pair", content: #""a\ud800b""#, .refused(nil)),
        .init("an escaped pair", content: #""a\ud83d\ude00b""#, .accepted),
        .init("an escaped NUL", content: #""a\u0000b""#, .accepted),
        .init(
            "20000 nested arrays",
            content: String(repeating: "[", count: 20000) + String(repeating: "]", count: 20000), .refused(nil)),
        .init("whitespace around everything", " \r\n" + valid + "\t\n", .accepted),
    ]

    static let members: [BodyCase] = [
        .init("an object without members", "{}", .refused("model")),
        .init("a seed of 100000 digits", adding: ",\"seed\":" + String(repeating: "9", count: 100_000), .refused("seed")),
        .init("a seed of 64 bits", adding: #","seed":9223372036854775807"#, .accepted),
        .init("a temperature out of range", adding: #","temperature":1e999"#, .refused("temperature")),
        .init("a member given twice", adding: #","model":"other""#, .refused("model")),
        .init("a member given twice by escape", adding: #","\u006dodel":"other""#, .refused("model")),
        .init("an unknown member given twice", adding: #","zz":1,"zz":2"#, .refused("zz")),
        .init("no model", #"{"messages":[{"role":"user","content":"hi"}]}"#, .refused("model")),
        .init("model null", model: "null", .refused("model")),
        .init("model a number", model: "5", .refused("model")),
        .init("model an array", model: #"["ok"]"#, .refused("model")),
        .init("model empty", model: #""""#, .refused("model")),
        .init("no messages", #"{"model":"ok"}"#, .refused("messages")),
        .init("messages null", messages: "null", .refused("messages")),
        .init("messages a string", messages: #""hi""#, .refused("messages")),
        .init("no message in messages", messages: "[]", .refused("messages")),
        .init("a message that is null", messages: "[null]", .refused("messages[0]")),
        .init("a message that is a string", messages: #"["hi"]"#, .refused("messages[0]")),
        .init("a message without role", messages: #"[{"content":"hi"}]"#, .refused("messages[0].role")),
        .init(
            "an unknown role", messages: #"[{"role":"user","content":"a"},{"role":"alien","content":"b"}]"#,
            .refused("messages[1].role")),
        .init("content a number", content: "5", .refused("messages[0].content")),
        .init("content an object", content: "{}", .refused("messages[0].content")),
        .init("a part that is a number", content: "[5]", .refused("messages[0].content[0]")),
        .init("a part without text", content: #"[{"type":"text"}]"#, .refused("messages[0].content[0].text")),
        .init(
            "an image without address", content: #"[{"type":"image_url","image_url":{}}]"#,
            .refused("messages[0].content[0].image_url.url")),
        .init("a part of an unknown type", content: #"[{"type":"hologram","x":1}]"#, .accepted),
        .init(
            "a tool's result without its call", messages: #"[{"role":"tool","content":"x"}]"#,
            .refused("messages[0].tool_call_id")),
        .init(
            "10000 messages",
            messages: "[" + Array(repeating: #"{"role":"user","content":"hi"}"#, count: 10_000).joined(separator: ",")
                + "]", .accepted),
        .init("stream a number", adding: #","stream":1"#, .refused("stream")),
        .init("stream a string", adding: #","stream":"true""#, .refused("stream")),
        .init("stream null", adding: #","stream":null"#, .accepted),
        .init("max_tokens a fraction", adding: #","max_tokens":1.5"#, .refused("max_tokens")),
        .init("max_tokens whole but spelt as a fraction", adding: #","max_tokens":16.0"#, .accepted),
        .init("max_tokens zero", adding: #","max_tokens":0"#, .refused("max_tokens")),
        .init("max_tokens negative", adding: #","max_tokens":-1"#, .refused("max_tokens")),
        .init("max_tokens 2^63", adding: #","max_tokens":9223372036854775808"#, .refused("max_tokens")),
        .init("max_tokens 1e308", adding: #","max_tokens":1e308"#, .refused("max_tokens")),
        .init(
            "max_tokens 10^400", adding: ",\"max_tokens\":1" + String(repeating: "0", count: 400),
            .refused("max_tokens")),
        .init("metadata a string", adding: #","metadata":"x""#, .refused("metadata")),
        .init("n too many", adding: #","n":129"#, .refused("n")),
        .init("stop with a number", adding: #","stop":["a",5]"#, .refused("stop[1]")),
        .init("stream_options a string", adding: #","stream_options":"x""#, .refused("stream_options")),
        .init(
            "include_usage twice", adding: #","stream_options":{"include_usage":true,"include_usage":false}"#,
            .refused("stream_options.include_usage")),
        .init("tools an object", adding: #","tools":{}"#, .refused("tools")),
        .init(
            "a tool without name", adding: #","tools":[{"type":"function","function":{}}]"#,
            .refused("tools[0].function.name")),
        .init("a tool of an unknown type", adding: #","tools":[{"type":"web_search"}]"#, .accepted),
        .init("tool_choice a number", adding: #","tool_choice":1"#, .refused("tool_choice")),
        .init("response_format without type", adding: #","response_format":{}"#, .refused("response_format.type")),
        .init("an unknown member", adding: #","vendor":{"deep":[1,2.50,null]}"#, .accepted),
    ]

    static let names: [BodyCase] =
        [
            "gpt-4o", "openai/gpt-4o-2024-08-06", "meta-llama/Llama-3.3:free", "ft:gpt-4o:org::id", "m@v+1_x.y",
            String(repeating: "a", count: 256),
        ].map { .init("the name \($0.prefix(32))", model: "\"\($0)\"", .accepted) }
        + [
            #"ok\r\nX-Injected: 1"#, #"ok\u0000"#, #"ok\u007f"#, "x' OR '1'='1", "http://169.254.169.254/x", "a//b",
            " ok", "ok ", "a b", #"a\"b"#, #"a\\b"#, "modèle", #"\u200bok"#, "a;b", "a?b", "a#b", "a%2fb", "<x>",
            String(repeating: "a", count: 257),
        ].map { .init("the name \($0.prefix(32)) refused", model: "\"\($0)\"", .refused("model")) }
}

@Suite("Chat requests") struct ChatRequestTests {
    @Test("are JSON, with well-formed members, and name a model", arguments: BodyCase.syntax + BodyCase.members + BodyCase.names)
    func verdict(_ item: BodyCase) {
        do {
            _ = try OpenAIChatRequest(decoding: item.bytes.span)
            #expect(item.verdict == .accepted)
        } catch {
            #expect(item.verdict == .refused(error.parameter))
            #expect(error.status == 400)
            #expect(!error.message.isEmpty && error.message.utf8.count < 300)
        }
    }

    @Test("of any type in any member are taken or refused in good order, never altered")
    func anyMember() throws {
        let members = [
            "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "seed", "n",
            "stop", "max_tokens", "max_completion_tokens", "response_format", "reasoning_effort", "stream",
            "stream_options", "user", "metadata", "logit_bias", "logprobs", "top_logprobs", "functions", "unknown",
        ]
        let deep = String(repeating: "[", count: 50) + String(repeating: "]", count: 50)
        let values = [
            "null", "true", "-1", "0", "1e9", "1e308", "9007199254740993", #""""#, "[]", "{}", "[null]", "[{}]", deep,
            "\"\(String(repeating: "x", count: 1 << 20))\"", #"{"type":"function"}"#, "0.10",
        ]
        var taken = 0
        for member in members {
            for value in values {
                let others = [#""model":"ok""#, #""messages":[{"role":"user","content":"hi"}]"#]
                    .filter { !$0.hasPrefix("\"\(member)\"") }
                let body = Array("{\((others + ["\"\(member)\":\(value)"]).joined(separator: ","))}".utf8)
                do {
                    let request = try OpenAIChatRequest(decoding: body.span)
                    taken += 1
                    guard !request.chat.streams else { continue }
                    var buffer = ByteBuffer()
                    request.writePassthrough(body.span, model: request.chat.model, into: &buffer)
                    #expect(buffer.storage == body, "\(member): \(value.prefix(40))")
                } catch {
                    #expect(error.parameter?.hasPrefix(member) == true, "\(member): \(value.prefix(40))")
                }
            }
        }
        #expect(taken > 80)
    }
}
