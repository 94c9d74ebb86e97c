// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

/// A request body of the catalogue, and what becomes of it.
struct RequestBodyCase: CustomTestStringConvertible, Sendable {
    /// The error that a body earns: its parameter and code; `nil` when it is accepted.
    struct Refusal: Sendable { let parameter: String?, code: String }

    let name: String
    let body: [UInt8]
    let refusal: Refusal?
    var testDescription: String { name }

    private init(_ name: String, _ body: [UInt8], _ refusal: Refusal?) {
        self.name = name
        self.body = body
        self.refusal = refusal
    }

    private static func notJSON(_ name: String, _ body: String) -> Self { notJSON(name, Array(body.utf8)) }

    private static func notJSON(_ name: String, _ body: [UInt8]) -> Self {
        Self(name, body, Refusal(parameter: nil, code: "invalid_json"))
    }

    private static func refused(_ name: String, _ parameter: String?, _ code: String, _ body: String) -> Self {
        Self(name, Array(body.utf8), Refusal(parameter: parameter, code: code))
    }

    private static func accepted(_ name: String, _ body: String) -> Self { Self(name, Array(body.utf8), nil) }

    /// A body of one user message with one more member.
    private static func with(_ member: String) -> String {
        #"{"model":"ok","messages":[{"role":"user","content":"hi"}],"# + member + "}"
    }

