// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

/// Replays recorded streams when they lie beside the repository; they are not part of it.
@Suite("Gemini's recorded streams") struct GeminiRecordingTests {
    static let files = RecordedStreamTests.recordings(in: ["gemini", "cloudcode", "framing/gemini"])

    func dialect(of file: URL) -> Dialect { file.path.contains("/cloudcode/") ? .antigravity : .gemini }

    func read(_ file: URL, to target: Dialect) throws -> GeminiReplay {
        var replay = GeminiReplay(from: dialect(of: file), to: target)
        try replay.replay([[UInt8](try Data(contentsOf: file))])
        // A body may end without its last blank line.
        try replay.replay([])
        if replay.decoder.ending == .failed {
            replay.encoder.fail(ChatFailure(status: 503, message: "x"), requestID: "", into: &replay.output)
        } else {
            replay.end()
        }
        return replay
    }

    func compare(_ first: ChatAccumulator, _ second: ChatAccumulator, signatures: Bool) {
        #expect(second.choices.count == first.choices.count)
        for (first, second) in zip(first.choices, second.choices) {
            #expect(second.text == first.text)
            #expect(second.reasoning == first.reasoning)
            #expect(second.toolCalls.map(\.name) == first.toolCalls.map(\.name))
            #expect(second.toolCalls.map(\.id) == first.toolCalls.map(\.id))
            let arguments = { (choice: AccumulatedChoice) in
                choice.toolCalls.map { ToolInput.object($0.arguments) }
            }
            #expect(arguments(second) == arguments(first))
            #expect(second.finish == first.finish)
            if signatures {
                let signatures = { (choice: AccumulatedChoice) in
                    choice.parts.map(\.signature).filter { !$0.isEmpty }
                }
                #expect(signatures(second) == signatures(first))
            }
        }
        #expect(
            second.usage?.input == first.usage?.input
                && (second.usage?.output ?? 0) == (first.usage?.output ?? 0))
        #expect(
            second.usage?.reasoning == first.usage?.reasoning && second.usage?.cached == first.usage?.cached)
    }

    @Test("are read to their end and say the same when written and read again", arguments: files)
    func own(file: URL) throws {
        for target in [Dialect.gemini, .antigravity] {
            let replay = try read(file, to: target)
            #expect(replay.malformedCount == 0)
            let isCutShort = ["no-final-blank", "one-final-newline", "unicode-separators", "cancel_recorded"]
                .contains {
                    file.lastPathComponent.contains($0)
                }
            #expect(replay.decoder.ending == .complete || replay.decoder.ending == .failed || isCutShort)
            #expect(replay.terminalCount == (replay.decoder.ending == .failed ? 1 : 0))
            _ = try replay.values()
            guard replay.decoder.ending == .complete else { continue }
            let again = try replay.again(from: target, to: .gemini)
            #expect(again.malformedCount == 0 && again.decoder.ending == .complete)
            compare(replay.accumulator, again.accumulator, signatures: true)
        }
    }

    @Test("say the same in the chat dialect", arguments: files)
    func chat(file: URL) throws {
        let replay = try read(file, to: .openAIChat)
        guard replay.decoder.ending == .complete else { return }
        _ = try replay.values()
        let again = try replay.again(from: .openAIChat, to: .gemini)
        #expect(again.malformedCount == 0)
        compare(replay.accumulator, again.accumulator, signatures: false)
    }

    @Test(
        "of whole answers are read",
        arguments:
            RecordedStreamTests.recordings(in: ["nonstream/gemini", "gemini"], kind: "json"))
    func whole(file: URL) throws {
        guard !file.lastPathComponent.contains(".req.") else { return }
        let bytes = [UInt8](try Data(contentsOf: file))
        var event = DecodedEvent()
        try GeminiCodec().decodeWhole(bytes.span, into: &event)
        var answer = ChatAccumulator()
        answer.append(event, from: bytes.span)
        #expect(answer.choices.allSatisfy { $0.finish != nil && (!$0.text.isEmpty || !$0.toolCalls.isEmpty) })
        #expect(answer.usage?.input != nil)
    }

    @Test(
        "requests keep what they say when written again",
        arguments:
            RecordedStreamTests.recordings(in: ["gemini", "nonstream/gemini"], kind: "json"))
    func requests(file: URL) throws {
        guard file.lastPathComponent.contains(".req.") else { return }
        let bytes = [UInt8](try Data(contentsOf: file))
        let address = RequestAddress(model: "gemini-2.5-pro", streams: true)
        let chat = try GeminiCodec().decodeRequest(bytes.span, address).chat
        var body = ByteBuffer()
        let target = RequestTarget(model: "gemini-2.5-pro", streams: true, maker: "gemini")
        let dropped = try GeminiCodec().encodeRequest(chat, target, into: &body)
        #expect(dropped.isEmpty)
        let again = try GeminiCodec().decodeRequest(body.bytes, address).chat
        #expect(again == chat)
        let before = try JSONValue(parsing: bytes.span)
        let after = try JSONValue(parsing: body.bytes)
        for member in before.members ?? [] {
            #expect(after[member.key] != nil || member.value.members?.isEmpty == true)
        }
        let parts = { (value: JSONValue) in
            (value["contents"]?.elements ?? []).flatMap { $0["parts"]?.elements ?? [] }
        }
        #expect(parts(after).count == parts(before).count)
        for name in ["text", "thoughtSignature", "functionCall", "functionResponse", "inlineData"] {
            #expect(
                parts(after).compactMap { $0[name].map(sorted) }
                    == parts(before).compactMap { $0[name].map(sorted) })
        }
    }

    /// The same value with members in the order of their names.
    func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(members.map { .init($0.key, sorted($0.value)) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }
}
