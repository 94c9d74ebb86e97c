// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
import JSON

/// What a Responses request refers to that only the vendor who keeps it can resolve, and what the vendor's own tools left behind.
enum ResponsesForeignState {
    /// Members of a body that name what a vendor keeps, in any dialect.
    private static let names: Set<String> = [
        "previous_response_id", "conversation", "prompt", "container", "thread", "cachedContent", "cached_content",
    ]

    /// Refuses a request that continues what another vendor keeps.
    static func check(_ chat: ChatRequest) throws(DialectError) {
        for member in chat.extras where !member.value.isNull {
            // Work in the background is kept, too, and asked for later.
            let isState = names.contains(member.key) || member.key == "background" && member.value == .bool(true)
            if isState {
                throw DialectError(
                    "'\(member.key)' refers to what another vendor keeps, which this model's provider cannot see.",
                    parameter: member.key, code: "unsupported_parameter")
            }
        }
    }

    /// Whether a type is that of an item that a tool run by the vendor left, which another model can do without.
    static func isHostedItem(_ type: String) -> Bool {
        type.hasSuffix("_call") || type.hasSuffix("_call_output") || type.hasPrefix("tool_search_")
            || type == "mcp_list_tools" || type == "program" || type == "program_output"
    }
}

extension ChatRequest {
    /// The request as another dialect than the Responses dialect, in which it came, can be given it, and the paths of what was left
    /// out: items of tools that the vendor ran.
    ///
    /// Throws for what refers to state that the vendor keeps, and for items that cannot be left out. A request of another dialect
    /// is returned as it is.
    package func withoutResponsesState() throws(DialectError) -> (chat: ChatRequest, dropped: [String]) {
        guard origin == .openAIResponses else { return (self, []) }
        try ResponsesForeignState.check(self)
        var chat = self
        var dropped: [String] = []
        chat.messages = []
        for var message in messages {
            guard case .parts(let parts) = message.content else {
                chat.messages.append(message)
                continue
            }
            var kept: [ChatPart] = []
            for part in parts {
                guard case .other(let item) = part.kind, part.extras.contains(ResponsesMark.item) else {
                    kept.append(part)
                    continue
                }
                let type = item["type"]?.string ?? ""
                guard ResponsesForeignState.isHostedItem(type) else {
                    throw DialectError(
                        "An item of type '\(type.prefix(64))' means nothing to this model's provider.", parameter: "input",
                        code: "unsupported_parameter")
                }
                dropped.append("input.\(type)")
            }
            message.content = kept.isEmpty ? nil : .parts(kept)
            if message.content != nil || !message.toolCalls.isEmpty { chat.messages.append(message) }
        }
        return (chat, dropped)
    }
}