    private static func saying(_ bytes: [UInt8]) -> [UInt8] {
        Array(#"{"model":"ok","messages":[{"role":"user","content":""#.utf8) + bytes + Array(#""}]}"#.utf8)
    }

    /// A body of one user message with this content, given as JSON.
    private static func holding(_ content: String) -> String {
        #"{"model":"ok","messages":[{"role":"user","content":\#(content)}]}"#
    }

    private static func asking(_ model: String) -> String {
        #"{"model":\#(model),"messages":[{"role":"user","content":"hi"}]}"#
    }

    static let syntax: [Self] = [
        .notJSON("J01 empty body", ""),
        .notJSON("J02 not JSON", "hello"),
        .refused("J03 null", nil, "invalid_type", "null"),
        .refused("J04 array", nil, "invalid_type", "[]"),
        .refused("J05 string", nil, "invalid_type", "\"x\""),
        .refused("J06 number", nil, "invalid_type", "5"),
        .notJSON("J07 cut object", #"{"model":"ok","messages":["#),
        .notJSON("J08 trailing garbage", with(#""max_tokens":16"#) + "x"),
        .notJSON("J09 a second object", asking("\"ok\"") + asking("\"ok\"")),
        .notJSON("J10 trailing comma", with(#""user":"u","#)),
        .notJSON("J12 comment", "/* c */" + with(#""n":1"#)),
        .notJSON("J13 NaN", with(#""temperature":NaN"#)),
        .notJSON("J14 Infinity", with(#""temperature":Infinity"#)),
        .notJSON("J15 leading zero", with(#""max_tokens":016"#)),
        .notJSON("J16 hexadecimal number", with(#""max_tokens":0x10"#)),
        .notJSON("J18 raw newline in a string", saying([0x61, 0x0A, 0x62])),
        .notJSON("J20 NUL after the object", with(#""n":1"#) + "\0"),
        .notJSON("J21 invalid UTF-8", saying([0x61, 0xC3, 0x28, 0x62])),
        .notJSON("J22 overlong UTF-8", saying([0x61, 0xC0, 0xAF, 0x62])),
        .notJSON("J23 UTF-8 of a surrogate", saying([0x61, 0xED, 0xA0, 0x80, 0x62])),
        .notJSON("J24 UTF-16", [0xFF, 0xFE] + asking("\"ok\"").utf8.flatMap { [$0, 0] }),
        .notJSON("a byte order mark", [0xEF, 0xBB, 0xBF] + Array(asking("\"ok\"").utf8)),
        .notJSON("J27 half a surrogate pair", saying(Array(#"a\ud800b"#.utf8))),
        Self("J28 escaped pair", saying(Array(#"a\ud83d\ude00b"#.utf8)), nil),
        Self("J29 NUL escape in content", saying(Array(#"a\u0000b"#.utf8)), nil),
        .notJSON(
            "J32 20 000 nested arrays",
            #"{"model":"ok","messages":[{"role":"user","content":"# + String(repeating: "[", count: 20_000)
                + String(repeating: "]", count: 20_000) + "}]}"),
        .accepted("whitespace around everything", " \r\n" + asking("\"ok\"") + "\t\n"),
    ]

    static let members: [Self] = [
        .refused(
            "J34 number of 100 000 digits", "seed", "invalid_value",
            with(#""seed":"# + String(repeating: "9", count: 100_000))),
        .accepted("a seed of 64 bits", with(#""seed":9223372036854775807"#)),
        .refused("J35 1e999", "temperature", "invalid_value", with(#""temperature":1e999"#)),
        .refused("J36 duplicate model", "model", "duplicate_parameter", with(#""model":"no-such-model""#)),
        .refused(
            "J37 duplicate by escape", "model", "duplicate_parameter",
            with(#""\u006dodel":"no-such-model""#)),
        .refused("an unknown member given twice", "zz", "duplicate_parameter", with(#""zz":1,"zz":2"#)),
        .refused("an object without members", "model", "missing_required_parameter", "{}"),
        .refused(
            "J38 model missing", "model", "missing_required_parameter",
            #"{"messages":[{"role":"user","content":"hi"}],"max_tokens":16}"#),
        .refused("J39 model null", "model", "missing_required_parameter", asking("null")),
        .refused("J40 model a number", "model", "invalid_type", asking("5")),
        .refused("model an array", "model", "invalid_type", asking(#"["ok"]"#)),
        .refused("J41 model empty", "model", "invalid_value", asking("\"\"")),
        .refused(
            "J42 model of a megabyte", "model", "invalid_value",
            asking("\"\(String(repeating: "m", count: 1 << 20))\"")),
        .refused("J48 messages missing", "messages", "missing_required_parameter", #"{"model":"ok"}"#),
        .refused(
            "J49 messages null", "messages", "missing_required_parameter",
            #"{"model":"ok","messages":null}"#),
        .refused("J50 messages a string", "messages", "invalid_type", #"{"model":"ok","messages":"hi"}"#),
        .refused("J52 messages empty", "messages", "invalid_value", #"{"model":"ok","messages":[]}"#),
        .refused("J53 a message null", "messages[0]", "invalid_type", #"{"model":"ok","messages":[null]}"#),
        .refused(
            "a message that is a string", "messages[0]", "invalid_type",
            #"{"model":"ok","messages":["hi"]}"#),
        .refused(
            "J55 a message without role", "messages[0].role", "missing_required_parameter",
            #"{"model":"ok","messages":[{"content":"hi"}]}"#),
        .refused(
            "J56 an unknown role", "messages[1].role", "invalid_value",
            #"{"model":"ok","messages":[{"role":"user","content":"hi"},{"role":"root","content":"hi"}]}"#),
        .refused(
            "J57 content a number", "messages[0].content", "invalid_type",
            holding("5")),
        .refused("content an object", "messages[0].content", "invalid_type", holding("{}")),
        .refused("a part that is a number", "messages[0].content[0]", "invalid_type", holding("[5]")),
        .refused(
            "an image without address", "messages[0].content[0].image_url.url", "missing_required_parameter",
            holding(#"[{"type":"image_url","image_url":{}}]"#)),
        .accepted("a part of an unknown type", holding(#"[{"type":"hologram","x":1}]"#)),
        .refused(
            "a part without its text", "messages[0].content[1].text", "missing_required_parameter",
            #"{"model":"ok","messages":[{"role":"user","content":[{"type":"x"},{"type":"text"}]}]}"#),
        .refused(
            "a role given twice", "messages[0].role", "duplicate_parameter",
            #"{"model":"ok","messages":[{"role":"user","content":"hi","role":"system"}]}"#),
        .refused(
            "a tool result for no call", "messages[0].tool_call_id", "missing_required_parameter",
            #"{"model":"ok","messages":[{"role":"tool","content":"hi"}]}"#),
        .accepted(
            "J59 10 000 messages",
            #"{"model":"ok","messages":["#
                + Array(repeating: #"{"role":"user","content":"hi"}"#, count: 10_000)
                .joined(separator: ",") + "]}"),
        .refused("J61 stream a number", "stream", "invalid_type", with(#""stream":1"#)),
        .refused("J62 stream a string", "stream", "invalid_type", with(#""stream":"true""#)),
        .accepted("stream null", with(#""stream":null"#)),
        .refused("J63 max_tokens negative", "max_tokens", "invalid_value", with(#""max_tokens":-1"#)),
        .refused("J64 max_tokens a fraction", "max_tokens", "invalid_value", with(#""max_tokens":1.5"#)),
        .refused(
            "J65 max_tokens 2^63", "max_tokens", "invalid_value", with(#""max_tokens":9223372036854775808"#)),
        .refused(
            "J66 max_tokens 10^400", "max_tokens", "invalid_value",
            with(#""max_tokens":1"# + String(repeating: "0", count: 400))),
        .refused("J67 max_tokens 1e308", "max_tokens", "invalid_value", with(#""max_tokens":1e308"#)),
        .refused("max_tokens zero", "max_tokens", "invalid_value", with(#""max_tokens":0"#)),
        .accepted("max_tokens whole but spelt as a fraction", with(#""max_tokens":16.0"#)),
        .accepted("max_tokens null", with(#""max_tokens":null"#)),
        .refused("n of 129", "n", "invalid_value", with(#""n":129"#)),
        .refused("n of 0", "n", "invalid_value", with(#""n":0"#)),
        .accepted("n of 128", with(#""n":128"#)),
        .refused("stop with a number", "stop[1]", "invalid_type", with(#""stop":["a",1]"#)),
        .refused("J78 metadata a string", "metadata", "invalid_type", with(#""metadata":"x""#)),
        .refused(
            "include_usage a string", "stream_options.include_usage", "invalid_type",
            with(#""stream_options":{"include_usage":"yes"}"#)),
        .refused("stream_options a string", "stream_options", "invalid_type", with(#""stream_options":"x""#)),
        .refused(
            "include_usage twice", "stream_options.include_usage", "duplicate_parameter",
            with(#""stream_options":{"include_usage":true,"include_usage":false}"#)),
        .refused("tools an object", "tools", "invalid_type", with(#""tools":{}"#)),
        .accepted("a tool of an unknown type", with(#""tools":[{"type":"web_search"}]"#)),
        .refused("tool_choice a number", "tool_choice", "invalid_type", with(#""tool_choice":1"#)),
        .refused(
            "response_format without type", "response_format.type", "missing_required_parameter",
            with(#""response_format":{}"#)),
        .refused(
            "a tool without a name", "tools[0].function.name", "missing_required_parameter",
            with(#""tools":[{"type":"function","function":{}}]"#)),
        .accepted("members that nobody knows", with(#""x_y":{"a":[1e999]},"":0"#)),
    ]

    /// Names of models; whether one that is well formed exists is for the route to say.
    static let names: [Self] =
        [
            "gpt-4o", "openai/gpt-4o-2024-08-06", "meta-llama/Llama-3.3:free", "ft:gpt-4o:org::id",
            "m@v+1_x.y",
            String(repeating: "a", count: 256),
        ].map { .accepted("the name \($0.prefix(32))", asking("\"\($0)\"")) }
        + [
            #"ok\r\nX-Injected: 1"#, #"ok\u0000"#, #"ok\u007f"#, "x' OR '1'='1", "http://169.254.169.254/x",
            "a//b",
            " ok", "ok ", "a b", #"a\"b"#, #"a\\b"#, "modèle", #"\u200bok"#, "a;b", "a?b", "a#b", "a%2fb",
            "<x>",
            String(repeating: "a", count: 257),
        ].map { .refused("the name \($0.prefix(32)) refused", "model", "invalid_value", asking("\"\($0)\"")) }
}
