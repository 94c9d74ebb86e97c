// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat

extension AuditRecord {
    /// Fills in the counts of tokens that the provider did not tell, and marks them as estimated.
    ///
    /// The output is a token for four bytes of what was captured, or one for each event where the capture was cut short.
    mutating func estimateUsage(input: Int, hasOutput: Bool) {
        guard hasAnswer, usage?.input == nil || (hasOutput && usage?.output == nil) else { return }
        var bytes = 0
        for choice in capture.choices {
            for part in choice.parts { bytes &+= part.escaped.count }
        }
        var output = (bytes &+ 3) / 4
        if isTruncated { output = max(output, events) }
        var known = usage ?? TokenUsage()
        if known.input == nil { known.input = input }
        if hasOutput, known.output == nil { known.output = output }
        usage = known
        isEstimated = true
    }
}
