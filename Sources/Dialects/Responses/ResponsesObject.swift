// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import JSON

/// An output item or a response object, read for the places of its members.
///
/// What it is made from has been checked to be JSON, so a member that cannot be read is one that is not there.
struct ResponsesObject {
    /// The insides of members that are strings.
    private var strings: [(name: StaticString, range: Range<Int>)] = []
    /// Where members stand that are arrays and objects.
    private var values: [(name: StaticString, range: Range<Int>)] = []

    private static let stringNames: [StaticString] = [
        "type", "id", "call_id", "name", "arguments", "input", "encrypted_content", "text", "refusal", "result",
        "output_format", "url", "title", "model", "status", "reason",
    ]
    private static let valueNames: [StaticString] = [
        "content", "summary", "annotations", "logprobs", "output", "usage", "error", "incomplete_details",
    ]

    init(_ range: Range<Int>, of data: Span<UInt8>) {
        let object = data.extracting(range)
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        guard let first = try? tokenizer.next(in: object), first.kind == .beginObject else { return }
        func shifted(_ inner: Range<Int>) -> Range<Int> {
            range.lowerBound &+ inner.lowerBound..<range.lowerBound &+ inner.upperBound
        }
        while let key = try? tokenizer.next(in: object), key.kind == .key {
            guard let value = try? tokenizer.next(in: object), let place = try? tokenizer.skip(value, in: object) else {
                return
            }
            switch value.kind {
            case .string:
                for name in Self.stringNames where key.equals(name, in: object) {
                    strings.append((name, shifted(value.range)))
                }
            case .beginObject, .beginArray:
                for name in Self.valueNames where key.equals(name, in: object) { values.append((name, shifted(place))) }
            default: break
            }
        }
    }

    /// The inside of a string; `nil` when there is none of that name.
    func string(_ name: StaticString) -> Range<Int>? {
        strings.last { $0.name.bytes.equals(0..<$0.name.bytes.count, name.bytes) }?.range
    }

    /// The place of an array or an object.
    func value(_ name: StaticString) -> Range<Int>? {
        values.last { $0.name.bytes.equals(0..<$0.name.bytes.count, name.bytes) }?.range
    }

    /// Whether a string says a word.
    func says(_ name: StaticString, _ word: StaticString, in data: Span<UInt8>) -> Bool {
        string(name).map { data.jsonText($0, equals: word.bytes) } ?? false
    }
}
