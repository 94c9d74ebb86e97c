// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
internal import JSON

/// One choice of an answer as far as it was folded.
package struct AccumulatedChoice: Sendable {
    /// The number that the answer gave it.
    package let index: Int
    /// What it said, in order; pieces of one kind that follow each other are one part.
    package internal(set) var parts: [AccumulatedPart] = []
    /// Log probabilities: the elements of an array in OpenAI's form, joined by commas; empty when none came.
    package internal(set) var logprobs = ByteBuffer()
    /// Why it ended; `nil` when it did not.
    package internal(set) var finish: FinishReason?
    /// The signature of a call that has not begun yet.
    var pendingSignature = ByteBuffer()

    /// The visible text.
    package var text: String { joined { $0 == .text } }
    /// The text of the refusal.
    package var refusal: String { joined { $0 == .refusal } }
    /// The visible text and the text of the refusal, in their order.
    package var spoken: String { joined { $0 == .text || $0 == .refusal } }
    /// The text of the reasoning.
    package var reasoning: String { joined { $0 == .reasoning } }
    /// The tool calls in the order they began.
    package var toolCalls: [AccumulatedPart] { parts.filter(\.isToolCall) }

    init(index: Int) {
        self.index = index
    }

    /// Whether text of a kind belongs to the last part. Reasoning that was signed is whole: what comes then is another piece of it.
    func goesOn(_ kind: AccumulatedPart.Kind) -> Bool {
        guard !parts.isEmpty else { return false }
        let last = parts.count &- 1
        guard parts[last].escapedSignature.isEmpty else { return false }
        switch (parts[last].kind, kind) {
        case (.text, .text), (.refusal, .refusal), (.reasoning, .reasoning): return true
        default: return false
        }
    }

    private func joined(_ isWanted: (AccumulatedPart.Kind) -> Bool) -> String {
        parts.reduce(into: "") { text, part in
            if isWanted(part.kind) { text += part.text }
        }
    }
}

/// A part of an answer.
package struct AccumulatedPart: Sendable {
    /// What the part is.
    package enum Kind: Equatable, Sendable {
        case text, refusal, reasoning
        /// Reasoning that only its maker can read: `escaped` is what the maker sent.
        case redactedReasoning
        /// A call of a function, numbered within the choice from 0: `escaped` is JSON text, which upstream need not have finished.
        /// The id is empty when upstream gave none.
        case toolCall(number: Int, id: String, name: String)
        /// A call of a custom tool: `escaped` is its text.
        case customCall(number: Int, id: String, name: String)
        /// A source for the text before it; `escaped` is empty.
        case citation(url: String, title: String)
        /// An image in base64.
        case image(mediaType: String)
    }

    /// What the part is.
    package let kind: Kind
    /// Its text as the inside of a JSON string.
    package internal(set) var escaped = ByteBuffer()
    /// The maker's bare signature of reasoning or of a call, as the inside of a JSON string; empty for none.
    package internal(set) var escapedSignature = ByteBuffer()

    /// Its text.
    package var text: String { escaped.bytes.jsonText(0..<escaped.count) }
    /// The maker's bare signature; empty for none.
    package var signature: String { escapedSignature.bytes.jsonText(0..<escapedSignature.count) }

    /// Whether it is a call of a function or a custom tool.
    package var isToolCall: Bool { callNumber != nil }

    /// The number of a call; `nil` when it is none.
    package var callNumber: Int? {
        switch kind {
        case .toolCall(let number, _, _), .customCall(let number, _, _): number
        default: nil
        }
    }
}
