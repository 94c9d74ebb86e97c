// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import Storage
import Testing

@testable import FrontDoors

@Suite("ChunkEvents") struct ChunkEventsTests {
    private func written(_ texts: [String]) -> String {
        var events = ChunkEvents()
        var buffer = ByteBuffer()
        for text in texts { events.chunk(text, into: &buffer) }
        return String(decoding: buffer.storage, as: UTF8.self)
    }

    /// What an EventSource hears, by the rules of the WHATWG standard.
    private func heard(_ stream: String) -> String {
        var whole = ""
        for event in stream.components(separatedBy: "\n\n") where !event.isEmpty {
            let lines = event.components(separatedBy: "\n")
            #expect(lines[0] == "event: chunk")
            whole += lines.dropFirst().map { line in
                #expect(line.hasPrefix("data: "))
                return String(line.dropFirst(6))
            }.joined(separator: "\n")
        }
        return whole
    }

    @Test(
        "writes text as it is, a line of data for each of its lines",
        arguments: [
            ("Hello", "data: Hello\n"), (" world", "data:  world\n"), ("a\nb", "data: a\ndata: b\n"),
            ("a\rb", "data: a\ndata: b\n"), ("a\r\nb", "data: a\ndata: b\n"), ("\n", "data: \ndata: \n"),
            ("a\n", "data: a\ndata: \n"), ("\r\r\n", "data: \ndata: \ndata: \n"),
            ("x\n\ndata: forged\n\nevent: done", "data: x\ndata: \ndata: data: forged\ndata: \ndata: event: done\n"),
            ("\u{2028}\u{85}☃", "data: \u{2028}\u{85}☃\n"),
        ])
    func framing(_ text: String, _ data: String) {
        #expect(written([text]) == "event: chunk\n\(data)\n")
    }

    @Test("nothing is no event")
    func empty() {
        #expect(written([""]).isEmpty)
    }

    @Test("any cut of a text is heard as the same text, each line end as LF")
    func cuts() {
        let text = "one\r\ntwo\rthree\n\r\n four\n"
        let scalars = Array(text.unicodeScalars)
        let told = "one\ntwo\nthree\n\n four\n"
        for first in 0...scalars.count {
            for second in first...scalars.count {
                let pieces = [scalars[..<first], scalars[first..<second], scalars[second...]].map { piece in
                    var text = String.UnicodeScalarView()
                    text.append(contentsOf: piece)
                    return String(text)
                }
                #expect(heard(written(pieces)) == told, "\(pieces)")
            }
        }
    }

    @Test("ends in the words of the contract")
    func ends() {
        var buffer = ByteBuffer()
        buffer.append(literal: ChunkEvents.start)
        ChunkEvents.done(question: "msg_1", answer: "msg_2", isCut: false, into: &buffer)
        let failure = ChatFailure(status: 502, message: "no \"more\"\n", type: "server_error", code: "upstream_closed")
        ChunkEvents.error(failure, into: &buffer)
        #expect(
            String(decoding: buffer.storage, as: UTF8.self) == """
                event: start
                data: {"status":"streaming"}

                event: done
                data: {"user_message_id":"msg_1","assistant_message_id":"msg_2"}

                event: error
                data: {"error":"no \\"more\\"\\n"}


                """)
    }

    @Test("tells who wants it what the model thinks, who answered, and the status of a failure")
    func details() {
        var buffer = ByteBuffer()
        var thoughts = ChunkEvents()
        thoughts.chunk("so\nso", named: "reasoning", into: &buffer)
        let answer = AnswerRecord(
            outcome: "completed", isPartial: false, isStreamed: true, milliseconds: 7, inputTokens: 3, outputTokens: 5,
            isEstimated: false, model: "m", provider: "p", requestID: "req_1")
        ChunkEvents.details(answer, into: &buffer)
        ChunkEvents.error(ChatFailure(status: 500, message: "x", type: "server_error"), details: true, into: &buffer)
        #expect(
            String(decoding: buffer.storage, as: UTF8.self) == """
                event: reasoning
                data: so
                data: so

                event: details
                data: {"model":"m","provider":"p","input_tokens":3,"output_tokens":5,"is_estimated":false,"response_ms":7}

                event: error
                data: {"error":"x","status":500,"code":null}


                """)
    }
}

@Suite("TokenEvents") struct TokenEventsTests {
    @Test("are the bytes of the contract")
    func bytes() {
        var buffer = ByteBuffer()
        TokenEvents.token("Hi \"you\"\n\r☃", into: &buffer)
        TokenEvents.done("", isCut: false, into: &buffer)
        #expect(
            String(decoding: buffer.storage, as: UTF8.self) == #"""
                data: {"token":"Hi \"you\"\n\r☃","done":false}

                data: {"token":"","done":true,"fullText":""}


                """#)
    }
}

@Suite("BodyFields") struct BodyFieldsTests {
    private func read(_ body: String) throws -> (String, String?, Int?, String?) {
        var fields = try BodyFields(Array(body.utf8))
        let result = (
            try fields.text("message"), try fields.string("model"), try fields.integer("max_tokens", in: 1...9),
            try fields.number("temperature", in: 0...2)
        )
        try fields.end()
        return result
    }

    @Test("gives what is there, null as nothing")
    func reads() throws {
        let (text, model, tokens, temperature) = try read(#"{"message":" a ","model":null,"max_tokens":9,"temperature":0.70}"#)
        #expect(text == " a " && model == nil && tokens == 9 && temperature == "0.70")
    }

    @Test(
        "refuses what is not as it must be with a 400 of its own",
        arguments: [
            ("", "invalid_json"), ("[]", "invalid_json"), ("{\"message\":\"a\"", "invalid_json"), ("{}", "missing_parameter"),
            (#"{"message":null}"#, "missing_parameter"), (#"{"message":""}"#, "invalid_value"),
            (#"{"message":" \n\u00a0"}"#, "invalid_value"), (#"{"message":7}"#, "invalid_value"),
            (#"{"message":"a","message":"b"}"#, "duplicate_parameter"), (#"{"message":"a","role":"admin"}"#, "unknown_parameter"),
            (#"{"message":"a","model":["x"]}"#, "invalid_value"), (#"{"message":"a","max_tokens":0}"#, "invalid_value"),
            (#"{"message":"a","max_tokens":1.5}"#, "invalid_value"), (#"{"message":"a","max_tokens":1e99}"#, "invalid_value"),
            (#"{"message":"a","temperature":2.1}"#, "invalid_value"), (#"{"message":"a","temperature":"1"}"#, "invalid_value"),
        ])
    func refuses(_ body: String, _ code: String) {
        let failure = #expect(throws: ChatFailure.self) { try read(body) }
        #expect(failure?.status == 400 && failure?.code == code)
    }
}

@Suite("ChatReply") struct ChatReplyTests {
    @Test(
        "writes times with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_765_706_400_007_999, "2025-12-14T10:00:00.007Z"),
            (1_765_706_400_999_999, "2025-12-14T10:00:00.999Z"),
        ] as [(Int64, String)])
    func time(_ microseconds: Int64, _ text: String) {
        #expect(ChatReply.time(microseconds) == text)
    }
}
