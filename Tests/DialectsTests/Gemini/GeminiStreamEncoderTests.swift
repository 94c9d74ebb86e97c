// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import SSE
import Testing

@testable import Dialects

@Suite("Writing Gemini's stream") struct GeminiStreamEncoderTests {
    func openAI(_ delta: String, finish: String = "null") -> String {
        #"{"choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"#
    }

    @Test(
        "text and reasoning become parts; reason and usage stand on the last chunk, and nothing comes after")
    func text() throws {
        var replay = GeminiReplay(from: .openAIChat)
        replay.feed(openAI(#"{"role":"assistant","content":""}"#))
        #expect(replay.output.isEmpty)
        replay.feed(openAI(#"{"reasoning_content":"hm\u2028"}"#))
        replay.feed(openAI(#"{"content":"x\"\n"}"#))
        replay.feed(openAI("{}", finish: #""length""#))
        replay.feed(
            #"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"#
                + #""completion_tokens_details":{"reasoning_tokens":3}}}"#)
        replay.feed("[DONE]")
        replay.end()
        replay.end()
        let tail = #""modelVersion":"m\"1","responseId":"abcdefghijklmnopqrstuvwx"}"#
        #expect(
            replay.payloads == [
                #"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm\u2028","thought":true}]},"index":0}],"#
                    + tail,
                #"{"candidates":[{"content":{"role":"model","parts":[{"text":"x\"\n"}]},"index":0}],"# + tail,
                #"{"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"MAX_TOKENS","index":0}],"#
                    + #""usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":4,"thoughtsTokenCount":3,"#
                    + #""totalTokenCount":12},"# + tail,
            ])
        #expect(replay.output.text.hasPrefix("data: {") && replay.output.text.hasSuffix("}\n\n"))
    }

    @Test("interleaved calls are held until they are whole", .bug(id: "lessons 34, 37"))
    func calls() throws {
        var replay = GeminiReplay(from: .openAIChat)
        func tool(_ index: Int, _ rest: String) -> String {
            openAI(#"{"tool_calls":[{"index":\#(index),\#(rest)}]}"#)
        }
        replay.feed(tool(0, #""id":"c1","function":{"name":"f","arguments":"{\"a\""}"#))
        replay.feed(tool(1, #""id":"c2","function":{"name":"g","arguments":""}"#))
        replay.feed(tool(0, #""function":{"arguments":":[1]}"}"#))
        #expect(replay.output.isEmpty)
        replay.feed(tool(2, #""id":"c3","function":{"name":"h","arguments":"nonsense"}"#))
        let first = #"{"functionCall":{"id":"c1","name":"f","args":{"a":[1]}}}"#
        #expect(replay.payloads.count == 1 && replay.payloads[0].contains(first))
        replay.feed(openAI("{}", finish: #""tool_calls""#))
        #expect(replay.payloads.count == 3)
        #expect(replay.payloads[1].contains(#"{"functionCall":{"id":"c2","name":"g","args":{}}}"#))
        #expect(replay.payloads[2].contains(#""args":{"_raw":"nonsense"}"#))
        replay.end()
        #expect(replay.payloads[3].contains(#""finishReason":"STOP""#))
    }

    @Test("a call that the limit cut is not handed on", .bug(id: "lessons 41"))
    func cutCall() {
        var replay = GeminiReplay(from: .openAIChat)
        replay.feed(
            openAI(#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":1"}}]}"#))
        replay.feed(openAI("{}", finish: #""length""#))
        replay.end()
        #expect(!replay.output.text.contains("functionCall") && replay.output.text.contains("MAX_TOKENS"))
    }

    @Test(
        "signatures of others are base64 of a carrier and find back; Google's own stay as they are",
        arguments: [
            ("gemini", "c2lnLXg="), ("anthropic", "Ab+/="), ("google-claude", "x"), ("a", "12"),
            ("ab", "123"),
        ])
    func signatures(maker: String, signature: String) throws {
        var replay = GeminiReplay(maker: maker)
        replay.feed(
            chunk(
                #"{"text":"t","thought":true},{"text":"","thought":true,"thoughtSignature":"\#(signature)"}"#)
        )
        replay.feed(chunk(#"{"functionCall":{"name":"f"},"thoughtSignature":"\#(signature)"}"#, stopped))
        replay.end()
        let parts = try replay.values().compactMap { $0["candidates"]?[0]?["content"]?["parts"]?[0] }
        let sent = parts.compactMap { $0["thoughtSignature"]?.string }
        #expect(sent.count == 2 && sent[0] == sent[1])
        #expect(parts[2]["functionCall"] != nil)
        for text in sent {
            #expect(Data(base64Encoded: text) != nil)
            #expect(GeminiSignature.read(text).signature == OpaqueSignature(maker: maker, payload: signature))
            let web = text.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            #expect(maker == "gemini" || GeminiSignature.read(web).signature.payload == signature)
        }
    }

    @Test("a client that wants an array gets one, also of nothing, and whitespace between")
    func array() throws {
        var replay = GeminiReplay(wantsArray: true)
        replay.encoder.heartbeat(into: &replay.output)
        replay.feed(chunk(#"{"text":"a"}"#))
        replay.encoder.heartbeat(into: &replay.output)
        replay.feed(chunk(#"{"text":"b"}"#, stopped))
        replay.end()
        let value = try JSONValue(parsing: replay.output.bytes)
        #expect(value.elements?.count == 3)
        #expect(value[2]?["candidates"]?[0]?["finishReason"] == .string("STOP"))
        var empty = GeminiReplay(wantsArray: true)
        empty.end()
        #expect(empty.output.text == "[]\n")
    }

    @Test("a failure is an event of Google's form, or the last element", arguments: [true, false])
    func failure(wantsArray: Bool) throws {
        var replay = GeminiReplay(wantsArray: wantsArray)
        replay.feed(chunk(#"{"text":"a"}"#))
        let failure = ChatFailure(status: 529, message: "busy", type: "overloaded_error", retryAfter: 3)
        replay.encoder.fail(failure, requestID: "q", into: &replay.output)
        replay.encoder.fail(failure, requestID: "q", into: &replay.output)
        replay.end()
        let last = wantsArray ? try JSONValue(parsing: replay.output.bytes)[1] : try replay.values().last
        let prefix = "type.googleapis.com/google.rpc."
        #expect(
            last?.written == #"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":["#
                + #"{"@type":"\#(prefix)RetryInfo","retryDelay":"3s"},{"@type":"\#(prefix)RequestInfo","requestId":"q"}]}}"#
        )
    }

    @Test("sources stand together on the last chunk, images where they came")
    func sources() throws {
        var replay = GeminiReplay()
        replay.feed(
            chunk(
                #"{"inlineData":{"mimeType":"image/png","data":"AAEC"}},{"text":"t"}"#,
                stopped
                    + #","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u","title":"t"}},{"web":{"uri":"v"}}]}"#
            ))
        replay.end()
        let values = try replay.values()
        #expect(
            values[0]["candidates"]?[0]?["content"]?["parts"]?[0]?.written
                == #"{"inlineData":{"mimeType":"image/png","data":"AAEC"}}"#)
        #expect(
            values.last?["candidates"]?[0]?["groundingMetadata"]?["groundingChunks"]?.elements?.count == 2)
    }

    @Test("an answer without a reason to end just stopped, as in every dialect")
    func noReason() throws {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"text":"a"}"#))
        replay.end()
        #expect(try replay.values().last?["candidates"]?[0]?["finishReason"] == .string("STOP"))
    }

    static let transcript =
        [
            chunk(#"{"text":"th\u00e4nk 😀","thought":true}"#),
            chunk(#"{"text":"","thoughtSignature":"c2ln"}"#),
            chunk(#"{"text":"Hi "}"#, "", #","usageMetadata":{"promptTokenCount":3}"#),
            chunk(
                #"{"functionCall":{"name":"f","args":{"a":"ü"}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"g"}}"#
            ),
            chunk(#"{"text":""}"#, stopped, #","usageMetadata":{"candidatesTokenCount":3}"#),
        ].map { "data: \($0)\r\n\r\n" }.joined()

    @Test(
        "every cut of the same bytes gives the same", .bug(id: "lessons 21, 22, 23, 25"),
        arguments: [
            Dialect.gemini, .antigravity, .openAIChat,
        ])
    func cuts(target: Dialect) throws {
        let bytes = Array(Self.transcript.utf8)
        var whole = GeminiReplay(to: target)
        try whole.replay([bytes])
        whole.end()
        #expect(whole.malformedCount == 0 && whole.decoder.ending == .complete)
        #expect(whole.accumulator.choices[0].toolCalls.count == 2)
        for cut in 1..<bytes.count {
            var replay = GeminiReplay(to: target)
            try replay.replay([Array(bytes[..<cut]), Array(bytes[cut...])])
            replay.end()
            #expect(replay.output.storage == whole.output.storage)
        }
    }

    @Test("a whole answer says the same as the stream", arguments: [Dialect.gemini, .antigravity])
    func wholeAnswer(target: Dialect) throws {
        var replay = GeminiReplay()
        try replay.replay([Array(Self.transcript.utf8)])
        var body = ByteBuffer()
        target.codec.writeAnswer(replay.accumulator, GeminiReplay.context(), into: &body)
        var event = DecodedEvent()
        try target.codec.decodeWhole(body.bytes, into: &event)
        var answer = ChatAccumulator()
        answer.append(event, from: body.bytes)
        #expect(answer.choices[0].parts.map(\.text) == replay.accumulator.choices[0].parts.map(\.text))
        #expect(answer.choices[0].parts.map(\.kind) == replay.accumulator.choices[0].parts.map(\.kind))
        #expect(
            answer.choices[0].parts.map(\.signature) == replay.accumulator.choices[0].parts.map(\.signature))
        #expect(answer.usage == replay.accumulator.usage && answer.choices[0].finish == .toolCalls)
    }
}
