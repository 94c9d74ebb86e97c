// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Reads the parts of contents that are neither calls nor results.
enum GeminiPartReader {
    /// Reads a part that stands for one.
    static func part(_ value: JSONValue) throws(DialectError) -> ChatPart {
        try parts(value).first ?? ChatPart(.text(""))
    }

    /// Reads a part: a text may bring the signature of reasoning with it; an empty text says nothing.
    static func parts(_ value: JSONValue) throws(DialectError) -> [ChatPart] {
        var fields = try JSONFields(google: value)
        let signature = try fields.string("thoughtSignature").map(GeminiSignature.read)
        let isThought = try fields.bool("thought") ?? false
        if let text = try fields.string("text") {
            return Self.text(text, isThought: isThought, signature: signature, extras: fields.rest)
        }
        if var inline = try fields.googleObject("inlineData") {
            do throws(DialectError) {
                let type = try inline.requiredString("mimeType")
                let data = try inline.requiredString("data")
                var part = ChatPart(kind(of: type, base64: data, name: try inline.string("displayName")))
                part.extras = fields.rest + GeminiFields.leftover("inlineData", inline.rest)
                return [part]
            } catch {
                throw error.inside("inlineData")
            }
        }
        if var file = try fields.googleObject("fileData") {
            do throws(DialectError) {
                let address = try file.requiredString("fileUri")
                let type = try file.string("mimeType")
                let isImage = type?.hasPrefix("image/") ?? false
                var part = ChatPart(
                    isImage ? .image(url: address, detail: nil) : .file(id: nil, data: address, name: nil))
                let rest = (type.map { [.init("mimeType", .string($0))] } ?? []) + file.rest
                part.extras = fields.rest + GeminiFields.leftover("fileData", rest)
                return [part]
            } catch {
                throw error.inside("fileData")
            }
        }
        return [ChatPart(.other(value))]
    }

    private static func text(
        _ text: String, isThought: Bool, signature: (signature: OpaqueSignature, isRedacted: Bool)?,
        extras: [JSONValue.Member]
    ) -> [ChatPart] {
        var parts: [ChatPart] = []
        if let signature, signature.isRedacted {
            parts.append(ChatPart(.redactedReasoning(signature.signature)))
        } else if isThought {
            guard !text.isEmpty || signature != nil else { return [] }
            parts.append(ChatPart(.reasoning(text: text, signature: signature?.signature)))
        } else {
            if !text.isEmpty { parts.append(ChatPart(.text(text))) }
            if let signature { parts.append(ChatPart(.reasoning(text: "", signature: signature.signature))) }
        }
        if !parts.isEmpty { parts[0].extras = extras }
        return parts
    }

    private static func kind(of type: String, base64: String, name: String?) -> ChatPart.Kind {
        let url = DataURL(mediaType: type, base64: base64).text
        if type.hasPrefix("image/") { return .image(url: url, detail: nil) }
        if type.hasPrefix("audio/") {
            let format = type.dropFirst("audio/".count)
            let short = format.hasPrefix("x-") ? format.dropFirst(2) : format
            return .audio(base64: base64, format: short == "mpeg" ? "mp3" : String(short))
        }
        return .file(id: nil, data: url, name: name)
    }
}
