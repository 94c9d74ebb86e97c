// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads tools and the choice among them, which the dialect writes flat.
enum ResponsesToolReader {
    static func tool(_ value: JSONValue) throws(DialectError) -> ChatTool {
        var fields = try JSONFields(value)
        let type = try fields.requiredString("type")
        guard type == "function" || type == "custom" else { return ChatTool(name: "", kind: .other(value)) }
        let name = try fields.requiredString("name")
        guard !name.isEmpty else { throw .wrongValue("name", expected: "a name") }
        var tool = ChatTool(name: name, description: try fields.string("description"), kind: .custom(format: nil))
        if type == "custom" {
            tool.kind = .custom(format: try fields.value("format").map(nested))
        } else {
            let parameters = try fields.object("parameters").map { JSONValue.object($0.rest) }
            tool.kind = .function(parameters: parameters, isStrict: try fields.bool("strict"))
        }
        tool.extras = fields.rest
        return tool
    }

    /// A grammar as the chat dialect has it, which is what the hub keeps: its members one level deeper.
    private static func nested(_ format: JSONValue) -> JSONValue {
        guard format["type"] == .string("grammar"), format["grammar"] == nil, let members = format.members else {
            return format
        }
        let inner = members.filter { $0.key != "type" }
        return .object([.init("type", .string("grammar")), .init("grammar", .object(inner))])
    }

    static func choice(_ value: JSONValue) throws(DialectError) -> ToolChoice {
        switch value {
        case .string("none"): return .none
        case .string("auto"): return .auto
        case .string("required"): return .required
        case .string: return .other(value)
        default: break
        }
        var fields = try JSONFields(value)
        switch try fields.requiredString("type") {
        case "function":
            let name = try fields.requiredString("name")
            return fields.rest.isEmpty ? .function(name: name) : .other(value)
        case "custom":
            let name = try fields.requiredString("name")
            return fields.rest.isEmpty ? .custom(name: name) : .other(value)
        case "allowed_tools":
            let mode = try fields.requiredString("mode")
            let names = (try fields.array("tools") ?? []).map(name)
            guard mode == "auto" || mode == "required", fields.rest.isEmpty, !names.contains(nil) else {
                return .other(value)
            }
            return .allowed(names: names.compactMap(\.self), isRequired: mode == "required")
        default:
            return .other(value)
        }
    }

    /// The name of a tool that is allowed; `nil` for one that the vendor runs.
    private static func name(_ tool: JSONValue) -> String? {
        guard let type = tool["type"]?.string, type == "function" || type == "custom", tool.members?.count == 2 else {
            return nil
        }
        return tool["name"]?.string
    }
}
