// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes JSON of tools, the choice among them and the form of the answer, which the dialect writes flat.
enum ResponsesToolWriter {
    /// A tool; `nil` for one that another vendor runs.
    static func value(of tool: ChatTool, isOwn: Bool) -> JSONValue? {
        var object = JSONMembers()
        switch tool.kind {
        case .other(let whole):
            return isOwn ? whole : nil
        case .function(let parameters, let isStrict):
            object.add("type", "function")
            object.add("name", tool.name)
            object.add("description", tool.description)
            // Here, unlike elsewhere, a function without a word on it is strict, and one without parameters is refused.
            object.add("parameters", parameters ?? (isOwn ? nil : noParameters))
            object.add("strict", isStrict ?? (isOwn ? nil : false))
        case .custom(let format):
            object.add("type", "custom")
            object.add("name", tool.name)
            object.add("description", tool.description)
            object.add("format", format.map(flat))
        }
        return .object(object.members + (isOwn ? tool.extras : []))
    }

    private static let noParameters = JSONValue.object([
        .init("type", .string("object")), .init("properties", .object([])),
    ])

    private static func flat(_ format: JSONValue) -> JSONValue {
        guard format["type"] == .string("grammar"), let inner = format["grammar"]?.members else { return format }
        return .object([.init("type", .string("grammar"))] + inner)
    }

    static func value(of choice: ToolChoice, customNames: [String]) -> JSONValue {
        func named(_ type: String, _ name: String) -> JSONValue {
            .object([.init("type", .string(type)), .init("name", .string(name))])
        }
        return switch choice {
        case .none: .string("none")
        case .auto: .string("auto")
        case .required: .string("required")
        case .function(let name): named("function", name)
        case .custom(let name): named("custom", name)
        case .allowed(let names, let isRequired):
            .object([
                .init("type", .string("allowed_tools")),
                .init("mode", .string(isRequired ? "required" : "auto")),
                .init("tools", .array(names.map { named(customNames.contains($0) ? "custom" : "function", $0) })),
            ])
        case .other(let whole): whole
        }
    }

    static func value(of format: ResponseFormat) -> JSONValue {
        switch format {
        case .text: return .object([.init("type", .string("text"))])
        case .jsonObject: return .object([.init("type", .string("json_object"))])
        case .jsonSchema(let schema):
            var members = schema.members ?? []
            // A name is required here, and optional elsewhere.
            if schema["name"] == nil { members.insert(.init("name", .string("answer")), at: 0) }
            return .object([.init("type", .string("json_schema"))] + members)
        }
    }
}
