// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Providers
package import Storage

/// What a request will use at most, as far as can be told when it begins.
package struct LimitNeed: Sendable, Equatable {
    /// Tokens of input and output together.
    package var tokens: Int
    /// What they cost; `nil` when the model has no price.
    package var cost: Money?
    /// Whether it costs nothing whatever the model: it is counted as a request and no more.
    package var isFree: Bool

    /// A request without tokens, such as one that is handed on without being understood.
    package static let request = LimitNeed(tokens: 0, cost: .zero, isFree: true)

    private init(tokens: Int, cost: Money?, isFree: Bool) {
        self.tokens = tokens
        self.cost = cost
        self.isFree = isFree
    }

    /// The input by estimate, and the most that may be answered: the client's own bound, or `reservation` tokens, for each of the
    /// answers wanted.
    package init(
        _ chat: ChatRequest, _ operation: UpstreamRequest.Operation, reservation: Int, pricing: any Pricing
    ) {
        guard operation != .countTokens else {
            self = .request
            return
        }
        let input = max(0, chat.estimatedTokens)
        var output = 0
        if operation == .chat {
            let (product, isTooLarge) = max(0, chat.outputLimit?.tokens ?? reservation)
                .multipliedReportingOverflow(by: max(1, chat.choiceCount ?? 1))
            output = isTooLarge ? .max : product
        }
        let usage = TokenUsage(input: input, output: output)
        tokens = usage.total
        cost = pricing.cost(of: usage, model: chat.model)
        isFree = false
    }
}
