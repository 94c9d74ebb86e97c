// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Foundation
import Testing

@testable import Dialects

@Suite("OpenAIChunkTemplate")
struct ChunkTemplateTests {
    static let samples = [
        #"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"ab"},"finish_reason":null}]}"#,
        #"{"model":"m","usage":null,"choices":[{"delta":{"reasoning":"ab"}}],"obfuscation":"xyz"}"#,
        #"{"choices":[{"delta":{"content":"ab","role":"assistant"}}],"usage":null,"p":"xy"}"#,
        #"{"choices":[{"delta":{"content":"ab"}}],"model":"m"}"#,
        #"{"p":"xy","choices":[{"delta":{"content":"ab"}}]}"#,
        #"{"choices":[{"delta":{"content":"ab"}}],"p":"xy","usage":null}"#,
        #"{"choices":[{"delta":{"content":[{"text":"ab"}]}}]}"#,
    ]

    private struct Reading: Equatable {
        var deltas: [ChatDelta]
        var model: Range<Int>?, usage: Range<Int>?
        var isMalformed = false
    }

    private func read(_ data: [UInt8], with decoder: OpenAIChatStreamDecoder) -> Reading {
        var decoder = decoder
        var event = DecodedEvent()
        do {
            try decoder.decode(data.span, named: Span<UInt8>(), into: &event)
        } catch {
            return Reading(deltas: [], isMalformed: true)
        }
        return Reading(deltas: event.deltas, model: event.modelRange, usage: event.usageMember)
    }

    /// A decoder to which the choice has begun, and which knows `sample` or does not.
    private func decoder(knowing sample: String?) throws -> OpenAIChatStreamDecoder {
        var decoder = OpenAIChatStreamDecoder()
        var event = DecodedEvent()
        for text in [#"{"choices":[{"delta":{"role":"assistant"}}]}"#, sample].compactMap(\.self) {
            try decoder.decode(Array(text.utf8).span, named: Span<UInt8>(), into: &event)
        }
        return decoder
    }

    @Test("never reads a chunk otherwise than it is read in full", arguments: samples)
    func mutations(sample: String) throws {
        let knowing = try decoder(knowing: sample)
        let plain = try decoder(knowing: nil)
        let bytes = Array(sample.utf8)
        #expect(read(bytes, with: plain).deltas.count == 1)
        let replacements = Array("\"\\,:}]0u \u{1}é".utf8)
        var variants = [bytes, bytes + [0x20], []]
        for index in bytes.indices {
            variants.append(Array(bytes[..<index]))
            variants.append(Array(bytes[..<index] + bytes[(index + 1)...]))
            for byte in replacements {
                variants.append(Array(bytes[..<index] + [byte] + bytes[(index + 1)...]))
                variants.append(Array(bytes[..<index] + [byte] + bytes[index...]))
            }
        }
        for text in ["", "longer than before", #"\n\"\u00e9\ud800"#, "☃é😀"] {
            variants.append(Array(sample.replacingOccurrences(of: "ab", with: text).utf8))
            variants.append(Array(sample.replacingOccurrences(of: "xy", with: text).utf8))
        }
        let differing = variants.filter { read($0, with: knowing) != read($0, with: plain) }
        #expect(differing.map { String(decoding: $0, as: UTF8.self) } == [])
    }

    @Test("knows the next chunk by the last")
    func matches() throws {
        for sample in Self.samples.prefix(3) {
            var chunk = OpenAIChatChunk()
            let data = Array(sample.utf8)
            try chunk.read(data.span)
            var event = DecodedEvent()
            let text = try #require(sample.range(of: "ab")).lowerBound.utf16Offset(in: sample)
            event.deltas = [.text(choice: 0, text..<text + 2)]
            var template = OpenAIChunkTemplate()
            template.learn(chunk, meaning: event, from: data.span)
            let next = Array(sample.replacingOccurrences(of: "ab", with: "other").utf8)
            event.reset()
            #expect(template.read(next.span, into: &event))
            #expect(event.deltas == [.text(choice: 0, text..<text + 5)])
        }
    }
}
