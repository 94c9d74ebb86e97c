// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes content blocks of what messages say.
struct AnthropicPartWriter {
    private let isOwn: Bool
    private let target: RequestTarget
    private let origin: Dialect
    /// The paths of the parts that were left out.
    private(set) var dropped: [String] = []

    init(origin: Dialect, _ target: RequestTarget) {
        isOwn = origin == .anthropic
        self.target = target
        self.origin = origin
    }

    /// The blocks of a message's content; `index` is its place in the request.
    mutating func blocks(of message: ChatMessage, at index: Int) throws(DialectError) -> [JSONValue] {
        switch message.content {
        case nil: return []
        case .text(let text): return Self.text(text)
        case .parts(let parts):
            var blocks: [JSONValue] = []
            for (place, part) in parts.enumerated() {
                let path = origin.path(ofPart: place, ofMessage: index)
                guard let block = try block(of: part, in: message.role, path: path) else { continue }
                blocks.append(block)
            }
            return blocks
        }
    }

    /// A text block, or none for text that Anthropic refuses because there is nothing in it.
    static func text(_ text: String, extras: [JSONValue.Member] = []) -> [JSONValue] {
        guard !text.allSatisfy(\.isWhitespace) else { return [] }
        return [.object([.init("type", .string("text")), .init("text", .string(text))] + extras)]
    }

    /// The text without the space at its end.
    static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private mutating func block(
        of part: ChatPart, in role: ChatMessage.Role, path: String
    ) throws(DialectError) -> JSONValue? {
        if isOwn, part.extras.first?.key == AnthropicPartReader.wholeBlock { return part.extras[0].value }
        let extras = isOwn ? part.extras.compactMap(Self.sendable) : []
        switch part.kind {
        case .text(let text), .refusal(let text):
            return Self.text(text, extras: extras).first
        case .reasoning(let text, let signature):
            guard let signature, signature.maker == target.maker else { return drop(path) }
            return Self.block("thinking", [("thinking", text), ("signature", signature.payload)], extras)
        case .redactedReasoning(let signature):
            guard signature.maker == target.maker else { return drop(path) }
            return Self.block("redacted_thinking", [("data", signature.payload)], extras)
        case .image(let url, _):
            // What the model drew it is not shown again: its turns hold no images.
            guard role != .assistant else { return drop(path) }
            guard let source = source(url) else { throw .unsupported(path) }
            return .object([.init("type", .string("image")), .init("source", source)] + extras)
        case .file(let id, let data, let name):
            guard id == nil, let data else { throw .unsupported(path) }
            return try file(data, name: name, extras, path: path)
        case .audio:
            throw .unsupported(path)
        case .other(let whole):
            if isOwn { return whole }
            guard role == .user || role == .tool || role == .function else { return drop(path) }
            throw .unsupported(path)
        }
    }

    private mutating func drop(_ path: String) -> JSONValue? {
        dropped.append(path)
        return nil
    }

    private static func block(
        _ type: String, _ texts: [(String, String)], _ extras: [JSONValue.Member]
    ) -> JSONValue {
        .object(
            [.init("type", .string(type))] + texts.map { JSONValue.Member($0.0, .string($0.1)) } + extras)
    }

    private func source(_ url: String) -> JSONValue? {
        if let data = DataURL(url) {
            let type = data.mediaType == "image/jpg" ? "image/jpeg" : data.mediaType
            return .object([
                .init("type", .string("base64")), .init("media_type", .string(type)),
                .init("data", .string(data.base64)),
            ])
        }
        let scheme = url.prefix(8).lowercased()
        guard scheme.hasPrefix("https://") || scheme.hasPrefix("http://"), target.quirks.takesImageURLs else {
            return nil
        }
        return .object([.init("type", .string("url")), .init("url", .string(url))])
    }

    private func file(
        _ url: String, name: String?, _ extras: [JSONValue.Member], path: String
    ) throws(DialectError) -> JSONValue {
        var object = JSONMembers()
        let data = DataURL(url)
        let type = data?.mediaType ?? ""
        if type.hasPrefix("image/"), let source = source(url) {
            object.add("type", "image")
            object.add("source", source)
            return .object(object.members + extras)
        }
        object.add("type", "document")
        if let data, type.hasPrefix("text/"), let text = Base64Text.decode(data.base64), !isOwn {
            object.add(
                "source",
                .object([
                    .init("type", .string("text")), .init("media_type", .string("text/plain")),
                    .init("data", .string(text)),
                ]))
        } else if isOwn || data == nil || type == "application/pdf", let source = source(url) {
            object.add("source", source)
        } else {
            throw .unsupported(path)
        }
        object.add("title", name)
        return .object(object.members + extras)
    }

    /// A member of a block as it may be sent back: of citations those that Anthropic itself made.
    private static func sendable(_ member: JSONValue.Member) -> JSONValue.Member? {
        guard member.key == "citations", let citations = member.value.elements else { return member }
        let own = citations.filter { !AnthropicCitation.isOwn($0) }
        return own.isEmpty && !citations.isEmpty ? nil : .init(member.key, .array(own))
    }
}

extension Dialect {
    /// The path of a part of a message's content in a request of this dialect.
    fileprivate func path(ofPart place: Int, ofMessage index: Int) -> String {
        let parts = self == .gemini || self == .antigravity ? "parts" : "content"
        return name(ofChatMember: "messages") + "[\(index)].\(parts)[\(place)]"
    }
}
