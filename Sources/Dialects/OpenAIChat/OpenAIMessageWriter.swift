// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes the messages of a chat request's body for one target.
struct OpenAIMessageWriter {
    let chat: ChatRequest
    let target: RequestTarget
    /// The paths of the parts that were left out.
    private(set) var dropped: [String] = []

    /// The word for messages in the request's own dialect.
    let root: String
    var isOwn: Bool { chat.origin == .openAIChat }
    var isOpenAI: Bool { target.maker == "openai" }

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
        root = chat.origin.name(ofChatMember: "messages")
    }

    mutating func values() throws(DialectError) -> [JSONValue] {
        var values: [JSONValue] = []
        // What a tool's message cannot hold follows the results, which must come right behind their calls.
        var leftovers: [JSONValue] = []
        for (index, message) in chat.messages.enumerated() {
            let path = "\(root)[\(index)]"
            let isResult = message.role == .tool || message.role == .function
            if !isResult, !leftovers.isEmpty {
                values.append(Self.user(leftovers))
                leftovers = []
            }
            values.append(try value(of: message, path, &leftovers))
        }
        if !leftovers.isEmpty { values.append(Self.user(leftovers)) }
        return values
    }

    private static func user(_ parts: [JSONValue]) -> JSONValue {
        .object([.init("role", .string("user")), .init("content", .array(parts))])
    }

    private mutating func value(
        of message: ChatMessage, _ path: String, _ leftovers: inout [JSONValue]
    ) throws(DialectError) -> JSONValue {
        var object = JSONMembers()
        object.add("role", role(of: message).rawValue)
        var leavesReasoning = false
        switch message.role {
        case .assistant: leavesReasoning = try addAnswer(message, path, to: &object)
        case .tool where !isOwn: object.add("content", try result(message, path, &leftovers))
        default: object.add("content", try content(of: message, path))
        }
        if !message.toolCalls.isEmpty { object.add("tool_calls", .array(message.toolCalls.map(value))) }
        let isResult = message.role == .tool || message.role == .function
        object.add("tool_call_id", isResult ? message.toolCallID.map(id) : nil)
        if message.role != .function { object.add("name", message.name) }
        guard isOwn else { return .object(object.members) }
        // Reasoning may have been told twice, in two members, and now be written in the one that is left, or in none.
        let rest = message.extras.filter { extra in
            if leavesReasoning, OpenAIReasoningReader.plainNames.contains(extra.key) { return false }
            return !object.members.contains { $0.key == extra.key }
        }
        return .object(object.members + rest)
    }

    private func role(of message: ChatMessage) -> ChatMessage.Role {
        switch message.role {
        case .developer: isOwn ? .developer : .system
        // Its call is written in the newer form, and so is what answers it.
        case .function: .tool
        default: message.role
        }
    }

    /// An id that the provider takes, always the same for the same one.
    private func id(_ id: String) -> String {
        if target.quirks.hasShortCallIDs { return CallID.short(id) }
        return isOwn ? id : CallID.plain(id, prefix: "call_", limit: 40)
    }

    // MARK: Content

    private mutating func content(of message: ChatMessage, _ path: String) throws(DialectError) -> JSONValue {
        switch message.content {
        case nil: return .null
        case .text(let text): return .string(text)
        case .parts(let parts):
            if !isOwn, let texts = Self.texts(of: parts) {
                return .string(texts.joined(separator: message.role == .user ? "\n" : "\n\n"))
            }
            var values: [JSONValue] = []
            for (index, part) in parts.enumerated() {
                values.append(try value(of: part, "\(path).content[\(index)]"))
            }
            return .array(values)
        }
    }

    /// The texts of parts that are nothing else; servers that take text alone take it as one string.
    private static func texts(of parts: [ChatPart]) -> [String]? {
        var texts: [String] = []
        for part in parts {
            guard case .text(let text) = part.kind else { return nil }
            texts.append(text)
        }
        return texts
    }

    /// The text of a result; images and files of it are left over.
    private func result(
        _ message: ChatMessage, _ path: String, _ leftovers: inout [JSONValue]
    ) throws(DialectError) -> JSONValue {
        guard case .parts(let parts) = message.content else { return .string(message.text) }
        var texts: [String] = []
        for (index, part) in parts.enumerated() {
            if case .text(let text) = part.kind {
                texts.append(text)
            } else {
                leftovers.append(try value(of: part, "\(path).content[\(index)]"))
            }
        }
        return .string(texts.joined(separator: "\n"))
    }

    private func value(of part: ChatPart, _ path: String) throws(DialectError) -> JSONValue {
        var object = JSONMembers()
        var inner = JSONMembers()
        switch part.kind {
        case .other(let whole):
            guard isOwn else { throw .unsupported(path) }
            return whole
        case .text(let text), .reasoning(let text, _):
            object.add("type", "text")
            object.add("text", text)
        case .redactedReasoning:
            throw .unsupported(path)
        case .refusal(let text):
            object.add("type", "refusal")
            object.add("refusal", text)
        case .image(let url, let detail):
            guard target.quirks.takesImageURLs || DataURL(url) != nil else { throw .unsupported(path) }
            inner.add("url", url)
            inner.add("detail", detail)
            object.add("type", "image_url")
            object.add("image_url", .object(inner.members))
        case .audio(let base64, let format):
            inner.add("data", base64)
            inner.add("format", format)
            object.add("type", "input_audio")
            object.add("input_audio", .object(inner.members))
        case .file(let id, let data, let name):
            // An id means a file of the other dialect's vendor, and an address is no content.
            guard isOwn || id == nil && data.flatMap({ DataURL($0) }) != nil else { throw .unsupported(path) }
            inner.add("file_id", id)
            inner.add("file_data", data)
            inner.add("filename", name ?? (isOwn ? nil : "file"))
            object.add("type", "file")
            object.add("file", .object(inner.members))
        }
        return .object(object.members + (isOwn ? part.extras : []))
    }

    // MARK: What the assistant said

    /// Adds what the message says. `true` when reasoning was left out because the target takes none back, which goes for what is
    /// told of it elsewhere too.
    private mutating func addAnswer(
        _ message: ChatMessage, _ path: String, to object: inout JSONMembers
    ) throws(DialectError) -> Bool {
        guard case .parts(let parts) = message.content else {
            object.add("content", message.content.map { .string($0.text) } ?? .null)
            return false
        }
        var hasDropped = false
        var values: [JSONValue] = []
        var texts: [String] = []
        var isPlain = true
        var refusal: String?
        var reasoning = OpenAIReasoningWriter(target, isOwn: isOwn)
        for (index, part) in parts.enumerated() {
            let path = "\(path).content[\(index)]"
            switch part.kind {
            case .reasoning, .redactedReasoning:
                guard !reasoning.append(part) else { continue }
                dropped.append(path)
                hasDropped = true
            case .refusal(let text) where part.member != nil:
                refusal = text
            case .text(let text):
                texts.append(text)
                if isOwn, !part.extras.isEmpty { isPlain = false }
                values.append(try value(of: part, path))
            case .refusal:
                isPlain = false
                values.append(try value(of: part, path))
            default:
                // A model's own image or sound has no place in its message.
                guard isOwn else {
                    dropped.append(path)
                    continue
                }
                isPlain = false
                values.append(try value(of: part, path))
            }
        }
        if isPlain {
            object.add("content", texts.isEmpty ? .null : .string(texts.joined()))
        } else {
            object.add("content", .array(values))
        }
        object.add("refusal", refusal)
        reasoning.add(to: &object)
        return hasDropped && !target.quirks.takesReasoningBack
    }

    private func value(of call: ChatToolCall) -> JSONValue {
        let isText = if case .text = call.input { isOpenAI } else { false }
        let text = if case .text(let text) = call.input, isText { text } else { call.arguments }
        let type = isText ? "custom" : "function"
        let inner: [JSONValue.Member] = [
            .init("name", .string(call.name)), .init(isText ? "input" : "arguments", .string(text)),
        ]
        var object = JSONMembers()
        object.add("id", id(call.id))
        object.add("type", type)
        object.add(type, .object(inner))
        var extras = isOwn ? call.extras : []
        if let signature = call.signature, signature.maker == target.maker || isOwn && !signature.isCarried {
            var google: [JSONValue.Member] = [.init("thought_signature", .string(signature.payload))]
            var others: [JSONValue.Member] = []
            if let place = extras.firstIndex(where: { $0.key == "extra_content" }) {
                let before = extras.remove(at: place).value
                google += before["google"]?.members ?? []
                others = (before.members ?? []).filter { $0.key != "google" }
            }
            object.add("extra_content", .object([.init("google", .object(google))] + others))
        }
        return .object(object.members + extras)
    }
}
