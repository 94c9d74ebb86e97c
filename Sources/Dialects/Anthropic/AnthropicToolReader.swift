// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads tools and calls of them.
enum AnthropicToolReader {
    static func tool(_ value: JSONValue) throws(DialectError) -> ChatTool {
        var fields = try JSONFields(value)
        if let type = value["type"]?.string, type != "custom" {
            return ChatTool(name: value["name"]?.string ?? "", kind: .other(value))
        }
        let name = try fields.requiredString("name")
        guard !name.isEmpty else { throw .wrongValue("name", expected: "a name") }
        let description = try fields.string("description")
        let schema = JSONValue.object(try fields.requiredObject("input_schema").rest)
        var tool = ChatTool(
            name: name, description: description,
            kind: .function(parameters: schema, isStrict: try fields.bool("strict")))
        tool.extras = fields.rest
        return tool
    }

    static func call(_ block: JSONValue) throws(DialectError) -> ChatToolCall {
        var fields = try JSONFields(block)
        _ = try fields.string("type")
        let id = try fields.requiredString("id")
        let name = try fields.requiredString("name")
        let input = JSONValue.object(try fields.object("input")?.rest ?? [])
        var call = ChatToolCall(id: id, name: name, input: .arguments(ToolInput.text(input)))
        call.extras = fields.rest
        return call
    }
}
