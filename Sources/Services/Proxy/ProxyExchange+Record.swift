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
        record.requestBody = requestBody
        record.requestBytes = requestBytes
        record.duration = service.loop.now &- request.received
        record.receivedAt = wallClockMicroseconds() &- Int64(clamping: record.duration / 1000)
        // What is looked up was used, and counted, before.
        if request.method != "GET", request.method != "HEAD" { record.usage = capture.usage }
        record.responseText = capture.text
        record.isTruncated = capture.isTruncated
        record.error = error
        return record
    }
}
