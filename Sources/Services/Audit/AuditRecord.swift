// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
package import Storage
package import Telemetry

/// The account of one exchange, made when it has ended.
package struct AuditRecord: Sendable {
    package var requestID = ""
    package var door = ""
    /// The identifier of the stream that answered; empty when nobody was asked.
    package var streamID = ""
    /// When the head was complete, in microseconds since 1970.
    package var receivedAt: Int64 = 0
    /// Who asked.
    package var caller = Caller(name: "")
    /// The model as the client named it.
    package var requestedModel = ""
    package var provider = ""
    /// The model as the provider calls it.
    package var model = ""
    package var attempts = 0
    /// Who was asked, and what became of it, in order; without the one that answered.
    package var failedAttempts: [FailedAttempt] = []
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
    /// Whether `usage` was counted here, because the provider did not say.
    package var isEstimated = false
    /// What it cost; `nil` when the model has no price or was not asked.
    package var cost: Money?
    /// What of the client's head is recorded, without credentials.
    package var headerText = ""
    /// What of the head of upstream's answer is recorded, without credentials.
    package var answerHeaderText = ""
    /// The client's body, as far as it is kept.
    package var requestBody: [UInt8] = []
    /// The bytes of the client's body, kept or not.
    package var requestBytes = 0
    /// What was answered, where it is not in `capture`: of what was handed on without a look at its meaning.
    package var responseText: String?
    /// The credentials that upstream was shown, when it refused what was handed on: it may repeat them. `nil` where it did not refuse.
    package var refusedSecrets: KnownSecrets?
    /// What was said, as far as it was captured, still escaped: reading it out is for who reads it.
    package var capture = ChatAccumulator(limit: 0)
    /// Whether it was refused before anybody was admitted: strangers can make as many of these as they like.
    package var isStranger = false
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

/// One provider that was asked in vain.
package struct FailedAttempt: Sendable, Equatable {
    package var provider: String
    /// The model, as the provider calls it.
    package var model: String
    /// Why it did not answer.
    package var error: String

    package init(provider: String, model: String, error: String) {
        self.provider = provider
        self.model = model
        self.error = error
    }
}

/// A place that records are handed to; must return at once.
package protocol AuditSink: AnyObject {
    /// Takes a record; a sink that cannot keep it counts the loss.
    func record(_ record: AuditRecord)
    /// Whether new requests may begin: not when their records could not be kept although they have to be.
    var isOpen: Bool { get }
}
