// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes tools and the choice among them.
struct GeminiToolWriter {
    private let writer: GeminiRequestWriter
    /// The paths of members that were left out.
    private(set) var dropped: [String] = []
    /// Whether there is a function among the tools written.
    private(set) var hasFunctions = false

    init(_ writer: GeminiRequestWriter) {
        self.writer = writer
    }

    private var chat: ChatRequest { writer.chat }

    /// The elements of `tools`: one with all functions, one for each tool that Google runs.
    mutating func tools() throws(DialectError) -> [JSONValue] {
        var functions: [JSONValue] = []
        var hosted: [JSONValue] = []
        for (number, tool) in chat.tools.enumerated() {
            switch tool.kind {
            case .function(let parameters, let isStrict):
                if isStrict != nil { dropped.append("tools[\(number)].strict") }
                functions.append(try function(tool, parameters, number: number))
            case .custom(let format):
                if format != nil { dropped.append("tools[\(number)].format") }
                functions.append(try function(tool, CustomTool.parameters, number: number))
            case .other(let whole):
                if writer.isGoogle { hosted.append(whole) } else { dropped.append("tools[\(number)]") }
            }
        }
        hasFunctions = !functions.isEmpty
        guard hasFunctions else { return hosted }
        return [.object([.init("functionDeclarations", .array(functions))])] + hosted
    }

    private func function(
        _ tool: ChatTool, _ parameters: JSONValue?, number: Int
    ) throws(DialectError) -> JSONValue {
        guard writer.isGoogle || Self.isName(tool.name) else {
            throw DialectError(
                "A function's name must begin with a letter or _ and have at most 64 letters, digits and characters of _ . : -.",
                parameter: "tools[\(number)].name", code: "invalid_value")
        }
        var object = JSONMembers()
        object.add("name", tool.name)
        object.add("description", tool.description)
        if let parameters {
            if writer.cleansSchemas {
                object.add("parameters", GeminiSchema.cleaned(parameters))
            } else {
                object.add("parametersJsonSchema", parameters)
            }
        }
        if writer.isGoogle { GeminiFields.merge(tool.extras, into: &object.members) }
        return .object(object.members)
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, 1...64 ~= name.utf8.count else { return false }
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
        }
        return isLetter(first)
            && name.utf8.allSatisfy { byte in
                isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-")
            }
    }

    /// The member `toolConfig`; where there is no function there is no choice.
    mutating func choice(hasFunctions: Bool) throws(DialectError) -> JSONValue? {
        guard let choice = chat.toolChoice else { return nil }
        let config: (mode: String, names: [String])
        switch choice {
        case .none: config = ("NONE", [])
        case .auto: config = ("AUTO", [])
        case .required: config = ("ANY", [])
        case .function(let name), .custom(let name): config = ("ANY", [name])
        case .allowed(let names, let isRequired): config = (isRequired ? "ANY" : "VALIDATED", names)
        case .other: throw GeminiRequestWriter.unsupported("tool_choice", "it cannot be made to use this tool")
        }
        guard hasFunctions else {
            guard config.mode != "ANY" || writer.isGoogle else {
                throw GeminiRequestWriter.unsupported("tool_choice", "it is given no tool that it could be made to use")
            }
            return nil
        }
        let isForced = config.mode == "ANY" && !writer.target.quirks.takesToolChoice
        if isForced { dropped.append("tool_choice") }
        var calling = JSONMembers()
        calling.add("mode", isForced ? "AUTO" : config.mode)
        if !config.names.isEmpty, !isForced {
            calling.add("allowedFunctionNames", .array(config.names.map { .string($0) }))
        }
        return .object([.init("functionCallingConfig", .object(calling.members))])
    }
}
