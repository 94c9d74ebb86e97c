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
        record.isStream = capture.isEventStream
        record.hasAnswer = firstChunk != nil
        record.status = outcome == .clientDisconnected ? 499 : status
        record.outcome = outcome
        record.timeToFirstToken = capture.isEventStream ? firstChunk.map { $0 &- request.received } : nil
        record.headerText = request.headerText
        record.requestBody = requestBody
        record.requestBytes = requestBytes
        record.duration = service.loop.now &- request.received
        record.receivedAt = wallClockMicroseconds() &- Int64(clamping: record.duration / 1000)
        record.usage = capture.usage
        record.responseText = capture.text
        record.isTruncated = capture.isTruncated
        record.error = error
        if status >= 400 { record.refusedSecrets = request.shownSecrets }
        return record
    }
}
