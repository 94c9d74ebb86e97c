// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON
import Testing

@testable import Dialects

/// Bytes changed at every place: nothing may trap, and whatever is written is well-formed.
@Suite("Damaged input of Gemini") struct GeminiDamageTests {
    @Test(
        "in a stream is skipped or read, and what is written is JSON",
        arguments: [Dialect.gemini, .antigravity, .openAIChat])
    func streams(target: Dialect) throws {
        let pieces =
            chunk(
                #"{"functionCall":{"partialArgs":[{"jsonPath":"$.a[1]['b']","stringValue":"x"},"#
                    + #"{"jsonPath":"$.c","numberValue":1}],"willContinue":true}}"#)
        let bytes = Array(
            ("data: " + chunk(#"{"functionCall":{"name":"f","willContinue":true}}"#) + "\n\ndata: " + pieces
                + "\n\n"
                + GeminiStreamEncoderTests.transcript).utf8)
        var changedCount = 0
        for place in stride(from: 0, to: bytes.count, by: 5) {
            for byte in Array("5\"{]n\\ ".utf8) where bytes[place] != byte {
                var damaged = bytes
                damaged[place] = byte
                var replay = GeminiReplay(to: target)
                try replay.replay([damaged])
                replay.end()
                _ = try replay.values()
                #expect(replay.terminalCount <= 1)
                if replay.malformedCount > 0 { changedCount += 1 }
            }
        }
        #expect(changedCount > 50)
    }

    @Test("in a request is refused, or what is written of it reads and writes the same")
    func requests() throws {
        let bytes = Array(GeminiRequestTests.full.utf8)
        var taken = 0
        for place in stride(from: 0, to: bytes.count, by: 7) {
            for byte in Array("5\"x".utf8) where bytes[place] != byte {
                var damaged = bytes
                damaged[place] = byte
                let address = RequestAddress(model: "gemini-3-pro")
                guard let chat = try? GeminiCodec().decodeRequest(damaged.span, address).chat,
                    let made = try? write(chat)
                else { continue }
                taken += 1
                let again = try geminiRequest(made.body.written)
                // What is read of our own is written as it is.
                #expect(try write(again).body.written == made.body.written)
                _ = try write(chat, in: .antigravity)
            }
        }
        #expect(taken > 100)
    }
}
