// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import JSON

/// Makes a request of Google's internal service, which is stricter than Gemini's own.
enum AntigravityRequestWriter {
    /// The members of the body, and the paths of those that were left out.
    static func members(
        of chat: ChatRequest, _ target: RequestTarget
    ) throws(DialectError) -> (members: [JSONValue.Member], dropped: [String]) {
        var writer = GeminiRequestWriter(chat, target, cleansSchemas: true)
        var members = try writer.members()
        var dropped = writer.dropped
        if members.contains(where: { $0.key == "safetySettings" }) {
            members.removeAll { $0.key == "safetySettings" }
            dropped.append("safetySettings")
        }
        if removeHosted(from: &members) { dropped.append("tools") }
        if target.model.contains("claude") { validate(&members) }
        fitLimit(&members)
        return (AntigravityEnvelope.close(members, chat, target), dropped)
    }

    /// Removes tools that Google runs where there are functions: the service does not take both.
    private static func removeHosted(from members: inout [JSONValue.Member]) -> Bool {
        guard let place = members.firstIndex(where: { $0.key == "tools" }),
            let tools = members[place].value.elements, tools.count > 1,
            let functions = tools.first(where: { $0["functionDeclarations"] != nil })
        else { return false }
        members[place].value = .array([functions])
        return true
    }

    /// Claude takes functions only in the mode in which calls are checked.
    private static func validate(_ members: inout [JSONValue.Member]) {
        guard members.contains(where: { $0.key == "tools" && $0.value[0]?["functionDeclarations"] != nil }) else { return }
        let mode = members.first { $0.key == "toolConfig" }?.value["functionCallingConfig"]?["mode"]?.string
        guard mode == nil || mode == "AUTO" else { return }
        let calling = JSONValue.object([.init("mode", .string("VALIDATED"))])
        GeminiFields.merge(
            [.init("toolConfig", .object([.init("functionCallingConfig", calling)]))], into: &members)
    }

    /// The limit must leave room behind the budget for thinking.
    private static func fitLimit(_ members: inout [JSONValue.Member]) {
        let config = members.first { $0.key == "generationConfig" }?.value
        guard let limit = config?["maxOutputTokens"]?.integer,
            let budget = config?["thinkingConfig"]?["thinkingBudget"]?.integer, budget >= limit
        else { return }
        let (sum, isTooLarge) = budget.addingReportingOverflow(limit)
        guard !isTooLarge else { return }
        GeminiFields.merge(
            [.init("generationConfig", .object([.init("maxOutputTokens", .number(String(sum)))]))], into: &members)
    }
}
