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
        if type == "allowed_tools" { return allowed(value, &fields) }
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

    /// Reads a choice among some tools; one that says more than their names is kept whole.
    private static func allowed(_ value: JSONValue, _ fields: inout JSONFields) -> ToolChoice {
        guard let inner = value["allowed_tools"]?.members, inner.count == 2, fields.rest.count == 1,
            let mode = value["allowed_tools"]?["mode"]?.string, mode == "auto" || mode == "required",
            let tools = value["allowed_tools"]?["tools"]?.elements
        else { return .other(value) }
        var names: [String] = []
        for tool in tools {
            guard let type = tool["type"]?.string, type == "function" || type == "custom", tool.members?.count == 2,
                tool[type]?.members?.count == 1, let name = tool[type]?["name"]?.string
            else { return .other(value) }
            names.append(name)
        }
        return .allowed(names: names, isRequired: mode == "required")
    }

    // MARK: The legacy form, of one call at most and without ids

    /// An id for the call of a function; its result names the function too.
    static func legacyID(_ name: String) -> String { CallID.plain("call_" + name, prefix: "call_", limit: 40) }

    static func legacyCall(_ call: JSONFields) throws(DialectError) -> ChatToolCall {
        var call = call
        let name = try call.requiredString("name")
        return ChatToolCall(
            id: legacyID(name), name: name, input: .arguments(try call.string("arguments") ?? ""))
    }

    static func legacyTool(_ value: JSONValue) throws(DialectError) -> ChatTool {
        try tool(.object([.init("type", .string("function")), .init("function", value)]))
    }

    static func legacyChoice(_ value: JSONValue) throws(DialectError) -> ToolChoice {
        if let name = value["name"]?.string { return .function(name: name) }
        switch value {
        case .string("none"): return .none
        case .string("auto"): return .auto
        default: throw .wrongType(nil, expected: "'none', 'auto' or an object with a name")
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
            call.signature = try signature(from: &fields)
            call.extras = fields.rest
            return call
        } catch {
            throw error.inside(type)
        }
    }

    /// Takes what Gemini signs a call with; the place names the maker of what is not in a carrier.
    private static func signature(from fields: inout JSONFields) throws(DialectError) -> OpaqueSignature? {
        let name = "extra_content"
        guard let value = try fields.value(name) else { return nil }
        guard let payload = value["google"]?["thought_signature"]?.string, !payload.isEmpty else {
            fields.putBack(name, value)
            return nil
        }
        var google = value["google"]?.members ?? []
        google.removeAll { $0.key == "thought_signature" }
        var others = (value.members ?? []).filter { $0.key != "google" }
        if !google.isEmpty { others.append(JSONValue.Member("google", .object(google))) }
        if !others.isEmpty { fields.putBack(name, .object(others)) }
        return OpaqueSignature(reading: payload, fallback: "gemini")
    }
}
