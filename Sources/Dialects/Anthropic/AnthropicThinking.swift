// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Chat
import JSON

/// How much a model is to think, in Anthropic's words, and the bound on its answer, which counts the thinking.
struct AnthropicThinking {
    /// The `thinking` member.
    private(set) var value: JSONValue?
    /// The `effort` of `output_config`.
    private(set) var effort: String?
    /// The `max_tokens`, which Anthropic demands.
    private(set) var outputLimit: Int
    private(set) var dropped: [String] = []

    /// Whether the model is told to think.
    var isActive: Bool { value.map { $0["type"]?.string != "disabled" } ?? false }

    /// The least that may be spent on thinking.
    private static let leastBudget = 1024

    /// - Parameters:
    ///   - isForced: Whether a tool must be called, which leaves no room for thinking.
    ///   - allowsBudget: Whether the conversation allows a budget: the turn that is answered must begin with thinking.
    init(_ chat: ChatRequest, _ target: RequestTarget, isForced: Bool, allowsBudget: Bool) {
        let wish = chat.reasoning
        let limit = chat.outputLimit?.tokens
        outputLimit = max(limit ?? target.quirks.defaultOutputLimit, target.quirks.minimumOutputLimit)
        guard chat.origin != .anthropic else {
            effort = wish.effort
            value = Self.member(wish, allowsBudget: allowsBudget)
            if wish.isEnabled != nil, value == nil { dropped.append("thinking") }
            return
        }
        guard wish.isEnabled != false, wish.effort != "none", wish.budget != 0 else {
            value = Self.disabled
            return
        }
        guard wish.isEnabled == true || wish.effort != nil || wish.budget != nil else { return }
        let path = chat.origin.name(ofChatMember: "reasoning_effort")
        let takesEffort = !target.quirks.unsupported.contains("output_config")
        if takesEffort { effort = wish.effort.flatMap(Self.effort) }
        let display: JSONValue? = wish.display == nil ? nil : .string(wish.display == "omitted" ? "omitted" : "summarized")
        guard !isForced else {
            dropped.append(path)
            return
        }
        var members = JSONMembers()
        if takesEffort, (wish.budget ?? -1) < 0 {
            members.add("type", "adaptive")
        } else {
            var budget = max(Self.leastBudget, wish.budget ?? -1 < 0 ? Self.budget(wish.effort) : wish.budget ?? 0)
            if limit == nil {
                outputLimit = max(outputLimit, outputLimit.addingReportingOverflow(budget).partialValue)
            } else {
                budget = min(budget, outputLimit &- 1)
            }
            guard allowsBudget, budget >= Self.leastBudget else {
                dropped.append(path)
                return
            }
            members.add("type", "enabled")
            members.add(number: "budget_tokens", String(budget))
        }
        members.add("display", display)
        value = .object(members.members)
    }

    private static let disabled = JSONValue.object([.init("type", .string("disabled"))])

    /// What an Anthropic client said, again.
    private static func member(_ wish: ReasoningSettings, allowsBudget: Bool) -> JSONValue? {
        guard let isEnabled = wish.isEnabled else { return nil }
        guard isEnabled else { return disabled }
        var members = JSONMembers()
        if let budget = wish.budget {
            // Thinking of another maker was left out of the turn, and without any the vendor refuses the budget.
            guard allowsBudget else { return nil }
            members.add("type", "enabled")
            members.add(number: "budget_tokens", String(budget))
        } else {
            members.add("type", "adaptive")
        }
        members.add("display", wish.display)
        return .object(members.members)
    }

    private static func effort(_ word: String) -> String? {
        switch word {
        case "minimal": "low"
        case "low", "medium", "high", "xhigh", "max": word
        default: nil
        }
    }

    /// The tokens that stand for an effort where the model knows only budgets.
    private static func budget(_ effort: String?) -> Int {
        switch effort {
        case "minimal": 1024
        case "low": 2048
        case "high": 16384
        case "xhigh", "max": 32000
        default: 8192
        }
    }
}
