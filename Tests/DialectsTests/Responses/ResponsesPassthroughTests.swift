// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import JSON
import Testing

@testable import Dialects

@Suite("A response that is handed on and fails")
struct ResponsesPassthroughTests {
    private static let failure = ChatFailure(status: 502, message: "Gone.")

    /// The events that the client gets when these came and then the failure.
    private static func events(
        _ payloads: [String], upstreamModel: String = "m", clientModel: String = "m"
    ) throws -> [JSONValue] {
        var decoder = ResponsesStreamDecoder()
        var encoder = PassthroughStreamEncoder(
            .openAIResponses, upstreamModel: upstreamModel, clientModel: clientModel, wantsUsage: true)
        var event = DecodedEvent()
        var output = ByteBuffer()
        let name: [UInt8] = []
        for payload in payloads {
            let data = Array(payload.utf8)
            try decoder.decode(data.span, named: name.span, into: &event)
            encoder.encode(event, data: data.span, named: name.span, into: &output)
        }
        encoder.fail(failure, requestID: "r1", into: &output)
        return try output.text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
            .map { try JSONValue(parsing: String($0.dropFirst(6)).utf8.span) }
    }

    private static let begun = [
        #"{"type":"response.created","sequence_number":5,"response":{"id":"resp_up","created_at":7,"#
            + #""model":"m-1","status":"in_progress","output":[]}}"#,
        #"{"type":"response.output_text.delta","output_index":0,"delta":"x","sequence_number":8}"#,
    ]

    @Test("stays the same response to its end, whose numbers go on", arguments: ["m", "mine"])
    func identity(clientModel: String) throws {
        let events = try Self.events(Self.begun, clientModel: clientModel)
        let last = try #require(events.last)
        #expect(events.compactMap { $0["sequence_number"]?.integer } == [5, 8, 9, 10])
        #expect(last["type"] == .string("response.failed"))
        #expect(last["response"]?["status"] == .string("failed"))
        #expect(last["response"]?["id"] == events.first?["response"]?["id"])
        #expect(last["response"]?["created_at"] == .number("7"))
        // The name that the client saw, whoever's it is.
        #expect(last["response"]?["model"] == events.first?["response"]?["model"])
        #expect(last["response"]?["model"] == .string(clientModel == "m" ? "m-1" : "mine"))
    }

    @Test("does not count the upstream's own word of the failure, which is not handed on")
    func ownFailure() throws {
        let own =
            #"{"type":"response.failed","sequence_number":9,"#
            + #""response":{"id":"other","error":{"message":"no"}}}"#
        let events = try Self.events(Self.begun + [own])
        #expect(events.compactMap { $0["sequence_number"]?.integer } == [5, 8, 9, 10])
        #expect(events.last?["response"]?["id"] == .string("resp_up"))
    }

    @Test("is told of as far as it is known when it never began, or has no numbers")
    func unknown() throws {
        let nothing = try Self.events([])
        #expect(nothing.compactMap { $0["sequence_number"]?.integer } == [0, 1])
        #expect(nothing.last?["response"]?["id"] == .string("resp_r1"))
        #expect(nothing.last?["response"]?["model"] == .string("m"))
        let delta = #"{"type":"response.output_text.delta","output_index":0,"delta":"x"}"#
        let unnumbered = try Self.events([delta])
        #expect(unnumbered.compactMap { $0["sequence_number"]?.integer } == [1, 2])
    }
}
