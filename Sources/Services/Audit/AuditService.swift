// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
package import Telemetry

/// Keeps the latest records in memory and writes a line of each to the log.
package final class AuditService: AuditSink {
    private let log: Log
    private let metrics: GatewayMetrics
    private let limit: Int
    private let byteLimit: Int
    private var byteCount = 0
    /// The records kept, oldest first, behind `dropped` empty ones.
    private var records: [AuditRecord] = []
    /// To drop one at the front moves all others: they are emptied at once, and taken out many together.
    private var dropped = 0

    /// The records kept, oldest first.
    package var recent: ArraySlice<AuditRecord> { records.dropFirst(dropped) }

    /// Keeps up to `limit` records with up to `byteLimit` bytes of captured text.
    package init(log: Log, metrics: GatewayMetrics, limit: Int = 256, byteLimit: Int = 4 << 20) {
        self.log = log
        self.metrics = metrics
        self.limit = limit
        self.byteLimit = byteLimit
    }

    package func record(_ record: AuditRecord) {
        records.append(record)
        byteCount += record.byteCount
        while records.count - dropped > limit || byteCount > byteLimit, dropped < records.count {
            byteCount -= records[dropped].byteCount
            records[dropped] = AuditRecord()
            dropped += 1
        }
        if dropped >= limit {
            records.removeFirst(dropped)
            dropped = 0
        }
        count(record)
        log.info(
            "request",
            [
                "id": .text(record.requestID), "door": .text(record.door), "caller": .text(record.caller),
                "model": .text(record.requestedModel), "provider": .text(record.provider),
                "upstream_model": .text(record.model), "stream": .text(record.isStream ? "true" : "false"),
                "attempts": .integer(record.attempts), "status": .integer(record.status),
                "outcome": .text(record.outcome.rawValue),
                "first_token_ms": milliseconds(record.timeToFirstToken),
                "duration_ms": milliseconds(record.duration), "events": .integer(record.events),
                "input_tokens": count(record.usage?.input), "output_tokens": count(record.usage?.output),
                "error": .text(record.error ?? "-"),
            ])
    }

    private func count(_ tokens: Int?, _ kind: String, _ record: AuditRecord) {
        guard let tokens else { return }
        metrics.tokenUsage.with([
            "gen_ai_operation_name": "chat", "gen_ai_provider_name": record.provider,
            "gen_ai_request_model": label(record), "gen_ai_token_type": kind,
        ]).observe(Double(tokens))
    }

    /// The model as a label: a name that some provider answered to, so that names which clients make up do not become series.
    private func label(_ record: AuditRecord) -> String {
        record.hasAnswer || record.model.isEmpty ? record.model : "other"
    }

    private func milliseconds(_ nanoseconds: UInt64?) -> LogValue {
        nanoseconds.map { .integer(Int($0 / 1_000_000)) } ?? .text("-")
    }

    private func count(_ tokens: Int?) -> LogValue { tokens.map { .integer($0) } ?? .text("-") }

    private func count(_ record: AuditRecord) {
        metrics.countRequest(
            door: record.door, provider: record.provider, model: label(record), outcome: record.outcome)
        let seconds = Double(record.duration) / 1e9
        let labels: KeyValuePairs = [
            "gen_ai_operation_name": "chat", "gen_ai_provider_name": record.provider,
            "gen_ai_request_model": label(record),
        ]
        metrics.serverRequestDuration.with(labels).observe(seconds)
        count(record.usage?.input, "input", record)
        count(record.usage?.output, "output", record)
        guard let first = record.timeToFirstToken else { return }
        let firstSeconds = Double(first) / 1e9
        metrics.firstToken.observe(firstSeconds)
        metrics.serverTimeToFirstToken.with(labels).observe(firstSeconds)
        guard let output = record.usage?.output, output > 1 else { return }
        metrics.serverTimePerOutputToken.with(labels).observe((seconds - firstSeconds) / Double(output - 1))
    }
}

@available(*, unavailable)
extension AuditService: Sendable {}
