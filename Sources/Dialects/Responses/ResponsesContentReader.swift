// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// How signatures travel in the dialect: in `encrypted_content` of reasoning items.
enum ResponsesSignature {
    /// Who signs where nobody is named.
    static let vendor = "openai"
    /// What every carrier begins with.
    static let carrierMark = String(OpaqueSignature.carrierPrefix(maker: "").dropLast())
}

/// Reads the content of messages and of tools' results.
enum ResponsesContentReader {
    /// Takes a string or an array of parts.
    static func content(_ name: String, from fields: inout JSONFields) throws(DialectError) -> ChatContent? {
        guard let value = try fields.value(name) else { return nil }
        if let text = value.string { return .text(text) }
        guard let elements = value.elements else {
            throw .wrongType(name, expected: "a string or an array of parts")
        }
        return .parts(try elements.mapInside(name) { (element) throws(DialectError) in try part(element) })
    }

    /// The content as parts.
    static func parts(_ content: ChatContent?) -> [ChatPart] {
        switch content {
        case .text(let text): [ChatPart(.text(text))]
        case .parts(let parts): parts
        case nil: []
        }
    }

    private static func part(_ value: JSONValue) throws(DialectError) -> ChatPart {
        var fields = try JSONFields(value)
        let kind: ChatPart.Kind
        switch try fields.requiredString("type") {
        case "input_text", "output_text", "text":
            kind = .text(try fields.requiredString("text"))
        case "refusal":
            kind = .refusal(try fields.requiredString("refusal"))
        case "input_image":
            // An image by its id at the vendor has no other form.
            guard let url = try fields.string("image_url") else { return ChatPart(.other(value)) }
            kind = .image(url: url, detail: try fields.string("detail"))
        case "input_file":
            let data = try fields.string("file_data")
            let url = try fields.string("file_url")
            guard data == nil || url == nil else { return ChatPart(.other(value)) }
            kind = .file(id: try fields.string("file_id"), data: data ?? url, name: try fields.string("filename"))
        case "input_audio":
            var audio = try fields.requiredObject("input_audio")
            do throws(DialectError) {
                kind = .audio(base64: try audio.requiredString("data"), format: try audio.requiredString("format"))
            } catch {
                throw error.inside("input_audio")
            }
            guard audio.rest.isEmpty else { return ChatPart(.other(value)) }
        default:
            return ChatPart(.other(value))
        }
        var part = ChatPart(kind)
        part.extras = fields.rest
        return part
    }
}
