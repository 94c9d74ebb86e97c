// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Testing

@testable import Dialects

@Suite("Reading Gemini's stream") struct GeminiStreamDecoderTests {
    @Test("text and thoughts are told apart, and the stream is complete without a terminator")
    func text() {
        var replay = GeminiReplay()
        #expect(replay.decoder.ending == .empty)
        let first = replay.feed(chunk(#"{"text":"Hm\n","thought":true}"#, "", #","modelVersion":"g""#))
        #expect(first.deltas.first == .start(choice: 0) && !first.hasOwnText && first.modelRange != nil)
        replay.feed(chunk(#"{"text":"Gr\u00fc\u00dfe \ud83d"}"#))
        replay.feed(chunk(#"{"text":"\ude00"}"#))
        #expect(replay.decoder.ending == .truncated)
        let last = replay.feed(chunk(#"{"text":""}"#, stopped))
        #expect(last.deltas == [.finish(choice: 0, .stop)])
        #expect(replay.decoder.ending == .complete && replay.terminalCount == 0)
        #expect(replay.accumulator.text == "Grüße 😀" && replay.accumulator.choices[0].reasoning == "Hm\n")
    }

    @Test(
        "parallel calls are kept apart, in one chunk or in several", .bug(id: "lessons 34, 43"),
        arguments: [true, false])
    func parallel(inOne: Bool) {
        var replay = GeminiReplay()
        let first =
            #"{"functionCall":{"id":"a1","name":"add","args":{"a": 1, "s":"x\"y"}},"thoughtSignature":"c2ln"}"#
        let second = #"{"functionCall":{"name":"add","args":{}}}"#
        if inOne {
            replay.feed(chunk(first + "," + second, stopped))
        } else {
            replay.feed(chunk(first))
            replay.feed(chunk(second, stopped))
        }
        let calls = replay.accumulator.choices[0].toolCalls
        #expect(calls.map(\.number) == [0, 1] && calls.map(\.name) == ["add", "add"])
        #expect(calls.map(\.arguments) == [#"{"a": 1, "s":"x\"y"}"#, "{}"])
        #expect(calls.map(\.signature) == ["c2ln", ""])
        #expect(calls[0].id == "a1" && calls[1].id.hasPrefix("gcall_") && GeminiCallID.isMade(calls[1].id))
        #expect(replay.accumulator.choices[0].finish == .toolCalls)
    }

    @Test("ids that Google did not give are the same each time and differ between answers")
    func madeIDs() {
        func id(_ response: String) -> String {
            var replay = GeminiReplay()
            replay.feed(
                #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}],"responseId":"\#(response)"}"#
            )
            return replay.accumulator.choices[0].toolCalls[0].id
        }
        #expect(id("one") == id("one") && id("one") != id("two"))
    }

    @Test("text and a call in one chunk are both told, from the decoder's own text", .bug(id: "lessons 38"))
    func mixed() {
        var replay = GeminiReplay()
        let event = replay.feed(
            chunk(#"{"text":"Let\nme"},{"functionCall":{"name":"f"}},{"text":"see"}"#, stopped))
        #expect(event.hasOwnText)
        #expect(replay.accumulator.text == "Let\nmesee")
        #expect(replay.accumulator.choices[0].toolCalls.map(\.arguments) == ["{}"])
    }

    @Test("arguments in pieces are put together by their paths and told whole")
    func pieces() throws {
        var replay = GeminiReplay()
        func piece(_ call: String) -> DecodedEvent { replay.feed(chunk(#"{"functionCall":\#(call)}"#)) }
        replay.feed(chunk(#"{"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"c2ln"}"#))
        _ = piece(
            #"{"partialArgs":[{"jsonPath":"$.a.b[0]","stringValue":"x\"","willContinue":true}],"willContinue":true}"#
        )
        _ = piece(#"{"partialArgs":[{"jsonPath":"$.a.b[0]","stringValue":"y"}],"willContinue":true}"#)
        _ = piece(
            #"{"partialArgs":[{"jsonPath":"$.a.b[2]","numberValue":0.5},{"jsonPath":"$['k.1']","boolValue":true},"#
                + #"{"jsonPath":"$.n","nullValue":"NULL_VALUE"}],"willContinue":true}"#)
        #expect(piece(#"{"willContinue":true}"#).deltas.isEmpty)
        let end = piece("{}")
        #expect(end.deltas.count == 3 && end.hasOwnText)
        let calls = replay.accumulator.choices[0].toolCalls
        #expect(calls.map(\.arguments) == [#"{"a":{"b":["x\"y",null,0.5]},"k.1":true,"n":null}"#])
        #expect(calls[0].signature == "c2ln")
    }

    @Test("a call in pieces ends with the next name, or with the reason to end")
    func pieceEnds() {
        var replay = GeminiReplay()
        let begin = #"{"functionCall":{"name":"f","willContinue":true}}"#
        let more =
            #"{"functionCall":{"partialArgs":[{"jsonPath":"$.a","stringValue":"1"}],"willContinue":true}}"#
        replay.feed(chunk(begin))
        replay.feed(chunk(more))
        #expect(replay.accumulator.choices[0].toolCalls.isEmpty)
        replay.feed(chunk(begin))
        #expect(replay.accumulator.choices[0].toolCalls.count == 1)
        replay.feed(chunk(more))
        replay.feed(chunk(#"{"text":""}"#, stopped))
        #expect(replay.accumulator.choices[0].toolCalls.map(\.arguments) == [#"{"a":"1"}"#, #"{"a":"1"}"#])
        #expect(replay.accumulator.choices[0].finish == .toolCalls)
    }

    @Test(
        "paths that lead nowhere and absurd places do no harm",
        arguments: [
            "a", "$", "$.", "$[", "$['", "$[-1]", "$[99999999999999999999]", "$[65535].a", "$x", "$.a[1",
            "$[0][0][0]",
        ])
    func oddPaths(path: String) throws {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"functionCall":{"name":"f","willContinue":true}}"#))
        replay.feed(
            chunk(
                #"{"functionCall":{"partialArgs":[{"jsonPath":"\#(path)","stringValue":"v"}],"willContinue":true}}"#
            ))
        replay.feed(chunk("", stopped))
        let call = try #require(replay.accumulator.choices[0].toolCalls.first)
        _ = try json(call.arguments)
    }

    @Test("signatures stand where they belong", .bug(id: "lessons 45, 48, 50"))
    func signatures() {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"text":"think","thought":true}"#))
        let ended = replay.feed(chunk(#"{"text":"say","thoughtSignature":"czE="}"#))
        guard case .reasoningSignature? = ended.deltas.first, case .text? = ended.deltas.last else {
            Issue.record("the signature comes before the text where reasoning is open")
            return
        }
        replay.feed(chunk(#"{"text":"","thought":true,"thoughtSignature":"czI="}"#))
        replay.feed(chunk(#"{"text":" more","thoughtSignature":"czM="}"#, stopped))
        let parts = replay.accumulator.choices[0].parts
        #expect(parts.map(\.kind) == [.reasoning, .text, .reasoning, .text, .reasoning])
        #expect(parts.map(\.signature) == ["czE=", "", "czI=", "", "czM="])
    }

    @Test(
        "usage is merged count by count; thoughts and what tools were given are in it",
        .bug(id: "lessons 54, 55, 56"))
    func usage() {
        var replay = GeminiReplay()
        replay.feed(chunk("", "", #","usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":4}"#))
        replay.feed(
            chunk(
                "", "",
                #","usageMetadata":{"candidatesTokenCount":3,"thoughtsTokenCount":5,"trafficType":"X"}"#))
        replay.feed(
            chunk("", stopped, #","usageMetadata":{"toolUsePromptTokenCount":2,"candidatesTokenCount":4}"#))
        #expect(replay.accumulator.usage == TokenUsage(input: 11, output: 9, cached: 4, reasoning: 5))
        #expect(replay.feed(#"{"usageMetadata":{"trafficType":"X"}}"#).deltas.isEmpty)
        #expect(replay.feed(#"{"usageMetadata":null}"#).deltas.isEmpty)
    }

    @Test(
        "reasons to end",
        arguments: [
            ("STOP", FinishReason.stop), ("MAX_TOKENS", .length), ("SAFETY", .contentFilter),
            ("SPII", .contentFilter),
            ("RECITATION", .contentFilter), ("LANGUAGE", .contentFilter), ("BLOCKLIST", .contentFilter),
            ("PROHIBITED_CONTENT", .contentFilter), ("MODEL_ARMOR", .contentFilter),
            ("IMAGE_SAFETY", .contentFilter),
            ("MALFORMED_FUNCTION_CALL", .malformedCall), ("UNEXPECTED_TOOL_CALL", .malformedCall),
            ("TOO_MANY_TOOL_CALLS", .malformedCall), ("MISSING_THOUGHT_SIGNATURE", .malformedCall),
            ("CONTINUATION", .pause), ("OTHER", .other("OTHER")), ("NEW_ONE", .other("NEW_ONE")),
        ])
    func reasons(name: String, reason: FinishReason) {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"text":"x"}"#, #","finishReason":"\#(name)""#))
        #expect(replay.accumulator.choices[0].finish == reason)
        var calling = GeminiReplay()
        calling.feed(chunk(#"{"functionCall":{"name":"f"}}"#, #","finishReason":"\#(name)""#))
        #expect(calling.accumulator.choices[0].finish == (reason == .length ? .length : .toolCalls))
    }

    @Test("a second reason to end is marked as repeated")
    func repeatedFinish() {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"text":"x"}"#, stopped))
        let event = replay.feed(chunk("", stopped))
        #expect(event.deltas.isEmpty && event.repeatedFinishes.count == 1)
    }

    @Test("a refused prompt has no candidate and ends by the filter")
    func blocked() {
        var replay = GeminiReplay()
        replay.feed(#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#)
        #expect(replay.accumulator.choices[0].finish == .contentFilter)
        #expect(replay.decoder.ending == .complete)
    }

    @Test("an error in the stream fails it, with its own status and wait", .bug(id: "lessons 68"))
    func error() {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"text":"x"}"#))
        let event = replay.feed(
            #"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE","details":["#
                + #"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.2s"}]}}"#)
        #expect(
            event.deltas == [
                .failure(
                    ChatFailure(
                        status: 503, message: "The model is overloaded.", type: "UNAVAILABLE", retryAfter: 2))
            ])
        #expect(event.isTerminal && replay.decoder.ending == .failed)
        #expect(replay.feed(chunk(#"{"text":"late"}"#)).isAfterEnd)
        #expect(replay.accumulator.text == "x" && replay.terminalCount == 1)
    }

    @Test("choices interleave and all must end")
    func choices() {
        var replay = GeminiReplay()
        func both(_ a: String, _ b: String, _ more: String = "") -> String {
            #"{"candidates":[{"content":{"parts":[{"text":"\#(a)"}]}\#(more)},{"index":1,"content":{"parts":[{"text":"\#(b)"}]}}]}"#
        }
        replay.feed(both("a", "1"))
        replay.feed(both("b", "2", #","finishReason":"STOP""#))
        #expect(replay.decoder.ending == .truncated)
        replay.feed(#"{"candidates":[{"index":1,"finishReason":"STOP"}]}"#)
        #expect(replay.decoder.ending == .complete)
        #expect(replay.accumulator.choices.map(\.text) == ["ab", "12"])
    }

    @Test("sources, images and log probabilities are told")
    func others() throws {
        var replay = GeminiReplay()
        let source =
            #","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example/","title":"A"}}]}"#
        replay.feed(
            chunk(
                #"{"inlineData":{"mimeType":"image/png","data":"AAEC"}},{"inlineData":{"mimeType":"audio/wav","data":"AA"}}"#,
                #","logprobsResult":{"topCandidates":[{"candidates":[{"token":"x","logProbability":-1}]}],"#
                    + #""chosenCandidates":[{"token":"x","tokenId":5,"logProbability":-0.5}]}"# + source))
        replay.feed(chunk("", stopped + source))
        let choice = replay.accumulator.choices[0]
        #expect(
            choice.parts.map(\.kind) == [
                .image(mediaType: "image/png"), .citation(url: "https://a.example/", title: "A"),
            ])
        #expect(choice.parts[0].text == "AAEC")
        #expect(
            choice.logprobs.text
                == #"{"token":"x","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"x","logprob":-1,"bytes":null}]}"#
        )
    }

    @Test(
        "what is not a chunk is skipped and changes nothing", .bug(id: "lessons 33, 62"),
        arguments: [
            "{", "", "5", "null", "\"x\"", #"{"candidates":[{"content":{"parts":[{"text":"a}"#, "[1]",
            #"{"a":1}{"b":2}"#,
            #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}"#,
            "{\"a\":\"\u{1}\"}",
        ])
    func malformed(text: String) {
        var replay = GeminiReplay()
        replay.feed(chunk(#"{"text":"a"}"#))
        replay.feed(text)
        #expect(replay.malformedCount == 1)
        replay.feed(chunk(#"{"text":"b"}"#, stopped))
        #expect(replay.accumulator.text == "ab" && replay.accumulator.choices[0].toolCalls.isEmpty)
        #expect(replay.decoder.ending == .complete)
    }

    @Test(
        "odd but valid chunks say nothing",
        arguments: [
            "{}", "[]", #"{"candidates":null}"#, #"{"candidates":[null,5]}"#, #"{"candidates":{}}"#,
            #"{"error":null}"#,
            #"{"usageMetadata":5,"modelVersion":7,"responseId":[]}"#,
            #"{"candidates":[{"content":{"parts":[{"toolCall":{"a":1}},{"executableCode":{"code":"x"}},5]}}]}"#,
            #"{"candidates":[{"content":{"parts":[{"text":5},{"functionCall":null},{"functionCall":{}}]}}]}"#,
        ])
    func odd(text: String) {
        var replay = GeminiReplay()
        let event = replay.feed(text)
        #expect(replay.malformedCount == 0)
        #expect(event.deltas.allSatisfy { $0 == .start(choice: 0) })
    }

    @Test("a stream that speaks of too many choices is not followed")
    func limit() {
        var replay = GeminiReplay()
        let many = (0..<5000).map { #"{"index":\#($0)}"# }.joined(separator: ",")
        replay.feed(#"{"candidates":[\#(many)]}"#)
        #expect(replay.malformedCount == 1 && replay.decoder.ending == .empty)
    }

    @Test("escaped names mean the same")
    func escapedNames() {
        var replay = GeminiReplay()
        replay.feed(
            #"{"candid\u0061tes":[{"content":{"parts":[{"te\u0078t":"x"}]},"finishR\u0065ason":"STOP"}]}"#)
        #expect(replay.accumulator.text == "x" && replay.decoder.ending == .complete)
    }

    @Test("a whole answer and an array of chunks are read as one event")
    func whole() throws {
        for body in [
            chunk(#"{"text":"ab"}"#, stopped),
            "[" + chunk(#"{"text":"a"}"#) + "\n,\r\n" + chunk(#"{"text":"b"}"#, stopped) + "\n]",
        ] {
            let bytes = Array(body.utf8)
            var event = DecodedEvent()
            try GeminiCodec().decodeWhole(bytes.span, into: &event)
            var answer = ChatAccumulator()
            answer.append(event, from: bytes.span)
            #expect(answer.text == "ab" && answer.choices[0].finish == .stop && !event.isTerminal)
        }
        var event = DecodedEvent()
        let empty = Array("{}".utf8)
        #expect(throws: MalformedEvent.self) { try GeminiCodec().decodeWhole(empty.span, into: &event) }
    }
}
