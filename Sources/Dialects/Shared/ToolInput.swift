// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import JSON

/// The input of a tool call, between dialects that write it as text and those that write it as an object.
enum ToolInput {
    /// The object that the text of a call's arguments says.
    ///
    /// Text that is no object, as a model may write or a cut leave it, becomes `{"_raw": text}`: without its call a result would be
    /// an orphan. No text at all means no arguments, unless the call was cut before it came to them.
    static func object(_ arguments: String, isCut: Bool = false) -> JSONValue {
        if !isCut, arguments.utf8.allSatisfy({ $0 <= ASCII.space }) { return .object([]) }
        if let value = try? JSONValue(parsing: arguments.utf8.span, allowsLoneSurrogates: true), value.members != nil {
            return value
        }
        return .object([.init("_raw", .string(arguments))])
    }

    /// The text of a call's arguments.
    static func text(_ object: JSONValue) -> String {
        if let members = object.members, members.count == 1, members[0].key == "_raw",
            let raw = members[0].value.string
        {
            return raw
        }
        var buffer = ByteBuffer()
        object.write(into: &buffer)
        return String(decoding: buffer.storage, as: UTF8.self)
    }
}

/// A custom tool, which takes plain text, in dialects that only have functions: a function with the one string `input`.
enum CustomTool {
    /// The JSON schema of such a function.
    static let parameters = JSONValue.object([
        .init("type", .string("object")),
        .init("properties", .object([.init("input", .object([.init("type", .string("string"))]))])),
        .init("required", .array([.string("input")])),
    ])

    /// The arguments that stand for a text.
    static func arguments(_ text: String) -> String { ToolInput.text(.object([.init("input", .string(text))])) }

    /// The text that arguments stand for; arguments of another form stand for themselves.
    static func input(_ arguments: String) -> String { ToolInput.object(arguments)["input"]?.string ?? arguments }
}

extension Optional<FinishReason> {
    /// Whether the answer ended before the model did: a call without arguments then lacks them, and must not look whole.
    var isCut: Bool {
        switch self {
        case .length, .contextFull, .contentFilter: true
        default: false
        }
    }
}

extension ChatToolCall {
    /// The input as an object.
    var object: JSONValue {
        switch input {
        case .arguments(let json): ToolInput.object(json)
        case .text(let text): .object([.init("input", .string(text))])
        }
    }

    /// The input as JSON text.
    var arguments: String {
        switch input {
        case .arguments(let json): json
        case .text(let text): CustomTool.arguments(text)
        }
    }
}

extension ChatRequest {
    /// The name of the tool whose call has an id; `nil` when no message of the conversation made it.
    func toolName(ofCall id: String) -> String? {
        for message in messages.reversed() {
            for call in message.toolCalls where call.id == id { return call.name }
        }
        return nil
    }

    /// The names of the tools that take plain text.
    var customToolNames: [String] {
        tools.compactMap { tool in
            if case .custom = tool.kind { tool.name } else { nil }
        }
    }
}
