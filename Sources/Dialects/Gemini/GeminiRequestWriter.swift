// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes the members of a body of a chat request, and notes what it leaves out.
struct GeminiRequestWriter {
    let chat: ChatRequest
    let target: RequestTarget
    /// Whether schemas go out in the part of OpenAPI's form that Google's internal service takes.
    let cleansSchemas: Bool
    /// The paths of members that were left out.
    var dropped: [String] = []

    init(_ chat: ChatRequest, _ target: RequestTarget, cleansSchemas: Bool = false) {
        self.chat = chat
        self.target = target
        self.cleansSchemas = cleansSchemas || target.quirks.unsupported.contains("parametersJsonSchema")
    }

    /// Whether the request came in Google's words, so that what is not known of it can be said again.
    var isGoogle: Bool { chat.origin == .gemini || chat.origin == .antigravity }

    /// State that only the vendor of another dialect holds.
    private static let foreignState: Set<String> = [
        "previous_response_id", "conversation", "thread", "container", "context_management",
    ]

    /// Every member of the body.
    mutating func members() throws(DialectError) -> [JSONValue.Member] {
        try checkExtras()
        var contents = GeminiContentWriter(self)
        try contents.read(chat.messages)
        dropped += contents.dropped
        var object = JSONMembers()
        object.add("systemInstruction", contents.systemInstruction)
        object.add("contents", .array(contents.contents))
        var tools = GeminiToolWriter(self)
        let list = try tools.tools()
        let choice = try tools.choice(hasFunctions: tools.hasFunctions)
        dropped += tools.dropped
        if !list.isEmpty { object.add("tools", .array(list)) }
        object.add("toolConfig", choice)
        var config = GeminiConfigWriter(self)
        let generation = try config.members()
        dropped += config.dropped
        if !generation.isEmpty { object.add("generationConfig", .object(generation)) }
        if isGoogle { GeminiFields.merge(chat.extras.filter { $0.key != AntigravityEnvelope.name }, into: &object.members) }
        object.members.removeAll { target.quirks.unsupported.contains($0.key) }
        return object.members
    }

    private mutating func checkExtras() throws(DialectError) {
        guard !isGoogle else { return }
        for member in chat.extras where !member.value.isNull {
            guard !Self.foreignState.contains(member.key) else {
                throw DialectError(
                    "'\(member.key)' is kept by another vendor than the model's.", parameter: member.key,
                    code: "unsupported_parameter")
            }
            dropped.append(member.key)
        }
        if chat.user != nil { dropped.append("user") }
        if chat.metadata != nil { dropped.append("metadata") }
        if chat.verbosity != nil { dropped.append("verbosity") }
        if chat.allowsParallelCalls == false { dropped.append("parallel_tool_calls") }
    }

    /// A member that the dialect has no word for and that cannot be left out.
    static func unsupported(_ parameter: String, _ reason: String) -> DialectError {
        DialectError("'\(parameter)' cannot be said to this model: \(reason).", parameter: parameter, code: "unsupported_value")
    }
}
