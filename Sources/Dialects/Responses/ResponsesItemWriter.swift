// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes items of messages: what the model said in one turn is one item for each thing it said.
struct ResponsesItemWriter {
    private(set) var items: [JSONValue] = []
    /// The system's word that stands beside the items.
    private(set) var instructions: String?
    /// The paths of what was left out.
    private(set) var dropped: [String] = []

    private let chat: ChatRequest
    private let target: RequestTarget
    private let isOwn: Bool

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
        isOwn = chat.origin == .openAIResponses
    }

    mutating func write() throws(DialectError) {
        var isLeading = true
        for (index, message) in chat.messages.enumerated() {
            switch message.role {
            case .system where isLeading && isInstructions(message), .developer where isLeading && isInstructions(message):
                instructions = instructions.map { $0 + "\n\n" + message.text } ?? message.text
            case .system, .developer, .user:
                isLeading = false
                try write(message, at: index)
            case .assistant:
                isLeading = false
                try writeTurn(message, at: index)
            case .tool:
                isLeading = false
                try writeOutput(message, at: index)
            case .function:
                throw refusal(index, "role")
            }
        }
    }

    /// Whether a message at the beginning goes where it has its own place: from elsewhere, any that is only text.
    private func isInstructions(_ message: ChatMessage) -> Bool {
        guard !isOwn else { return message.extras.contains(ResponsesMark.instructions) }
        guard case .parts(let parts) = message.content else { return true }
        return parts.allSatisfy { part in
            if case .text = part.kind { true } else { false }
        }
    }

    private mutating func write(_ message: ChatMessage, at index: Int) throws(DialectError) {
        var content: [JSONValue] = []
        for (number, part) in ResponsesContentReader.parts(message.content).enumerated() {
            if part.extras.contains(ResponsesMark.item), case .other(let item) = part.kind {
                items.append(item)
            } else {
                content.append(try value(of: part, isAnswer: false, index, "content[\(number)]"))
            }
        }
        guard !content.isEmpty || message.extras.contains(where: { $0.key != "item" }) else { return }
        var object = JSONMembers()
        object.add("type", "message")
        object.add("role", message.role.rawValue)
        if case .text(let text) = message.content {
            object.add("content", text)
        } else {
            object.add("content", .array(content))
        }
        add(object, message.extras)
    }

    private mutating func writeTurn(_ message: ChatMessage, at index: Int) throws(DialectError) {
        var content: [JSONValue] = []
        var extras = message.extras
        for (number, part) in ResponsesContentReader.parts(message.content).enumerated() {
            switch part.kind {
            case .reasoning(let text, let signature):
                writeMessage(&content, &extras)
                writeReasoning(text, signature, part)
            case .redactedReasoning(let signature):
                writeMessage(&content, &extras)
                writeReasoning("", signature, part)
            case .other(let item) where part.extras.contains(ResponsesMark.item):
                writeMessage(&content, &extras)
                items.append(item)
            default:
                content.append(try value(of: part, isAnswer: true, index, "content[\(number)]"))
            }
        }
        writeMessage(&content, &extras)
        for call in message.toolCalls { write(call) }
    }

    /// Writes what was said so far as a message; the first one has what else the client's own had.
    private mutating func writeMessage(_ content: inout [JSONValue], _ extras: inout [JSONValue.Member]) {
        guard !content.isEmpty else { return }
        var object = JSONMembers()
        object.add("type", "message")
        object.add("role", "assistant")
        object.add("content", .array(content))
        add(object, extras)
        content = []
        extras = []
    }

    /// Only its maker can read what is encrypted, and reasoning that is not encrypted only few take back.
    private mutating func writeReasoning(_ text: String, _ signature: OpaqueSignature?, _ part: ChatPart) {
        let encrypted = signature.flatMap { $0.maker == target.maker ? $0.payload : nil }
        // The vendor may keep what has an id.
        let isKept = isOwn && signature == nil && part.extras.contains { $0.key == "id" }
        guard encrypted != nil || isKept || target.quirks.takesReasoningBack && !text.isEmpty else { return }
        var object = JSONMembers()
        object.add("type", "reasoning")
        let texts: [JSONValue] =
            text.isEmpty
            ? []
            : [
                .object([
                    .init("type", .string(encrypted == nil ? "reasoning_text" : "summary_text")), .init("text", .string(text)),
                ])
            ]
        if !isOwn || !part.extras.contains(where: { $0.key == "summary" }) {
            object.add("summary", .array(encrypted == nil ? [] : texts))
            if encrypted == nil, !texts.isEmpty { object.add("content", .array(texts)) }
        }
        object.add("encrypted_content", encrypted)
        add(object, part.extras)
    }

    private mutating func write(_ call: ChatToolCall) {
        var object = JSONMembers()
        switch call.input {
        case .arguments(let arguments):
            object.add("type", "function_call")
            object.add("call_id", id(call.id))
            object.add("name", call.name)
            object.add("arguments", arguments.isEmpty && !isOwn ? "{}" : arguments)
        case .text(let text):
            object.add("type", "custom_tool_call")
            object.add("call_id", id(call.id))
            object.add("name", call.name)
            object.add("input", text)
        }
        add(object, call.extras)
    }

    private mutating func writeOutput(_ message: ChatMessage, at index: Int) throws(DialectError) {
        guard let callID = message.toolCallID else { throw refusal(index, "tool_call_id") }
        var object = JSONMembers()
        let type = message.extras.first { $0.key == "type" }?.value.string
        let isCustom = isOwn ? type == "custom_tool_call_output" : chat.isCustomCall(callID)
        object.add("type", isCustom ? "custom_tool_call_output" : "function_call_output")
        object.add("call_id", id(callID))
        switch message.content {
        case .text(let text): object.add("output", text)
        case .parts(let parts):
            var values: [JSONValue] = []
            for (number, part) in parts.enumerated() {
                values.append(try value(of: part, isAnswer: false, index, "content[\(number)]"))
            }
            object.add("output", .array(values))
        case nil: object.add("output", "")
        }
        add(object, message.extras.filter { $0.key != "type" })
    }

    private mutating func add(_ object: JSONMembers, _ extras: [JSONValue.Member]) {
        items.append(.object(object.members + (isOwn ? extras : [])))
    }

    private func id(_ id: String) -> String { isOwn ? id : CallID.plain(id, prefix: "call_") }

    /// The refusal of what a message says; only where the dialects count messages alike its place is known.
    private func refusal(_ index: Int, _ path: String) -> DialectError {
        let messages = chat.origin.name(ofChatMember: "messages")
        let isCounted = chat.origin == .openAIChat || chat.origin == .straico
        return .unsupported(isCounted ? "\(messages)[\(index)].\(path)" : messages)
    }

    private func value(
        of part: ChatPart, isAnswer: Bool, _ index: Int, _ path: String
    ) throws(DialectError) -> JSONValue {
        var object = JSONMembers()
        switch part.kind {
        case .text(let text):
            object.add("type", isAnswer ? "output_text" : "input_text")
            object.add("text", text)
        case .refusal(let text):
            object.add("type", "refusal")
            object.add("refusal", text)
        case .image(let url, let detail):
            guard target.quirks.takesImageURLs || DataURL(url) != nil, !isAnswer else { throw refusal(index, path) }
            object.add("type", "input_image")
            object.add("image_url", url)
            object.add("detail", detail)
        case .file(let id, let data, let name):
            // An id is known only to the vendor that gave it.
            guard id == nil || isOwn || chat.origin == .openAIChat && target.maker == ResponsesSignature.vendor else {
                throw refusal(index, path)
            }
            object.add("type", "input_file")
            object.add("file_id", id)
            object.add("filename", name)
            let isAddress = data?.hasPrefix("https:") == true || data?.hasPrefix("http:") == true
            object.add(isAddress ? "file_url" : "file_data", data)
        case .audio(let base64, let format):
            guard isOwn else { throw refusal(index, path) }
            object.add("type", "input_audio")
            object.add(
                "input_audio", .object([.init("data", .string(base64)), .init("format", .string(format))]))
        case .other(let whole):
            guard isOwn else { throw refusal(index, path) }
            return whole
        case .reasoning, .redactedReasoning:
            throw refusal(index, path)
        }
        return .object(object.members + (isOwn ? part.extras : []))
    }
}

extension ChatRequest {
    /// Whether the call with an id gave plain text to a custom tool.
    fileprivate func isCustomCall(_ id: String) -> Bool {
        for message in messages.reversed() {
            for call in message.toolCalls where call.id == id {
                if case .text = call.input { return true }
                return false
            }
        }
        return false
    }
}
