// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Reads tools and the choice among them.
enum GeminiToolReader {
    /// Reads an element of `tools`: several functions, and tools that Google runs, each under its own name.
    static func tools(_ value: JSONValue) throws(DialectError) -> [ChatTool] {
        var fields = try JSONFields(google: value)
        var tools = try (fields.array("functionDeclarations") ?? []).mapInside("functionDeclarations") {
            (value) throws(DialectError) in try function(value)
        }
        for member in fields.rest where !member.value.isNull {
            tools.append(ChatTool(name: member.key, kind: .other(.object([member]))))
        }
        return tools
    }

    private static func function(_ value: JSONValue) throws(DialectError) -> ChatTool {
        var fields = try JSONFields(google: value)
        let name = try fields.requiredString("name")
        guard !name.isEmpty else { throw .wrongValue("name", expected: "a name") }
        var parameters = try fields.object("parameters").map { GeminiSchema.standard(.object($0.rest)) }
        if let schema = try fields.value("parametersJsonSchema") { parameters = schema }
        var tool = ChatTool(
            name: name, description: try fields.string("description"),
            kind: .function(parameters: parameters, isStrict: nil))
        tool.extras = fields.rest
        return tool
    }

    /// Reads `toolConfig`; what is not known of it is put back.
    static func readChoice(from fields: inout JSONFields, into chat: inout ChatRequest) throws(DialectError) {
        guard var config = try fields.googleObject("toolConfig") else { return }
        do throws(DialectError) {
            guard var calling = try config.googleObject("functionCallingConfig") else {
                fields.putBack("toolConfig", .object(config.rest))
                return
            }
            do throws(DialectError) {
                try readCalling(from: &calling, into: &chat)
            } catch {
                throw error.inside("functionCallingConfig")
            }
            let rest = config.rest + GeminiFields.leftover("functionCallingConfig", calling.rest)
            if !rest.isEmpty { fields.putBack("toolConfig", .object(rest)) }
        } catch {
            throw error.inside("toolConfig")
        }
    }

    private static func readCalling(
        from calling: inout JSONFields, into chat: inout ChatRequest
    ) throws(DialectError) {
        let names = try (calling.array("allowedFunctionNames") ?? []).mapInside("allowedFunctionNames") {
            (value) throws(DialectError) in
            guard let name = value.string else { throw .wrongType(nil, expected: "a string") }
            return name
        }
        let mode = try calling.string("mode") ?? ""
        switch mode.uppercased() {
        case "NONE": chat.toolChoice = ToolChoice.none
        case "ANY" where names.count == 1: chat.toolChoice = .function(name: names[0])
        case "ANY": chat.toolChoice = names.isEmpty ? .required : .allowed(names: names, isRequired: true)
        case "AUTO", "VALIDATED":
            chat.toolChoice = names.isEmpty ? .auto : .allowed(names: names, isRequired: false)
            // Which of the two it was, where the choice alone does not say it.
            if names.isEmpty == (mode.uppercased() == "VALIDATED") { calling.putBack("mode", .string(mode)) }
        case "", "MODE_UNSPECIFIED": break
        default: throw .wrongValue("mode", expected: "AUTO, ANY, NONE or VALIDATED")
        }
    }
}
