// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What an encoder remembers of a choice that it writes.
struct OpenAIWrittenChoice: Sendable {
    let index: Int
    var isFinished = false
    var hasCalls = false
    var hasRefused = false
    /// Whether the block of reasoning that was begun last goes on.
    var isReasoning = false
    var reasoningCount = 0
    var imageCount = 0
    /// The signature of the call that comes next.
    var signature = ByteBuffer()
    var calls: [OpenAIWrittenCall] = []

    init(index: Int) {
        self.index = index
    }

    /// Begins a block of reasoning unless one is open.
    mutating func beginReasoning() {
        guard !isReasoning else { return }
        isReasoning = true
        reasoningCount &+= 1
    }
}

/// What an encoder remembers of a call that it writes.
struct OpenAIWrittenCall: Sendable {
    let number: Int
    let isCustom: Bool
    /// Whether upstream knows the custom tool as a function, from whose arguments the text is taken at the end.
    let isWrapped: Bool
    /// Whether nothing came yet.
    var isEmpty = true
    private(set) var arguments = ByteBuffer()

    init(number: Int, isCustom: Bool, isWrapped: Bool) {
        self.number = number
        self.isCustom = isCustom
        self.isWrapped = isWrapped
    }

    /// Keeps a piece of arguments, still escaped.
    mutating func keep(_ data: Span<UInt8>, _ slice: Range<Int>) {
        arguments.append(data, slice)
    }
}
