// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import Testing

@testable import Dialects

@Suite("Passthrough of a stream") struct PassthroughStreamTests {
    static let usage = #"{"prompt_tokens":1,"completion_tokens":2}"#

    @Test(
        "keeps a payload to the byte when nothing is to change",
        arguments: [
            #"{ "id":"c" , "model" : "m", "choices":[ {"index":0,"delta":"#
                + #"{"content":"\u00e9\/ é"},"x":1.50} ], "usage" : null }"#,
            #"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#, "{}",
        ])
    func identity(_ payload: String) {
        var replay = StreamReplay(wantsUsage: true)
        replay.feed(payload)
        #expect(replay.output.text == "data: \(payload)\n\n")
    }

    @Test("splices the client's name of the model, escaped")
    func model() {
        var replay = StreamReplay(upstreamModel: "up", clientModel: "a\"b")
        replay.feed(
            #"{"choices":[{"index":0,"delta":{"content":"model"}}],"model" : "up-2024" ,"x":"model"}"#)
        #expect(
            replay.payloads == [
                #"{"choices":[{"index":0,"delta":{"content":"model"}}],"model" : "a\"b" ,"x":"model"}"#
            ])
    }

    @Test(
        "leaves out usage that was not asked for, wherever it stands",
        arguments: [
            (#"{"usage":U,"model":"m","choices":[{"index":0}]}"#, #"{"model":"m","choices":[{"index":0}]}"#),
            (#"{ "usage" : U , "choices":[{"index":0}]}"#, #"{ "choices":[{"index":0}]}"#),
            (#"{"model":"m","usage":U,"choices":[{"index":0}]}"#, #"{"model":"m","choices":[{"index":0}]}"#),
            (#"{"model":"m","choices":[{"index":0}],"usage":U}"#, #"{"model":"m","choices":[{"index":0}]}"#),
            (#"{"choices":[{"index":0}] , "usage" : U }"#, #"{"choices":[{"index":0}] }"#),
            (#"{"usage":U}"#, "{}"), (#"{ "usage" : U }"#, "{  }"),
        ])
    func usage(before: String, after: String) {
        for value in ["null", Self.usage, "{}"] {
            var replay = StreamReplay(wantsUsage: false)
            replay.feed(before.replacingOccurrences(of: "U", with: value))
            #expect(replay.payloads == [after], "\(value)")
        }
    }

    @Test("makes all changes to one event")
    func everything() {
        var replay = StreamReplay(upstreamModel: "up", clientModel: "mine", wantsUsage: false)
        replay.feed(#"{"model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
        replay.feed(
            #"{"usage":\#(Self.usage),"choices":[{"index":0,"delta":{"content":""},"#
                + #""finish_reason":"stop"}],"model":"up"}"#
        )
        #expect(
            replay.payloads.last
                == #"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}],"model":"mine"}"#)
    }

    @Test("drops the event that is about usage alone when it was not asked for")
    func usageOnly() {
        var replay = StreamReplay(wantsUsage: false)
        replay.feed(#"{"model":"m","choices":[],"usage":\#(Self.usage)}"#)
        #expect(replay.output.isEmpty)
        #expect(replay.accumulator.usage == TokenUsage(input: 1, output: 2))
    }

    @Test("writes an event of several lines as one")
    func lines() {
        var replay = StreamReplay()
        replay.feed("{\"choices\":[\n{\"index\":0,\r\n\"delta\":{}}]}", named: "x")
        #expect(replay.output.text == "event: x\ndata: {\"choices\":[ {\"index\":0,  \"delta\":{}}]}\n\n")
    }

    @Test("ends once, by an end or a failure")
    func ends() {
        var finished = StreamReplay()
        finished.encoder.finish(into: &finished.output)
        finished.encoder.finish(into: &finished.output)
        finished.encoder.fail(ChatFailure(status: 500, message: "x"), requestID: "", into: &finished.output)
        finished.encoder.heartbeat(into: &finished.output)
        finished.feed(#"{"choices":[]}"#)
        #expect(finished.output.text == "data: [DONE]\n\n")

        var failed = StreamReplay()
        failed.encoder.heartbeat(into: &failed.output)
        failed.encoder.fail(
            ChatFailure(status: 502, message: "x \"y\"\n", code: "c"), requestID: "r", into: &failed.output)
        failed.encoder.finish(into: &failed.output)
        #expect(
            failed.output.text
                == "\n"
                + #"data: {"error":{"message":"x \"y\"\n","type":"server_error","param":null,"code":"c","#
                + #""request_id":"r"}}"# + "\n\n")
    }
}
