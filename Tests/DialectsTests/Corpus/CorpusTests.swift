// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import Testing

@testable import Dialects

/// Takes every recorded stream and answer to clients of every dialect.
@Suite("The corpus")
struct CorpusTests {
    typealias Recording = RecordedCorpus.Recording

    @Test("streams reach clients of every dialect and say the same there", arguments: RecordedCorpus.streams)
    func streams(recording: Recording) throws {
        let bytes = try recording.bytes()
        let exception = CorpusException.table[recording.name]
        for client in HubPassage.clients {
            let passage = try HubPassage.of([bytes[...]], from: recording.dialect, to: client)
            let isHandedOn = client == recording.dialect
            let problems = ClientStreamRules.problems(in: passage.output.text, for: client, isHandedOn: isHandedOn)
            #expect(problems.isEmpty, "to \(client): \(problems.prefix(5))")
            #expect(passage.terminalCount <= 1 && passage.malformedCount == (exception?.malformed ?? 0), "to \(client)")
            #expect((passage.failure != nil) == (exception?.fails ?? false), "to \(client)")
            let again = try HubPassage.of([passage.output.storage[...]], from: client, to: client)
            #expect(again.malformedCount == 0)
            #expect((again.failure != nil) == (passage.failure != nil), "to \(client)")
            guard passage.failure == nil else { continue }
            guard !isHandedOn else {
                #expect(again.said.choices.map(\.text) == passage.said.choices.map(\.text))
                #expect(again.said.usage == passage.said.usage)
                continue
            }
            let differences = SameAnswer.differences(passage.said, again.said, in: client)
            #expect(differences.isEmpty, "to \(client): \(differences)")
        }
    }

    @Test("streams give the same bytes wherever they are cut in two", arguments: RecordedCorpus.streams)
    func cuts(recording: Recording) throws {
        let bytes = try recording.bytes()
        var random = RecordedCorpus.random(for: recording)
        // About as much work for each, so that all take seconds.
        let most = max(2, min(24, 60_000 / max(1, bytes.count)))
        let places = StreamCuts.places(in: bytes, most: most, using: &random)
        try StreamCuts.expectSameBytes(bytes, from: recording.dialect, places, using: &random)
    }

    @Test("whole answers reach clients of every dialect, whole and as streams", arguments: RecordedCorpus.answers)
    func wholes(recording: Recording) throws {
        let body = try recording.bytes()
        for client in HubPassage.clients {
            let (said, answer, stream) = try HubPassage.whole(body, from: recording.dialect, to: client)
            guard said.failure == nil else { return }
            var event = DecodedEvent()
            try client.codec.decodeWhole(answer.bytes, into: &event)
            var read = ChatAccumulator(limit: 1 << 26)
            read.append(event, of: answer.bytes)
            let differences = SameAnswer.differences(said, read, in: client)
            #expect(differences.isEmpty, "to \(client): \(differences)")
            let problems = ClientStreamRules.problems(in: stream.text, for: client)
            #expect(problems.isEmpty, "to \(client): \(problems.prefix(5))")
            let again = try HubPassage.of([stream.storage[...]], from: client, to: client)
            let others = SameAnswer.differences(said, again.said, in: client)
            #expect(others.isEmpty && again.failure == nil, "to \(client): \(others)")
        }
    }

    @Test("each exception is one of the recordings", .enabled(if: !RecordedCorpus.streams.isEmpty))
    func exceptions() {
        let names = Set(RecordedCorpus.streams.map(\.name))
        #expect(CorpusException.table.keys.allSatisfy { names.contains($0) })
    }
}

/// What a recording that is about a fault may do.
struct CorpusException {
    /// Why.
    let reason: String
    /// Whether the client is told of a failure.
    var fails = false
    /// How many events cannot be read.
    var malformed = 0

    private static func fails(_ reason: String) -> CorpusException { CorpusException(reason: reason, fails: true) }

    static let table: [String: CorpusException] = [
        "anthropic/derived-midstream-overloaded.sse": fails("the provider is overloaded in the middle"),
        "anthropic/vercel-spliced-message-start.sse": fails("another answer begins inside of a call"),
        "compat-groq/pyd-tool_use_failed_error_streaming.sse": fails("the provider refuses the model's call"),
        "compat-groq/pyd-tool_use_failed_error_streaming_with_text.sse": fails("the same, after text"),
        "compat-openrouter/pyd-openrouter_stream_error.sse": fails("an error stands in a chunk"),
        "gemini/derived-midstream-error-object.sse": fails("an error object follows the first chunk"),
        "ollama/docs-midstream-error.ndjson": fails("an error is the last line"),
        "openai-chat/derived-cut-mid-event.sse": CorpusException(
            reason: "the connection was lost inside of an event", fails: true, malformed: 1),
        "openai-chat/derived-midstream-error.sse": fails("an error object follows the head of a stream"),
        "openai-responses/vercel-openai-error.1.sse": fails("the provider reports an error"),
    ]
}
