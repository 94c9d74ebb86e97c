// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// Keeps the latest records in memory and writes a line of each to the log.
package final class AuditService: AuditSink {
    private let log: Log
    private let metrics: GatewayMetrics
    private let limit: Int
    private var records: [AuditRecord] = []
    private var oldest = 0

    /// Keeps up to `limit` records.
    package init(log: Log, metrics: GatewayMetrics, limit: Int = 256) {
        self.log = log
        self.metrics = metrics
        self.limit = limit
    }

    /// The records kept, oldest first.
    package var recent: [AuditRecord] { Array(records[oldest...] + records[..<oldest]) }

    package func record(_ record: AuditRecord) {
        if records.count < limit {
            records.append(record)
        } else {
            records[oldest] = record
            oldest = (oldest + 1) % limit
        }
        count(record)
        log.info(
            "request",
            [
                "id": record.requestID, "door": record.door, "caller": record.caller,
                "model": record.requestedModel, "provider": record.provider, "upstream_model": record.model,
                "stream": record.isStream ? "true" : "false", "status": String(record.status),
                "outcome": record.outcome.rawValue,
                "first_token_ms": record.timeToFirstToken.map { String($0 / 1_000_000) } ?? "-",
                "duration_ms": String(record.duration / 1_000_000), "events": String(record.events),
                "input_tokens": record.usage?.input.map { String($0) } ?? "-",
                "output_tokens": record.usage?.output.map { String($0) } ?? "-",
                "error": record.error ?? "-",
            ])
    }

    private func count(_ record: AuditRecord) {
        metrics.countRequest(
            door: record.door, provider: record.provider, model: record.model, outcome: record.outcome)
        let seconds = Double(record.duration) / 1e9
        let labels: KeyValuePairs = ["gen_ai_provider_name": record.provider, "gen_ai_request_model": record.model]
        metrics.serverRequestDuration.with(labels).observe(seconds)
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
