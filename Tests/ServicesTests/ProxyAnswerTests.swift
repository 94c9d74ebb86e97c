// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Services
import Testing

/// What an upstream says in its own dialect, and what the proxy reads of it.
struct ProxyAnswerCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var type = "text/event-stream"
    var body: String
    var text: String
    var usage: TokenUsage?
    var model: String?

    init(_ name: String, events: [String], _ text: String, _ usage: TokenUsage?, _ model: String? = nil) {
        (testDescription, self.text, self.usage, self.model) = (name, text, usage, model)
        body = events.map { "data: \($0)\n\n" }.joined()
    }

    init(
        _ name: String, _ body: String, type: String = "application/json", _ text: String, _ usage: TokenUsage?,
        _ model: String? = nil
    ) {
        (testDescription, self.body, self.type, self.text, self.usage, self.model) = (name, body, type, text, usage, model)
    }

    static let all = [
        ProxyAnswerCase(
            "Anthropic's stream, whose input is without what the cache gave and took",
            events: [
                #"{"type":"message_start","message":{"model":"claude","content":[],"usage":{"input_tokens":10,"#
                    + #""cache_read_input_tokens":90,"cache_creation_input_tokens":5,"output_tokens":1}}}"#,
                #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"hm"}}"#,
                #"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#,
                #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#,
                #"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
                #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7,"#
                    + #""output_tokens_details":{"thinking_tokens":2}}}"#,
            ], "hi", TokenUsage(input: 105, output: 7, cached: 90, cacheWritten: 5, reasoning: 2), "claude"),
        ProxyAnswerCase(
            "Anthropic's message",
            #"{"model":"claude","content":[{"type":"text","text":"hi"}],"usage":{"cache_read_input_tokens":2,"input_tokens":1,"#
                + #""output_tokens":3,"cache_creation":{"input_tokens":9},"iterations":[{"input_tokens":9}]}}"#,
            "hi", TokenUsage(input: 3, output: 3, cached: 2), "claude"),
        ProxyAnswerCase(
            "OpenAI's chat with details, the counts growing",
            events: [
                #"{"model":"gpt","choices":[{"delta":{"content":"he"}}],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#,
                #"{"model":"gpt","choices":[{"delta":{"content":"llo","reasoning_content":"no"}}],"usage":null}"#,
                #"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4,"#
                    + #""audio_tokens":9},"completion_tokens_details":{"reasoning_tokens":1}}}"#, "[DONE]",
            ], "hello", TokenUsage(input: 10, output: 2, cached: 4, reasoning: 1), "gpt"),
        ProxyAnswerCase(
            "xAI's chat, whose output is without its reasoning",
            #"{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":165,"completion_tokens":2,"total_tokens":296,"#
                + #""completion_tokens_details":{"reasoning_tokens":129}}}"#,
            "a", TokenUsage(input: 165, output: 131, reasoning: 129)),
        ProxyAnswerCase(
            "Moonshot's cached tokens, and its usage in a choice",
            events: [#"{"choices":[{"delta":{},"usage":{"prompt_tokens":9,"completion_tokens":1,"cached_tokens":4}}]}"#],
            "", TokenUsage(input: 9, output: 1, cached: 4)),
        ProxyAnswerCase(
            "Groq's usage", events: [#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":1}}}"#], "", TokenUsage(input: 1)),
        ProxyAnswerCase(
            "embeddings", #"{"data":[{"embedding":[0.1,-2e-3]}],"model":"e","usage":{"prompt_tokens":6,"total_tokens":6}}"#, "",
            TokenUsage(input: 6), "e"),
        ProxyAnswerCase(
            "Responses' stream, whose last event says all again",
            events: [
                #"{"type":"response.created","response":{"model":"gpt","output":[],"usage":null}}"#,
                #"{"type":"response.reasoning_summary_text.delta","delta":"thought"}"#,
                #"{"type":"response.output_text.delta","delta":"hel"}"#, #"{"delta":"lo","type":"response.output_text.delta"}"#,
                #"{"delta":"{\"a\"","type":"response.function_call_arguments.delta"}"#,
                #"{"type":"response.output_text.done","text":"hello"}"#,
                #"{"type":"response.completed","response":{"output":[{"content":[{"type":"output_text","text":"hello"}]}],"#
                    + #""usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":3,"#
                    + #""output_tokens_details":{"reasoning_tokens":1},"total_tokens":12}}}"#,
            ], "hello", TokenUsage(input: 9, output: 3, cached: 4, reasoning: 1), "gpt"),
        ProxyAnswerCase(
            "a response",
            #"{"model":"gpt","output":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"no"}]},{"type":"message","#
                + #""content":[{"text":"hel","type":"output_text"},{"type":"output_text","text":"lo"}]}],"#
                + #""usage":{"input_tokens":9,"output_tokens":3}}"#,
            "hello", TokenUsage(input: 9, output: 3), "gpt"),
        ProxyAnswerCase(
            "Gemini's stream with thoughts",
            events: [
                #"{"candidates":[{"content":{"parts":[{"text":"no","thought":true},{"text":"hel"}]}}],"usageMetadata":"#
                    + #"{"promptTokenCount":9},"modelVersion":"gemini"}"#,
                #"{"candidates":[{"content":{"parts":[{"text":"lo","thought":false}]}}],"usageMetadata":{"promptTokenCount":9,"#
                    + #""candidatesTokenCount":3,"thoughtsTokenCount":2,"toolUsePromptTokenCount":5,"#
                    + #""cachedContentTokenCount":1,"totalTokenCount":19}}"#,
            ], "hello", TokenUsage(input: 14, output: 5, cached: 1, reasoning: 2), "gemini"),
        ProxyAnswerCase(
            "Gemini's stream as an array",
            #"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"content":{"parts":[{"text":"b"}]}}],"#
                + #""usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}]"#,
            "ab", TokenUsage(input: 1, output: 2)),
        ProxyAnswerCase(
            "Gemini in the envelope",
            events: [
                #"{"response":{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":1},"#
                    + #""modelVersion":"g"}}"#
            ], "a", TokenUsage(input: 1), "g"),
        ProxyAnswerCase(
            "Ollama's own",
            #"{"model":"l","message":{"content":"he"}}"# + "\n"
                + #"{"message":{"content":"llo","thinking":"no"},"done":true,"prompt_eval_count":4,"eval_count":2}"#,
            type: "application/x-ndjson", "hello", TokenUsage(input: 4, output: 2), "l"),
        ProxyAnswerCase(
            "Ollama in one piece", #"{"response":"a","prompt_eval_count":4,"eval_count":2}"#, "a", TokenUsage(input: 4, output: 2)
        ),
        ProxyAnswerCase(
            "Straico's",
            #"{"data":{"completion":{"model":"s","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1}}}}"#,
            "a", TokenUsage(input: 1), "s"),
        ProxyAnswerCase("a count of tokens, which uses none", #"{"input_tokens":14}"#, "", nil),
        ProxyAnswerCase(
            "counts that are none", #"{"usage":{"prompt_tokens":-1,"completion_tokens":"5","total_tokens":1.5}}"#, "", nil),
        ProxyAnswerCase(
            "absurd counts", #"{"usage":{"input_tokens":9223372036854775807,"cache_read_input_tokens":9,"output_tokens":1e99}}"#,
            "",
            TokenUsage(input: .max, cached: 9)),
    ]
}

@Suite struct ProxyAnswerTests {
    @Test(arguments: ProxyAnswerCase.all)
    func everyCutOfAnAnswerSaysTheSame(_ answer: ProxyAnswerCase) {
        let bytes = Array(answer.body.utf8)
        for cut in 0...bytes.count {
            var capture = ProxyCapture(contentType: answer.type, contentEncoding: nil, limit: 1 << 20)
            capture.append(Array(bytes[..<cut]).span)
            capture.append(Array(bytes[cut...]).span)
            capture.finish()
            #expect(capture.text == answer.text && capture.usage == answer.usage && capture.model == answer.model)
        }
    }
}
