// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Reads tools and the choice among them.
enum OpenAIToolReader {
    static func tool(_ value: JSONValue) throws(DialectError) -> ChatTool {
        var fields = try JSONFields(value)
        let type = try fields.string("type") ?? "function"
        guard type == "function" || type == "custom" else {
            return ChatTool(name: "", kind: .other(value))
        }
        var inner = try fields.requiredObject(type)
        do throws(DialectError) {
            let name = try inner.requiredString("name")
            guard !name.isEmpty else { throw DialectError.wrongValue("name", expected: "a name") }
            let description = try inner.string("description")
            var tool = ChatTool(name: name, description: description, kind: .custom(format: nil))
            if type == "custom" {
                tool.kind = .custom(format: try inner.value("format"))
            } else {
                let parameters = try inner.object("parameters").map { JSONValue.object($0.rest) }
                tool.kind = .function(parameters: parameters, isStrict: try inner.bool("strict"))
            }
            // Members at both levels cannot be told apart later, so such a tool is kept whole.
            guard inner.rest.isEmpty else { return ChatTool(name: name, kind: .other(value)) }
            tool.extras = fields.rest
            return tool
        } catch {
            throw error.inside(type)
        }
    }

    static func choice(_ value: JSONValue) throws(DialectError) -> ToolChoice {
        switch value {
        case .string("none"): return .none
        case .string("auto"): return .auto
        case .string("required"): return .required
        case .string: return .other(value)
        default: break
        }
        guard let members = value.members else { throw .wrongType(nil, expected: "a string or an object") }
        var fields = JSONFields(members)
        let type = try fields.requiredString("type")
        guard type == "function" || type == "custom" else { return .other(value) }
        var inner = try fields.requiredObject(type)
        do throws(DialectError) {
            let name = try inner.requiredString("name")
            guard inner.rest.isEmpty, fields.rest.isEmpty else { return .other(value) }
            return type == "custom" ? .custom(name: name) : .function(name: name)
        } catch {
            throw error.inside(type)
        }
    }

    static func call(_ value: JSONValue) throws(DialectError) -> ChatToolCall {
        var fields = try JSONFields(value)
        let id = try fields.requiredString("id")
        let type = try fields.string("type") ?? "function"
        guard type == "function" || type == "custom" else {
            throw .wrongValue("type", expected: "'function' or 'custom'")
        }
        var inner = try fields.requiredObject(type)
        do throws(DialectError) {
            let name = try inner.requiredString("name")
            let input: ChatToolCall.Input =
                if type == "custom" {
                    .text(try inner.string("input") ?? "")
                } else {
                    .arguments(try inner.string("arguments") ?? "")
                }
            var call = ChatToolCall(id: id, name: name, input: input)
            call.extras = fields.rest
            return call
        } catch {
            throw error.inside(type)
        }
    }
}
