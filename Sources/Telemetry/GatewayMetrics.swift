// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The metrics that users' dashboards rely on, declared once for the whole process.
///
/// Times are in seconds. The names that begin with `gen_ai_` are OpenTelemetry's for generative AI, with its
/// buckets. Give as model only names from the settings, and `other` for what a client made up.
package struct GatewayMetrics: Sendable {
    /// Where they are declared; further ones may be.
    package let registry: Metrics
    /// Streams being relayed.
    package let streamsActive: Gauge
    /// Calls to upstreams under way.
    package let upstreamTransfersActive: Gauge
    /// Requests ended, by `door`, `provider`, `model`, `outcome`.
    package let requests: MetricFamily<Counter>
    /// From the request received to the first token sent.
    package let firstToken: Histogram
    /// What Sluice itself adds to a request.
    package let overhead: Histogram
    /// By how much a timer of an event loop was late.
    package let loopLag: Histogram
    /// Bytes waiting for slow clients.
    package let outputBuffered: Gauge
    /// Audit records waiting to be written.
    package let auditQueueDepth: Gauge
    /// Audit records lost because the queue was full.
    package let auditDropped: Counter
    /// Answers that are not spooled whole, by `reason`.
    package let spoolDropped: MetricFamily<Counter>
    /// Virtual keys that are known and good.
    package let storedKeys: Gauge
    /// How often the virtual keys could not be read anew.
    package let keyRefreshFailures: Counter
    /// 1 while storage works, else 0; by `engine`.
    package let storageUp: MetricFamily<Gauge>
    /// Transactions that wait or are under way; by `engine`.
    package let storageQueueDepth: MetricFamily<Gauge>
    /// What storage did not do, by `kind`.
    package let storageErrors: MetricFamily<Counter>
    /// Events of upstreams that could not be understood and were skipped.
    package let malformedEvents: Counter
    /// Connections of clients.
    package let connectionsActive: Gauge
    /// Connections not accepted, by `reason`.
    package let connectionsRefused: MetricFamily<Counter>
    /// Requests refused by a limit of their caller, by `kind`.
    package let limitRefusals: MetricFamily<Counter>
    /// Requests whose limits could not be looked up, by `policy`: what was done with them.
    package let limitsUnavailable: MetricFamily<Counter>
    /// Tokens by `operation`, `provider`, `model` and `token_type`, each after `gen_ai_`.
    package let tokenUsage: MetricFamily<Histogram>
    /// Times of whole upstream calls.
    package let serverRequestDuration: MetricFamily<Histogram>
    /// Times to the first token of upstream calls.
    package let serverTimeToFirstToken: MetricFamily<Histogram>
    /// Mean times between two tokens of upstream calls.
    package let serverTimePerOutputToken: MetricFamily<Histogram>

    /// Declares all of them in a registry of its own, with the process's own figures.
    package init(log: Log) {
        let metrics = Metrics()
        registry = metrics
        streamsActive = metrics.gauge("sluice_streams_active", help: "Streams being relayed.")
        upstreamTransfersActive = metrics.gauge(
            "sluice_upstream_transfers_active", help: "Calls to upstreams under way.")
        requests = metrics.counters(
            "sluice_requests_total", help: "Requests ended.",
            labels: ["door", "provider", "model", "outcome"])
        firstToken = metrics.histogram(
            "sluice_first_token_seconds", help: "From the request received to the first token sent.",
            bounds: Buckets.firstToken)
        overhead = metrics.histogram(
            "sluice_overhead_seconds", help: "Time that the gateway itself adds to a request.",
            bounds: Buckets.overhead)
        loopLag = metrics.histogram(
            "sluice_loop_lag_seconds", help: "How late a timer of an event loop was.",
            bounds: Buckets.loopLag)
        outputBuffered = metrics.gauge(
            "sluice_output_buffered_bytes", help: "Bytes waiting for slow clients.")
        auditQueueDepth = metrics.gauge(
            "sluice_audit_queue_depth", help: "Audit records waiting to be written.")
        auditDropped = metrics.counter(
            "sluice_audit_dropped_total", help: "Audit records lost because the queue was full.")
        spoolDropped = metrics.counters(
            "sluice_audit_spool_dropped_total", help: "Answers that are not spooled whole.", labels: ["reason"])
        storedKeys = metrics.gauge("sluice_keys", help: "Virtual keys that are known and good.")
        keyRefreshFailures = metrics.counter(
            "sluice_key_refresh_failures_total", help: "Failed attempts to read changes of virtual keys.")
        storageUp = metrics.gauges(
            "sluice_storage_up", help: "Whether storage works: 1 or 0.", labels: ["engine"])
        storageQueueDepth = metrics.gauges(
            "sluice_storage_queue_depth", help: "Transactions that wait or are under way.", labels: ["engine"])
        storageErrors = metrics.counters(
            "sluice_storage_errors_total", help: "What storage did not do.", labels: ["kind"])
        malformedEvents = metrics.counter(
            "sluice_upstream_events_malformed_total", help: "Events of upstreams that were skipped.")
        connectionsActive = metrics.gauge("sluice_connections_active", help: "Connections of clients.")
        connectionsRefused = metrics.counters(
            "sluice_connections_refused_total", help: "Connections not accepted.", labels: ["reason"])
        limitRefusals = metrics.counters(
            "sluice_limit_refusals_total", help: "Requests refused by a limit of their caller.", labels: ["kind"])
        limitsUnavailable = metrics.counters(
            "sluice_limits_unavailable_total", help: "Requests whose limits could not be looked up.", labels: ["policy"])
        metrics.counter(
            "sluice_log_lines_dropped_total", help: "Log lines that nobody read in time."
        ) { Double(log.dropped) }

        let call = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
        tokenUsage = metrics.histograms(
            "gen_ai_client_token_usage", help: "Tokens of a request.",
            labels: call + ["gen_ai_token_type"], bounds: Buckets.tokens)
        serverRequestDuration = metrics.histograms(
            "gen_ai_server_request_duration", help: "Seconds that an upstream call took.",
            labels: call + ["error_type"], bounds: Buckets.requestDuration)
        serverTimeToFirstToken = metrics.histograms(
            "gen_ai_server_time_to_first_token", help: "Seconds to the first token of an upstream call.",
            labels: call, bounds: Buckets.serverFirstToken)
        serverTimePerOutputToken = metrics.histograms(
            "gen_ai_server_time_per_output_token", help: "Mean seconds between two tokens.",
            labels: call, bounds: Buckets.perToken)
        ProcessFigures.declare(in: metrics)
    }

    /// Counts a request that ended; an empty provider or model is one that was never chosen.
    package func countRequest(door: String, provider: String, model: String, outcome: Outcome) {
        requests.with(["door": door, "provider": provider, "model": model, "outcome": outcome.rawValue])
            .add()
    }

    /// Appends all metrics in Prometheus' text format 0.0.4.
    package func render(into buffer: inout ByteBuffer) { registry.render(into: &buffer) }
}
