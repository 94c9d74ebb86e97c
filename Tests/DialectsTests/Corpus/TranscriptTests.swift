// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import Testing

@testable import Dialects

/// Takes every transcript to clients of every dialect, who get the bytes that the transcript holds.
@Suite("Transcripts")
struct TranscriptTests {
    static let streams = Transcript.all.filter { !$0.isWhole }
    static let wholes = Transcript.all.filter(\.isWhole)

    @Test("of streams reach clients byte for byte", arguments: streams)
    func stream(transcript: Transcript) throws {
        var got: [Transcript.Section] = []
        for client in HubPassage.clients {
            let passage = try HubPassage.of([transcript.bytes[...]], from: transcript.provider, to: client)
            got.append(.init(title: "client \(client.rawValue)", text: passage.output.text))
            let isHandedOn = client == transcript.provider
            if !passage.output.isEmpty || !isHandedOn {
                let problems = ClientStreamRules.problems(in: passage.output.text, for: client, isHandedOn: isHandedOn)
                #expect(problems.isEmpty, "to \(client): \(problems)")
            }
            let again = try HubPassage.of([passage.output.storage[...]], from: client, to: client)
            #expect(again.malformedCount == 0)
            // A broken call is a failure to clients of Responses, and a reason to end elsewhere.
            let isBroken = client == .openAIResponses && passage.said.choices.first?.finish == .malformedCall
            #expect((again.failure != nil) == (passage.failure != nil || isBroken), "to \(client)")
            guard again.failure == nil, !isHandedOn else { continue }
            let differences = SameAnswer.differences(passage.said, again.said, in: client)
            #expect(differences.isEmpty, "to \(client): \(differences)")
        }
        try transcript.expect(got)
    }

    @Test("of streams give the same bytes wherever they are cut", arguments: streams)
    func cuts(transcript: Transcript) throws {
        var random = SeededNumbers(state: RecordedStreamTests.seed)
        let places = StreamCuts.places(in: transcript.bytes, most: 120, using: &random)
        try StreamCuts.expectSameBytes(transcript.bytes, from: transcript.provider, places, using: &random)
    }

    @Test("of whole answers reach clients byte for byte, whole and as the stream they asked for", arguments: wholes)
    func whole(transcript: Transcript) throws {
        var got: [Transcript.Section] = []
        for client in HubPassage.clients {
            let (said, answer, stream) = try HubPassage.whole(transcript.bytes, from: transcript.provider, to: client)
            got.append(.init(title: "body \(client.rawValue)", text: answer.text + "\n"))
            got.append(.init(title: "client \(client.rawValue)", text: stream.text))
            var event = DecodedEvent()
            try client.codec.decodeWhole(answer.bytes, into: &event)
            var read = ChatAccumulator()
            read.append(event, of: answer.bytes)
            let differences = SameAnswer.differences(said, read, in: client)
            #expect(differences.isEmpty, "to \(client): \(differences)")
            let problems = ClientStreamRules.problems(in: stream.text, for: client)
            #expect(problems.isEmpty, "to \(client): \(problems)")
        }
        try transcript.expect(got)
    }

    @Test("cover every feature from every provider that can say it")
    func coverage() {
        let dialects = Dictionary(grouping: Transcript.all, by: \.feature).mapValues { Set($0.map(\.provider)) }
        let streaming = Set(Dialect.allCases).subtracting([.straico])
        for feature in ["text", "unicode", "length", "error", "truncated", "malformed-event", "empty-answer"] {
            #expect(dialects[feature] == streaming, "\(feature)")
        }
        #expect(Transcript.all.count > 150)
    }
}
