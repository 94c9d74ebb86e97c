// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Testing

@testable import Dialects

/// What a passthrough makes of a body for the model `up/m`.
struct RewriteCase: CustomTestStringConvertible, Sendable {
    var name: String
    var body: String
    var expected: String
    var testDescription: String { name }

    static let said = #""messages" : [ {"role":"user","content":"h\u00e9"} ]"#

    static let all: [RewriteCase] = [
        .init(
            name: "the model alone when no stream is asked for",
            body: "{ \"model\" : \"m\",\n \(said), \"temperature\":0.70, \"x\":1E+2 } \n",
            expected: "{ \"model\" : \"up/m\",\n \(said), \"temperature\":0.70, \"x\":1E+2 } \n"),
        .init(
            name: "usage is not forced upon a whole answer",
            body: #"{"model":"m",\#(said),"stream":false,"stream_options":null}"#,
            expected: #"{"model":"up/m",\#(said),"stream":false,"stream_options":null}"#),
        .init(
            name: "a stream gets its options behind the last member",
            body: #"{\#(said),"stream":true,"model":"m" }"#,
            expected: #"{\#(said),"stream":true,"model":"up/m","stream_options":{"include_usage":true} }"#),
        .init(
            name: "options that ask for usage stay",
            body: #"{"model":"m","stream_options":{ "include_usage" : true },"stream":true,\#(said)}"#,
            expected:
                #"{"model":"up/m","stream_options":{ "include_usage" : true },"stream":true,\#(said)}"#),
        .init(
            name: "options that decline usage ask for it",
            body:
                #"{"stream_options":{"include_usage" : false , "z":1},"model":"m","stream":true,\#(said)}"#,
            expected:
                #"{"stream_options":{"include_usage" : true , "z":1},"model":"up/m","stream":true,\#(said)}"#
        ),
        .init(
            name: "other options are kept",
            body: #"{"stream_options":{"include_obfuscation":false},"model":"m","stream":true,\#(said)}"#,
            expected:
                #"{"stream_options":{"include_usage":true,"include_obfuscation":false},"model":"up/m","#
                + #""stream":true,\#(said)}"#
        ),
        .init(
            name: "empty options are filled",
            body: #"{"stream_options":{},"model":"m","stream":true,\#(said)}"#,
            expected: #"{"stream_options":{"include_usage":true},"model":"up/m","stream":true,\#(said)}"#),
        .init(
            name: "options that are null are replaced",
            body: #"{"stream_options":null,"model":"m","stream":true,\#(said)}"#,
            expected: #"{"stream_options":{"include_usage":true},"model":"up/m","stream":true,\#(said)}"#),
        .init(
            name: "names written with escapes are found",
            body:
                #"{"stream\u005foptions":{"include\u005fusage":null},"\u006dodel":"m","#
                + #""stream":true,\#(said)}"#,
            expected:
                #"{"stream\u005foptions":{"include\u005fusage":true},"\u006dodel":"up/m","#
                + #""stream":true,\#(said)}"#
        ),
    ]
}

@Suite("Passthrough of a request") struct PassthroughRequestTests {
    @Test("changes the model and the usage option, and no other byte", arguments: RewriteCase.all)
    func rewrite(_ item: RewriteCase) throws {
        let body = Array(item.body.utf8)
        let request = try OpenAIChatRequest(decoding: body.span)
        var buffer = ByteBuffer()
        request.writePassthrough(body.span, model: "up/m", into: &buffer)
        #expect(buffer.text == item.expected)
        // What went out can be read again, and says the same of everything else.
        let again = try OpenAIChatRequest.decode(buffer.storage.span)
        #expect(again.model == "up/m")
        #expect(again.messages == request.chat.messages)
        #expect(again.includesUsage || !again.streams)
    }

    @Test("writes the model's name as JSON must have it")
    func escapes() throws {
        let body = Array(
            #" {"seed" : 1.0e1,"model" : "a" , "messages":[{"role":"user","content":"model"}]}"#.utf8)
        var output = ByteBuffer()
        try OpenAIChatRequest(decoding: body.span).writePassthrough(body.span, model: "up\"1", into: &output)
        #expect(
            output.text
                == #" {"seed" : 1.0e1,"model" : "up\"1" , "messages":[{"role":"user","content":"model"}]}"#)
    }
}
