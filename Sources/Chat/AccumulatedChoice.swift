// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes
import JSON

/// One choice of an answer as far as it was folded.
package struct AccumulatedChoice: Sendable {
    /// The number that the answer gave it.
    package let index: Int
    /// The visible text, as the inside of a JSON string.
    package internal(set) var escapedText = ByteBuffer()
    /// The refusal, as the inside of a JSON string.
    package internal(set) var escapedRefusal = ByteBuffer()
    /// The reasoning, as the inside of a JSON string.
    package internal(set) var escapedReasoning = ByteBuffer()
    /// The tool calls in the order they began.
    package internal(set) var toolCalls: [AccumulatedToolCall] = []
    /// Why it ended; `nil` when it did not.
    package internal(set) var finish: FinishReason?

    /// The visible text.
    package var text: String { escapedText.jsonText }
    /// The text of the refusal.
    package var refusal: String { escapedRefusal.jsonText }
    /// The text of the reasoning.
    package var reasoning: String { escapedReasoning.jsonText }

    /// Which of the texts a piece belongs to.
    enum TextKind { case text, refusal, reasoning }

    init(index: Int) {
        self.index = index
    }

    /// Appends in place: a key path would copy the text for every piece.
    mutating func append(_ data: Span<UInt8>, _ range: Range<Int>, to kind: TextKind) {
        switch kind {
        case .text: escapedText.append(data, range)
        case .refusal: escapedRefusal.append(data, range)
        case .reasoning: escapedReasoning.append(data, range)
        }
    }
}

/// One tool call as far as it was folded.
package struct AccumulatedToolCall: Sendable {
    /// Its number within the choice, from 0.
    package let number: Int
    /// The id that its result refers to; empty when upstream gave none.
    package let id: String
    /// The function's name.
    package let name: String
    /// The arguments, JSON text as the inside of a JSON string.
    package internal(set) var escapedArguments = ByteBuffer()

    /// The arguments as JSON text, which upstream need not have finished.
    package var arguments: String { escapedArguments.jsonText }

    init(number: Int, id: String, name: String) {
        self.number = number
        self.id = id
        self.name = name
    }
}

extension ByteBuffer {
    /// What the inside of a JSON string says.
    fileprivate var jsonText: String { bytes.jsonText(0..<count) }
}
