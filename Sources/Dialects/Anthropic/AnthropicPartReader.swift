// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads content blocks that are not about calls.
enum AnthropicPartReader {
    /// The name under which a part keeps the block it was made of, where the block is more than the part can say.
    static let wholeBlock = "block"

    static func part(_ block: JSONValue) throws(DialectError) -> ChatPart {
        var fields = try JSONFields(block)
        let kind: ChatPart.Kind
        switch try fields.requiredString("type") {
        case "text":
            kind = .text(try fields.requiredString("text"))
        case "thinking":
            let text = try fields.requiredString("thinking")
            let signature = try fields.string("signature") ?? ""
            kind = .reasoning(text: text, signature: signature.isEmpty ? nil : read(signature))
        case "redacted_thinking":
            kind = .redactedReasoning(read(try fields.requiredString("data")))
        case "image":
            guard let url = try sourceURL(from: &fields) else { return ChatPart(.other(block)) }
            kind = .image(url: url, detail: nil)
        case "document":
            if let text = plainText(of: block) { return part(saying: text, for: block) }
            guard let url = try sourceURL(from: &fields) else { return ChatPart(.other(block)) }
            kind = .file(id: nil, data: url, name: try fields.string("title"))
        case "search_result":
            guard let text = searchResult(of: block) else { return ChatPart(.other(block)) }
            return part(saying: text, for: block)
        default:
            return ChatPart(.other(block))
        }
        var part = ChatPart(kind)
        part.extras = fields.rest
        return part
    }

    /// Text that stands for a block in dialects that do not have it.
    private static func part(saying text: String, for block: JSONValue) -> ChatPart {
        var part = ChatPart(.text(text))
        part.extras = [.init(wholeBlock, block)]
        return part
    }

    private static func read(_ signature: String) -> OpaqueSignature {
        OpaqueSignature(reading: signature, fallback: AnthropicBlocks.ownMaker)
    }

    /// Takes a source that is data or an address, as a URL; `nil` for a source of another kind.
    private static func sourceURL(from fields: inout JSONFields) throws(DialectError) -> String? {
        var source = try fields.requiredObject("source")
        do throws(DialectError) {
            let url: String
            switch try source.requiredString("type") {
            case "base64":
                url =
                    DataURL(
                        mediaType: try source.requiredString("media_type"), base64: try source.requiredString("data")
                    ).text
            case "url":
                url = try source.requiredString("url")
            default:
                return nil
            }
            return source.rest.isEmpty ? url : nil
        } catch {
            throw error.inside("source")
        }
    }

    private static func plainText(of block: JSONValue) -> String? {
        guard let source = block["source"], source["type"]?.string == "text", let text = source["data"]?.string
        else { return nil }
        return joined([block["title"]?.string, block["context"]?.string, text])
    }

    private static func searchResult(of block: JSONValue) -> String? {
        guard let content = block["content"]?.elements else { return nil }
        return joined([block["title"]?.string, block["source"]?.string] + content.map { $0["text"]?.string })
    }

    private static func joined(_ texts: [String?]) -> String {
        texts.compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }
}
