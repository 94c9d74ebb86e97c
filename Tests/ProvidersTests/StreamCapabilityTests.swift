// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import Testing

@testable import Providers

@Suite("StreamCapability") struct StreamCapabilityTests {
    @Test("remembers what an answer has shown, for a while") func lifetime() {
        var capability = StreamCapability(lifetime: 100)
        #expect(capability.mode(of: "m", at: 0) == nil)
        capability.learn("m", .wholeOnly, at: 10)
        #expect(capability.mode(of: "m", at: 109) == .wholeOnly)
        #expect(capability.mode(of: "m", at: 110) == nil)
        #expect(capability.mode(of: "other", at: 10) == nil)
    }

    @Test("believes the latest answer, and moves the time on") func latest() {
        var capability = StreamCapability(lifetime: 100)
        capability.learn("m", .wholeOnly, at: 0)
        capability.learn("m", .both, at: 1)
        #expect(capability.mode(of: "m", at: 2) == .both)
        capability.learn("m", .both, at: 90)
        #expect(capability.mode(of: "m", at: 180) == .both)
    }

    @Test("learns nothing when told to remember nothing") func off() {
        var capability = StreamCapability(lifetime: 0)
        capability.learn("m", .wholeOnly, at: 0)
        #expect(capability.mode(of: "m", at: 0) == nil)
    }

    @Test("keeps a bounded number of models, the latest") func bound() {
        var capability = StreamCapability(lifetime: 1_000_000)
        for index in 0..<2000 { capability.learn("m\(index)", .both, at: UInt64(index)) }
        #expect(capability.mode(of: "m1999", at: 2000) == .both)
        #expect(capability.mode(of: "m0", at: 2000) == nil)
    }
}

@Suite("StreamRefusal") struct StreamRefusalTests {
    @Test(
        "is read out of the vendors' words",
        arguments: [
            ("This model does not support streaming.", nil, true, .needsWhole),
            ("Streaming is not supported for this model", nil, true, .needsWhole),
            ("Your organization must be verified to stream this model.", "stream", true, .needsWhole),
            ("stream must be false", nil, true, .needsWhole),
            ("This model only supports stream mode, please enable the stream parameter", nil, false, .needsStream),
            ("parameter stream must be true", nil, false, .needsStream),
            // About something else.
            ("stream_options is not supported", nil, true, nil),
            ("'temperature' is not supported with this model", nil, true, nil),
            ("Unknown parameter: 'stream_options'", nil, false, nil),
            ("The stream was reset", nil, true, nil),
        ] as [(String, String?, Bool, StreamRefusal?)])
    func words(message: String, parameter: String?, asked: Bool, expected: StreamRefusal?) {
        let failure = ChatFailure(status: 400, message: message, parameter: parameter)
        #expect(StreamRefusal(failure, status: 400, askedStream: asked) == expected)
    }

    @Test("is not read into statuses that say something else", arguments: [401, 403, 429, 500, 503])
    func statuses(status: Int) {
        let failure = ChatFailure(status: status, message: "streaming is not supported")
        #expect(StreamRefusal(failure, status: status, askedStream: true) == nil)
    }
}
