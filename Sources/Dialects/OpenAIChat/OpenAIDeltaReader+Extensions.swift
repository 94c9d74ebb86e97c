// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import JSON

/// The members of a delta that OpenAI does not have, or has for few models.
extension OpenAIDeltaReader {
    /// Reads reasoning as OpenRouter tells it: text or its summary with a signature, or what only its maker can read.
    mutating func readReasoningDetails(of data: Span<UInt8>) throws(JSONError) {
        try readObjects(of: data) { (reader, data) throws(JSONError) in
            var text = 0..<0
            var signature = 0..<0
            var secret = 0..<0
            try reader.readStrings(of: data) { key, value in
                if key.equals("text", in: data) || key.equals("summary", in: data) {
                    text = value
                } else if key.equals("signature", in: data) {
                    signature = value
                } else if key.equals("data", in: data) {
                    secret = value
                }
            }
            if !text.isEmpty, reader.reasoningSource != .plain {
                reader.reasoningSource = .details
                reader.add(.reasoning(text))
            }
            if !signature.isEmpty { reader.add(.reasoningSignature(signature)) }
            if !secret.isEmpty { reader.add(.redactedReasoning(secret)) }
        }
    }

    /// Reads sources: `{"type":"url_citation","url_citation":{"url","title"}}`.
    mutating func readAnnotations(of data: Span<UInt8>) throws(JSONError) {
        try readObjects(of: data) { (reader, data) throws(JSONError) in
            try reader.readMembers(of: data) { (reader, key, value) throws(JSONError) in
                guard value.kind == .beginObject, key.equals("url_citation", in: data) else { return false }
                var url = 0..<0
                var title = 0..<0
                try reader.readStrings(of: data) { key, value in
                    if key.equals("url", in: data) { url = value }
                    if key.equals("title", in: data) { title = value }
                }
                if !url.isEmpty { reader.add(.citation(url: url, title: title)) }
                return true
            }
        }
    }

    /// Reads images that hold their bytes: `{"type":"image_url","image_url":{"url":"data:image/png;base64,…"}}`.
    mutating func readImages(of data: Span<UInt8>) throws(JSONError) {
        try readObjects(of: data) { (reader, data) throws(JSONError) in
            try reader.readMembers(of: data) { (reader, key, value) throws(JSONError) in
                guard value.kind == .beginObject, key.equals("image_url", in: data) else { return false }
                var url = 0..<0
                try reader.readStrings(of: data) { key, value in
                    if key.equals("url", in: data) { url = value }
                }
                reader.addImage(url, of: data)
                return true
            }
        }
    }

    /// Reads `extra_content` to its end; what Gemini signs a call with stands at `google.thought_signature`.
    mutating func readThoughtSignature(of data: Span<UInt8>) throws(JSONError) -> Range<Int>? {
        var signature: Range<Int>?
        try readMembers(of: data) { (reader, key, value) throws(JSONError) in
            guard value.kind == .beginObject, key.equals("google", in: data) else { return false }
            try reader.readStrings(of: data) { key, value in
                if key.equals("thought_signature", in: data) { signature = value }
            }
            return true
        }
        return signature
    }

    /// Takes the inside of a `data:` URL apart where it stands; an image elsewhere cannot be handed on.
    private mutating func addImage(_ url: Range<Int>, of data: Span<UInt8>) {
        let scheme: StaticString = "data:"
        let start = url.lowerBound &+ scheme.utf8CodeUnitCount
        guard start < url.upperBound, data.equals(url.lowerBound..<start, scheme.bytes) else { return }
        var comma = start
        while comma < url.upperBound, data[comma] != ASCII.comma { comma &+= 1 }
        guard comma < url.upperBound else { return }
        var end = start
        while end < comma, data[end] != UInt8(ascii: ";") { end &+= 1 }
        add(.image(mediaType: start..<end, base64: comma &+ 1..<url.upperBound))
    }

    /// Reads the elements of an array behind its bracket, to its end; what is no object is skipped.
    private mutating func readObjects(
        of data: Span<UInt8>,
        _ read: (inout OpenAIDeltaReader, Span<UInt8>) throws(JSONError) -> Void
    ) throws(JSONError) {
        while true {
            let token = try tokenizer.next(in: data)
            guard token.kind != .endArray else { return }
            if token.kind == .beginObject {
                try read(&self, data)
            } else {
                _ = try tokenizer.skip(token, in: data)
            }
        }
    }

    /// Reads the members of an object behind its brace, to its end; `read` says whether it read the value, which is skipped else.
    private mutating func readMembers(
        of data: Span<UInt8>,
        _ read: (inout OpenAIDeltaReader, JSONToken, JSONToken) throws(JSONError) -> Bool
    ) throws(JSONError) {
        while true {
            let key = try tokenizer.next(in: data)
            guard key.kind == .key else { return }
            let value = try tokenizer.next(in: data)
            if try !read(&self, key, value) { _ = try tokenizer.skip(value, in: data) }
        }
    }

    /// Reads the members that are strings which are not empty, by the insides of these.
    private mutating func readStrings(
        of data: Span<UInt8>, _ take: (JSONToken, Range<Int>) -> Void
    ) throws(JSONError) {
        try readMembers(of: data) { (_, key, value) throws(JSONError) in
            if value.kind == .string, !value.range.isEmpty { take(key, value.range) }
            return false
        }
    }
}
