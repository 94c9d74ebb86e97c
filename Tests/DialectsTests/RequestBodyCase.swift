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

    private static func refused(_ name: String, _ parameter: String?, _ code: String, _ body: String) -> Self
    {
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
        .notJSON("J10 trailing comma", with(#""user":"u","#)),
        .notJSON("J12 comment", "/* c */" + with(#""n":1"#)),
        .notJSON("J13 NaN", with(#""temperature":NaN"#)),
        .notJSON("J14 Infinity", with(#""temperature":Infinity"#)),
        .notJSON("J16 hexadecimal number", with(#""max_tokens":0x10"#)),
        .notJSON("J18 raw newline in a string", saying([0x61, 0x0A, 0x62])),
        .notJSON("J20 NUL after the object", with(#""n":1"#) + "\0"),
        .notJSON("J21 invalid UTF-8", saying([0x61, 0xC3, 0x28, 0x62])),
        .notJSON("J22 overlong UTF-8", saying([0x61, 0xC0, 0xAF, 0x62])),
        .notJSON("J23 UTF-8 of a surrogate", saying([0x61, 0xED, 0xA0, 0x80, 0x62])),
        .notJSON("J24 UTF-16", [0xFF, 0xFE] + asking("\"ok\"").utf8.flatMap { [$0, 0] }),
        .notJSON("J27 half a surrogate pair", saying(Array(#"a\ud800b"#.utf8))),
        Self("J29 NUL escape in content", saying(Array(#"a\u0000b"#.utf8)), nil),
        .notJSON(
            "J32 20 000 nested arrays",
            #"{"model":"ok","messages":[{"role":"user","content":"# + String(repeating: "[", count: 20_000)
                + String(repeating: "]", count: 20_000) + "}]}"),
    ]

    static let members: [Self] = [
        .refused(
            "J34 number of 100 000 digits", "seed", "invalid_value",
            with(#""seed":"# + String(repeating: "9", count: 100_000))),
        .refused("J35 1e999", "temperature", "invalid_value", with(#""temperature":1e999"#)),
        .refused("J36 duplicate model", "model", "duplicate_parameter", with(#""model":"no-such-model""#)),
        .refused(
            "J37 duplicate by escape", "model", "duplicate_parameter", with(#""\u006dodel":"no-such-model""#)),
        .refused(
            "J38 model missing", "model", "missing_required_parameter",
            #"{"messages":[{"role":"user","content":"hi"}],"max_tokens":16}"#),
        .refused("J39 model null", "model", "missing_required_parameter", asking("null")),
        .refused("J40 model a number", "model", "invalid_type", asking("5")),
        .refused("J41 model empty", "model", "invalid_value", asking("\"\"")),
        .refused(
            "J42 model of a megabyte", "model", "invalid_value",
            asking("\"\(String(repeating: "m", count: 1 << 20))\"")),
        .refused("J44 model with CR LF", "model", "invalid_value", asking(#""ok\r\nX-Injected: 1""#)),
        // Names that may exist for all that a dialect knows: the route answers that they do not.
        .refused("J45 model with SQL", "model", "invalid_value", asking(#""x' OR '1'='1""#)),
        .refused("J47 model a URL", "model", "invalid_value", asking(#""http://169.254.169.254/x""#)),
        .refused("J48 messages missing", "messages", "missing_required_parameter", #"{"model":"ok"}"#),
        .refused(
            "J49 messages null", "messages", "missing_required_parameter", #"{"model":"ok","messages":null}"#),
        .refused("J50 messages a string", "messages", "invalid_type", #"{"model":"ok","messages":"hi"}"#),
        .refused("J52 messages empty", "messages", "invalid_value", #"{"model":"ok","messages":[]}"#),
        .refused("J53 a message null", "messages[0]", "invalid_type", #"{"model":"ok","messages":[null]}"#),
        .refused(
            "J55 a message without role", "messages[0].role", "missing_required_parameter",
            #"{"model":"ok","messages":[{"content":"hi"}]}"#),
        .refused(
            "J56 an unknown role", "messages[1].role", "invalid_value",
            #"{"model":"ok","messages":[{"role":"user","content":"hi"},{"role":"root","content":"hi"}]}"#),
        .refused(
            "J57 content a number", "messages[0].content", "invalid_type",
            #"{"model":"ok","messages":[{"role":"user","content":5}]}"#),
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
        .refused("J63 max_tokens negative", "max_tokens", "invalid_value", with(#""max_tokens":-1"#)),
        .refused("J64 max_tokens a fraction", "max_tokens", "invalid_value", with(#""max_tokens":1.5"#)),
        .refused(
            "J65 max_tokens 2^63", "max_tokens", "invalid_value", with(#""max_tokens":9223372036854775808"#)),
        .refused(
            "J66 max_tokens 10^400", "max_tokens", "invalid_value",
            with(#""max_tokens":1"# + String(repeating: "0", count: 400))),
        .refused("J67 max_tokens 1e308", "max_tokens", "invalid_value", with(#""max_tokens":1e308"#)),
        .accepted("max_tokens null", with(#""max_tokens":null"#)),
        .refused("n of 129", "n", "invalid_value", with(#""n":129"#)),
        .refused("n of 0", "n", "invalid_value", with(#""n":0"#)),
        .accepted("n of 128", with(#""n":128"#)),
        .refused("stop with a number", "stop[1]", "invalid_type", with(#""stop":["a",1]"#)),
        .refused("J78 metadata a string", "metadata", "invalid_type", with(#""metadata":"x""#)),
        .refused(
            "include_usage a string", "stream_options.include_usage", "invalid_type",
            with(#""stream_options":{"include_usage":"yes"}"#)),
        .refused(
            "a tool without a name", "tools[0].function.name", "missing_required_parameter",
            with(#""tools":[{"type":"function","function":{}}]"#)),
        .accepted("members that nobody knows", with(#""x_y":{"a":[1e999]},"":0"#)),
    ]
}
