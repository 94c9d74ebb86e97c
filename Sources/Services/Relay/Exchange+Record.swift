// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
package import HTTPClient
internal import Providers
internal import Reactor
internal import Storage
internal import Telemetry

/// What an exchange leaves behind.
extension Exchange {
    /// Keeps of the request what its record needs, and lets the rest go: nobody else will be asked.
    func letGoOfRequest() {
        guard let request else { return }
        self.request = nil
        estimatedInput = request.chat.estimatedTokens
        // What was composed is written out anew for the record, which costs something.
        let body = request.isComposed && relay.policy.requestLimit == 0 ? [] : request.recordedBody
        record.requestBytes = body.count
        keptBytes = relay.keep(min(body.count, relay.policy.requestLimit))
        // A copy, as the body's own storage may be twice its size.
        record.requestBody = Array(body.prefix(keptBytes))
    }

    package func receive(_ head: TransferHead) { answerFields = head.fields }

    /// Writes the record's last words, as the exchange has ended.
    func complete(_ outcome: Outcome) {
        record.outcome = outcome
        record.streamID = attribution?.streamID ?? ""
        if record.status == 0 { record.status = outcome == .clientDisconnected ? 499 : 200 }
        record.duration = relay.loop.now &- received
        record.timeToFirstToken = record.isWhole ? nil : firstEvent.map { $0 &- received }
        record.hasAnswer = firstEvent != nil
        record.receivedAt = wallClockMicroseconds() &- Int64(clamping: record.duration / 1000)
        account()
        if relay.policy.keepsContent { record.answerHeaderText = Redaction.headers(answerFields, without: shownSecrets) }
        record.isTruncated = accumulator.isTruncated
        record.capture = accumulator
    }

    /// Says what was used and what it costs.
    private func account() {
        record.usage = accumulator.usage
        guard operation != .countTokens, record.hasAnswer else { return }
        let estimate = UsageEstimate(
            input: estimatedInput, seenBytes: operation == .chat ? accumulator.seenBytes : 0,
            isComplete: record.outcome == .completed)
        (record.usage, record.isEstimated) = estimate.completing(accumulator.usage)
        if let price = current?.price, let usage = record.usage { record.cost = price.cost(of: usage) }
    }

    /// What a provider did that ended an answer without anything in it.
    var emptyAnswer: UpstreamFailure {
        UpstreamFailure(
            .transient,
            ChatFailure(
                status: 502, message: "The provider '\(record.provider)' ended its answer without saying anything.",
                type: "upstream_error", code: "upstream_empty"))
    }
}
