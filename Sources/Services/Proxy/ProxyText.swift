// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// The text and the counts of tokens in JSON of the APIs that are known, found by the places where these put them.
///
/// Text is in `content`, `response`, `choices[].delta.content`, `choices[].message.content`, `choices[].text`,
/// `message.content`, `delta.text`, and in the `text` of what is in an array `content`; tokens are in `usage`, also of `message`.
struct ProxyText {
    /// What was found, one after the other.
    private(set) var text = ByteBuffer()
    private(set) var usage: TokenUsage?

    /// The objects and arrays that are looked into.
    private enum Place {
        case root, choices, choice, message, parts, part, counts
    }

    /// Reads a JSON text as far as it is one: what is behind a mistake, or a cut, is not found.
    mutating func read(_ data: Span<UInt8>) {
        var tokenizer = JSONTokenizer(allowsLoneSurrogates: true)
        var places: [Place] = []
        var name: JSONToken?
        while let token = try? tokenizer.next(in: data) {
            switch token.kind {
            case .endOfInput: return
            case .key:
                name = token
                continue
            case .beginObject, .beginArray:
                if let place = ProxyText.place(in: places.last, name, token.kind, data) {
                    places.append(place)
                } else if (try? tokenizer.skip(token, in: data)) == nil {
                    return
                }
            case .endObject, .endArray: _ = places.popLast()
            case .string:
                if let name, ProxyText.isText(name, in: places.last, data) { text.appendUnescaped(data, token.range) }
            case .number:
                if let name, places.last == .counts, let count = token.integer(in: data), count >= 0 { note(name, count, data) }
            case .true, .false, .null: break
            }
            name = nil
        }
    }

    /// What an object or array is that stands in a place; `nil` for one that is passed over.
    private static func place(
        in outer: Place?, _ name: JSONToken?, _ kind: JSONToken.Kind, _ data: Span<UInt8>
    ) -> Place? {
        let isObject = kind == .beginObject
        func called(_ literal: StaticString) -> Bool { name?.equals(literal, in: data) ?? false }
        switch outer {
        case nil: return isObject ? .root : nil
        case .root where called("choices"): return isObject ? nil : .choices
        case .root where called("delta"): return isObject ? .part : nil
        case .root where called("message"): return isObject ? .message : nil
        case .root where called("content"), .message where called("content"): return isObject ? nil : .parts
        case .root where called("usage"), .message where called("usage"): return isObject ? .counts : nil
        case .choices: return isObject ? .choice : nil
        case .choice where called("delta") || called("message"): return isObject ? .message : nil
        case .parts: return isObject ? .part : nil
        default: return nil
        }
    }

    private static func isText(_ name: JSONToken, in place: Place?, _ data: Span<UInt8>) -> Bool {
        switch place {
        case .root: name.equals("content", in: data) || name.equals("response", in: data)
        case .message: name.equals("content", in: data)
        case .choice, .part: name.equals("text", in: data)
        default: false
        }
    }

    private mutating func note(_ name: JSONToken, _ count: Int, _ data: Span<UInt8>) {
        var told = usage ?? TokenUsage()
        if name.equals("prompt_tokens", in: data) || name.equals("input_tokens", in: data) { told.input = count }
        if name.equals("completion_tokens", in: data) || name.equals("output_tokens", in: data) { told.output = count }
        if told != TokenUsage() { usage = told }
    }
}
