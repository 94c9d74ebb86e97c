// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Storage
package import Telemetry

/// Counts each record, writes a line of it to the log, and hands it on to be stored.
package final class AuditService: AuditSink {
    private let log: Log
    private let metrics: GatewayMetrics
    /// Models that have series of their own in the metrics, and how many may have.
    private var labels: Set<String> = []
    private static let maxLabels = 500
    /// Who stores records; `nil` stores none.
    private let recorder: AuditRecorder?

    package init(log: Log, metrics: GatewayMetrics, recorder: AuditRecorder? = nil) {
        self.log = log
        self.metrics = metrics
        self.recorder = recorder
    }

    package var isOpen: Bool { recorder?.isOpen ?? true }

    package func record(_ record: AuditRecord) {
        recorder?.record(record)
        count(record)
        log.info(
            "request",
            [
                "id": .text(record.requestID), "door": .text(record.door), "caller": .text(record.caller.name),
                "model": .text(Redaction.text(record.requestedModel)), "provider": .text(record.provider),
                "upstream_model": .text(Redaction.text(record.model)), "stream": .text(record.isStream ? "true" : "false"),
                "attempts": .integer(record.attempts), "status": .integer(record.status),
                "outcome": .text(record.outcome.rawValue),
                "first_token_ms": milliseconds(record.timeToFirstToken),
                "duration_ms": milliseconds(record.duration), "events": .integer(record.events),
                "input_tokens": count(record.usage?.input), "output_tokens": count(record.usage?.output),
                "cost_nanos": count(record.cost.map { Int($0.nanos) }),
                "error": .text(record.error.map { Redaction.text($0) } ?? "-"),
            ])
    }

    private func count(_ tokens: Int?, _ kind: String, _ record: AuditRecord) {
        guard let tokens else { return }
        metrics.tokenUsage.with([
            "gen_ai_operation_name": "chat", "gen_ai_provider_name": record.provider,
            "gen_ai_request_model": label(record), "gen_ai_token_type": kind,
        ]).observe(Double(tokens))
    }

    /// The model as a label: a name that some provider answered to, so that names which clients make up do not become series. Some
    /// providers answer to any name, so that there is a bound, and a key may stand in its place.
    private func label(_ record: AuditRecord) -> String {
        let model = record.model
        guard !model.isEmpty, !labels.contains(model) else { return model }
        guard record.hasAnswer, labels.count < AuditService.maxLabels, model.utf8.count <= 128,
            model.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), Redaction.text(model) == model
        else { return "other" }
        labels.insert(model)
        return model
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
