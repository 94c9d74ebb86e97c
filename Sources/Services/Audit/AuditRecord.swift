// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Telemetry

/// The account of one exchange, made when it has ended.
package struct AuditRecord: Sendable {
    package var requestID = ""
    package var door = ""
    /// Who asked: a masked key or an address.
    package var caller = ""
    /// The model as the client named it.
    package var requestedModel = ""
    package var provider = ""
    /// The model as the provider calls it.
    package var model = ""
    package var attempts = 0
    package var isStream = false
    /// Whether the provider's answer came in one piece, so that no time of a first token can be told.
    package var isWhole = false
    /// Whether a provider answered at all, rather than refuse or fail.
    package var hasAnswer = false
    package var status = 0
    package var outcome = Outcome.completed
    /// Nanoseconds from the request's head to the first event; `nil` when none came.
    package var timeToFirstToken: UInt64?
    /// Nanoseconds from the request's head to the end.
    package var duration: UInt64 = 0
    /// Events that went to the client.
    package var events = 0
    package var usage: TokenUsage?
    /// What was said, as far as it was captured, still escaped: reading it out is for who reads it.
    package var capture = ChatAccumulator(limit: 0)
    /// What was said in an answer that was handed on as it is, in place of `capture`.
    package var responseText: String?
    /// Whether the capture's bound was reached.
    package var isTruncated = false
    /// What went wrong, for the operator.
    package var error: String?

    /// The text of the answer, or of its first choice.
    package var text: String { responseText ?? capture.text }

    /// The bytes that were captured.
    package var byteCount: Int { capture.byteCount + (responseText?.utf8.count ?? 0) }

    package init() {}
}

/// A place that records are handed to; must return at once.
package protocol AuditSink: AnyObject {
    /// Takes a record; a sink that cannot keep it counts the loss.
    func record(_ record: AuditRecord)
}
