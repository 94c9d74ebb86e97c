// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import Testing

@testable import Dialects

/// Transcripts in the manner of those who imitate OpenAI, each with what sets it apart.
@Suite("Imitators of OpenAI")
struct ImitatorTests {
    private func replay(_ chunks: String...) -> StreamReplay {
        var replay = StreamReplay()
        for chunk in chunks { replay.feed(chunk) }
        #expect(replay.malformedCount == 0)
        // Whatever is understood of them, a client of the dialect gets what they said.
        if replay.decoder.ending != .failed { #expect(replay.payloads == chunks.filter { $0 != "[DONE]" }) }
        return replay
    }

    private func delta(_ delta: String, _ finish: String = "null") -> String {
        #"{"id":"x","choices":[{"index":0,"delta":{\#(delta)},"finish_reason":\#(finish)}]}"#
    }

    @Test("OpenRouter tells reasoning twice, signs it, and hides some of it")
    func openRouter() {
        let stream = replay(
            delta(#""role":"assistant","reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0}]"#),
            delta(#""reasoning_details":[{"type":"reasoning.summary","summary":"b","index":0}],"reasoning":"b""#),
            delta(#""reasoning":null,"reasoning_details":[{"type":"reasoning.text","signature":"s\/1","index":0}]"#),
            delta(#""reasoning_details":[{"type":"reasoning.encrypted","data":"zz","index":1},null,7]"#),
            delta(#""content":"c","annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"t"}}]"#),
            delta(#""images":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,AA=="}}]"#),
            delta(#""images":[{"type":"image_url","image_url":{"url":"https://e.org/i.png"}}]"#), delta("", #""stop""#))
        let parts = stream.accumulator.choices[0].parts
        #expect(
            parts.map(\.kind) == [
                .reasoning, .redactedReasoning, .text, .citation(url: "u", title: "t"), .image(mediaType: "image/png"),
            ])
        #expect(parts[0].text == "ab" && parts[0].signature == "s/1")
        #expect(parts[1].text == "zz" && parts[4].text == "AA==")
    }

    @Test("Gemini's imitation signs its calls")
    func gemini() {
        let call =
            #"{"index":0,"id":"i","type":"function","function":{"name":"f","arguments":"{}"},"#
            + #""extra_content":{"google":{"thought_signature":"sig=="},"other":{}}}"#
        let stream = replay(delta(#""tool_calls":[\#(call)]"#, #""tool_calls""#))
        #expect(stream.accumulator.choices[0].toolCalls.map(\.signature) == ["sig=="])
    }

    @Test("arguments that are an object are understood, beside text of the same event")
    func objectArguments() {
        let stream = replay(
            delta(#""content":"é\n","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"k":"\"v"}}}]"#, #""stop""#))
        #expect(stream.accumulator.choices[0].text == "é\n")
        #expect(stream.accumulator.choices[0].toolCalls.map(\.arguments) == [#"{"k":"\"v"}"#])
        #expect(stream.accumulator.choices[0].toolCalls.map(\.name) == ["f"])
    }

    @Test("custom calls and log probabilities are read as OpenAI sends them")
    func openAI() {
        let element = #"{"token":"a","logprob":-1,"bytes":null,"top_logprobs":[]}"#
        let stream = replay(
            #"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[ \#(element)],"refusal":null}}]}"#,
            #"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[],"refusal":null}}]}"#,
            delta(#""tool_calls":[{"index":0,"id":"i","type":"custom","custom":{"name":"p","input":""}}]"#),
            delta(#""tool_calls":[{"index":0,"custom":{"input":"te"}}]"#),
            delta(#""tool_calls":[{"index":0,"custom":{"input":"xt"}}]"#, #""tool_calls""#))
        let choice = stream.accumulator.choices[0]
        #expect(choice.logprobs.text == element && choice.text == "aa")
        #expect(choice.toolCalls.map(\.kind) == [.customCall(number: 0, id: "i", name: "p")])
        #expect(choice.toolCalls.map(\.text) == ["text"])
    }

    @Test("GLM says who speaks in every delta, cuts with a word of its own, and tells of a broken connection")
    func glm() {
        let cut = replay(
            delta(#""role":"assistant","reasoning_content":"r""#), delta(#""role":"assistant","content":"\na""#),
            #"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"sensitive"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            "[DONE]")
        #expect(cut.accumulator.choices[0].finish == .contentFilter)
        #expect(cut.accumulator.usage == TokenUsage(input: 1, output: 2))
        let broken = replay(delta(#""content":"a""#), delta("", #""network_error""#), "[DONE]")
        #expect(broken.accumulator.failure?.status == 502)
        #expect(broken.decoder.ending == .failed && broken.terminalCount == 1)
        let busy = replay(#"{"error":{"code":"1302","message":"busy"}}"#)
        #expect(busy.accumulator.failure?.status == 429)
    }

    @Test(
        "usage is read wherever it is told",
        arguments: [
            (#"{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":4}"#, 9, 1, 4),
            (#"{"prompt_tokens":9,"completion_tokens":1,"cache_read_input_tokens":4,"cache_created_input_tokens":0}"#, 9, 1, 4),
            (
                #"{"prompt_tokens":9,"completion_tokens":1,"total_tokens":15,"completion_tokens_details":{"reasoning_tokens":5}}"#,
                9, 6, nil
            ),
            (#"{"prompt_tokens":9,"completion_tokens":1,"cached_tokens":4}"#, 9, 1, 4),
            (
                #"{"cached_tokens":5,"prompt_tokens":9,"completion_tokens":1,"#
                    + #""prompt_tokens_details":{"cached_tokens":4}}"#,
                9, 1, 4
            ),
            (#"{"prompt_tokens":0,"completion_tokens":0}"#, 0, 0, nil),
        ] as [(String, Int, Int, Int?)])
    func usage(member: String, input: Int, output: Int, cached: Int?) {
        let stream = replay(#"{"choices":[],"usage":\#(member)}"#)
        #expect(stream.accumulator.usage?.input == input)
        #expect(stream.accumulator.usage?.output == output)
        #expect(stream.accumulator.usage?.cached == cached)
    }

    @Test(
        "an error body of another platform is understood",
        arguments: [
            (#"{"id":"unauthorized","message":"no","request_id":"r"}"#, "no", "unauthorized", nil, nil),
            (#"{"detail":[{"loc":["body","messages",0],"msg":"bad","type":"missing"}]}"#, "bad", nil, "messages.0", nil),
            (
                #"{"error":{"message":"Please try again in 1.5s. Thanks","code":null}}"#, "Please try again in 1.5s. Thanks", nil,
                nil, 2
            ),
            (#"{"error":{"message":"try again in 20ms"}}"#, "try again in 20ms", nil, nil, 1),
            (#"[{"error":{"message":"q","details":[{"retryDelay":"34s"}]}}]"#, "q", nil, nil, 34),
        ] as [(String, String, String?, String?, Int?)])
    func errors(body: String, message: String, code: String?, parameter: String?, wait: Int?) {
        let failure = OpenAIChatCodec().readError(Array(body.utf8).span, status: 429)
        #expect(failure.message == message)
        #expect(failure.code == code)
        #expect(failure.parameter == parameter)
        #expect(failure.retryAfter == wait)
    }
}
