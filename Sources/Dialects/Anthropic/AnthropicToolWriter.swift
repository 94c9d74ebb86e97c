// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// Makes JSON of tools and the choice among them.
struct AnthropicToolWriter {
    private let chat: ChatRequest
    private let target: RequestTarget
    private let origin: Dialect
    private(set) var tools: [JSONValue] = []
    private(set) var choice: JSONValue?
    private(set) var dropped: [String] = []

    /// Whether a tool must be called.
    var isForced: Bool {
        switch choice?["type"]?.string {
        case "any", "tool": true
        default: false
        }
    }

    init(_ chat: ChatRequest, _ target: RequestTarget) {
        self.chat = chat
        self.target = target
        origin = chat.origin
    }

    /// Reads the request's tools and choice.
    mutating func read() throws(DialectError) {
        var allowed: [String]?
        if case .allowed(let names, _) = chat.toolChoice { allowed = names }
        for (place, tool) in chat.tools.enumerated() {
            if let allowed, !allowed.contains(tool.name) { continue }
            add(tool, at: place)
        }
        choice = try makeChoice()
    }

    private mutating func add(_ tool: ChatTool, at place: Int) {
        let isOwn = chat.origin == .anthropic
        var object = JSONMembers()
        switch tool.kind {
        case .other(let whole):
            if isOwn { tools.append(whole) } else { dropped.append("tools[\(place)]") }
            return
        case .function(let parameters, let isStrict):
            object.add("name", tool.name)
            object.add("description", tool.description)
            object.add("input_schema", isOwn ? parameters : Self.schema(parameters))
            let isTaken = isOwn || isStrict == true && !target.quirks.unsupported.contains("strict")
            object.add("strict", isTaken ? isStrict : nil)
        case .custom(let format):
            object.add("name", tool.name)
            object.add("description", tool.description)
            object.add("input_schema", CustomTool.parameters)
            if format != nil { dropped.append("tools[\(place)].custom.format") }
        }
        tools.append(.object(object.members + (isOwn ? tool.extras : [])))
    }

    /// A schema as Anthropic demands it: of an object.
    private static func schema(_ parameters: JSONValue?) -> JSONValue {
        let members = parameters?.members ?? []
        guard members.contains(where: { $0.key == "type" }) else {
            return .object([.init("type", .string("object"))] + members)
        }
        return .object(members)
    }

    private mutating func makeChoice() throws(DialectError) -> JSONValue? {
        let type: String
        var name: String?
        switch chat.toolChoice {
        case nil: type = "auto"
        case .auto: type = "auto"
        case ToolChoice.none?: type = "none"
        case .required: type = "any"
        case .allowed(_, let isRequired): type = isRequired ? "any" : "auto"
        case .function(let tool), .custom(let tool):
            type = "tool"
            name = tool
        case .other(let whole):
            guard chat.origin == .anthropic else {
                throw .unsupported(origin.name(ofChatMember: "tool_choice"))
            }
            return whole
        }
        if let name, chat.origin != .anthropic, chat.tools.contains(where: { $0.name == name }),
            !tools.contains(where: { $0["name"]?.string == name })
        {
            throw .unsupported(origin.name(ofChatMember: "tool_choice"))
        }
        let isSerial = chat.allowsParallelCalls == false
        guard chat.toolChoice != nil || isSerial else { return nil }
        // A choice among nothing is refused.
        guard !tools.isEmpty || (type != "auto" && type != "none") else { return nil }
        var object = JSONMembers()
        if !target.quirks.takesToolChoice, name != nil || type == "any" {
            dropped.append(origin.name(ofChatMember: "tool_choice"))
            object.add("type", "auto")
        } else {
            object.add("type", type)
            object.add("name", name)
        }
        if type != "none", isSerial || chat.origin == .anthropic {
            object.add("disable_parallel_tool_use", chat.allowsParallelCalls.map { !$0 })
        }
        return .object(object.members)
    }
}
