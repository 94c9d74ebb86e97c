// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Providers
internal import Reactor
internal import Telemetry

extension ProxyExchange {
    /// The account of the exchange, which has ended.
    func record(_ outcome: Outcome) -> AuditRecord {
        var record = AuditRecord()
        record.requestID = request.id
        record.streamID = streamID
        record.door = request.door
        record.caller = request.caller
        record.provider = request.target.name
        record.attempts = 1
        record.isStream = capture.isStream
        record.hasAnswer = firstChunk != nil && status < 400
        record.status = outcome == .clientDisconnected ? 499 : status
        record.outcome = outcome
        record.timeToFirstToken = capture.isStream ? firstChunk.map { $0 &- request.received } : nil
        record.headerText = request.headerText
        if service.relay.policy.keepsContent {
            record.answerHeaderText = Redaction.headers(answerFields, without: shownSecrets)
        }
        record.requestBody = requestBody
        record.requestBytes = requestBytes
        record.duration = service.loop.now &- request.received
        record.receivedAt = wallClockMicroseconds() &- Int64(clamping: record.duration / 1000)
        account(&record)
        record.responseText = capture.text
        record.isTruncated = capture.isTruncated
        record.error = error
        if status >= 400 { record.refusedSecrets = shownSecrets }
        return record
    }

    /// Says which model answered, what it used and what that cost.
    private func account(_ record: inout AuditRecord) {
        record.requestedModel = asked.name
        // What is looked up was used, and counted, before.
        if request.method != "GET", request.method != "HEAD" { record.usage = capture.usage }
        // Only where upstream speaks of a model or of tokens: a client's word alone must not make up names in sums and metrics.
        guard record.hasAnswer, capture.model != nil || capture.usage != nil else { return }
        let told = capture.model ?? ""
        record.model = asked.name.isEmpty ? told : asked.name
        guard let usage = record.usage else { return }
        let plan = service.relay.plan
        let price =
            plan.price(provider: record.provider, model: record.model) ?? plan.price(provider: record.provider, model: told)
        record.cost = price?.cost(of: usage)
    }
}
