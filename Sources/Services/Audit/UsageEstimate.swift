// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat

/// Counts tokens where the provider did not: about one for four bytes.
///
/// It misses what nobody sees, such as hidden reasoning; what comes of it is marked as an estimate.
package struct UsageEstimate: Sendable {
    /// About how many tokens the request has.
    let input: Int
    /// Bytes of what was said and called.
    let seenBytes: Int
    /// Whether the answer came to its orderly end, so that what it reported is its last word.
    let isComplete: Bool

    package init(input: Int, seenBytes: Int, isComplete: Bool) {
        self.input = input
        self.seenBytes = seenBytes
        self.isComplete = isComplete
    }

    /// What was used, and whether some of it is an estimate: `reported` with what it lacks.
    ///
    /// The output of an answer that was cut short is at least what was seen of it, as some providers report a 1 when they begin.
    /// No count is negative.
    package func completing(_ reported: TokenUsage?) -> (usage: TokenUsage, isEstimated: Bool) {
        var usage = reported ?? TokenUsage()
        var isEstimated = false
        if usage.input == nil {
            usage.input = input
            isEstimated = true
        }
        let seen = seenBytes / 4 + (seenBytes % 4 == 0 ? 0 : 1)
        if usage.output == nil, seenBytes > 0 || reported == nil {
            usage.output = seen
            isEstimated = true
        } else if !isComplete, let output = usage.output, output < seen {
            usage.output = seen
            isEstimated = true
        }
        usage.input = usage.input.map { max(0, $0) }
        usage.output = usage.output.map { max(0, $0) }
        usage.cached = usage.cached.map { max(0, $0) }
        usage.cacheWritten = usage.cacheWritten.map { max(0, $0) }
        usage.reasoning = usage.reasoning.map { max(0, $0) }
        return (usage, isEstimated)
    }
}
