// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
package import HTTPSemantics
internal import JSON

/// The model that a request which is handed on asks for: the `model` of a JSON body, or the one that the path names, as Gemini's and
/// Azure's do. The body comes in pieces, and nothing of it is held.
package struct AskedModel: Sendable {
    /// The model's name; empty when none was found.
    package private(set) var name = ""
    /// What reads the body, as long as there is something to find.
    private var reader: JSONPieceReader?
    /// Whether the value that comes next is the model's name.
    private var isModel = false
    private var value = ByteBuffer()

    private static let limit = 512

    /// The model of a request to an upstream's request target, with these fields.
    package init(target: String, fields: HTTPFields) {
        name = AskedModel.inPath(target) ?? ""
        let isPlain = (fields["content-encoding"] ?? "identity").lowercased() == "identity"
        if name.isEmpty, isPlain, ProxyCapture.isJSON(fields["content-type"]) { reader = JSONPieceReader() }
    }

    /// Takes the next bytes of the request's body.
    package mutating func read(_ piece: Span<UInt8>) {
        guard var reader else { return }
        // Out of its place while it works, so that there is one of it.
        self.reader = nil
        while let item = reader.next(in: piece) {
            switch item {
            case .key:
                let word = reader.word
                isModel = reader.depth == 1 && word.bytes.equals(0..<word.count, ("model" as StaticString).bytes)
                value.removeAll()
            case .text(let range): take(piece.extracting(range))
            case .character(let scalar): take(Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter).span)
            case .endString:
                // The last of several counts, as for nearly everybody who reads JSON.
                if isModel { name = String(decoding: value.storage, as: UTF8.self) }
                isModel = false
            case .beginObject, .beginArray, .endObject, .endArray, .scalar: isModel = false
            }
        }
        if !reader.isOver { self.reader = reader }
    }

    private mutating func take(_ part: Span<UInt8>) {
        guard isModel else { return }
        // No model has so long a name.
        isModel = value.count &+ part.count <= AskedModel.limit
        if isModel { value.append(part) }
    }

    /// The model in `…/models/{model}:verb` or `…/deployments/{model}/…`.
    private static func inPath(_ target: String) -> String? {
        let segments = target.prefix { $0 != "?" }.split(separator: "/")
        for (place, next) in zip(segments, segments.dropFirst()) {
            if place == "deployments" { return PercentEncoding.decode(next) }
            if place == "models", let colon = next.lastIndex(of: ":") { return PercentEncoding.decode(next[..<colon]) }
        }
        return nil
    }
}
