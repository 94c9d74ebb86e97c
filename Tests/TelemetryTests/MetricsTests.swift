// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import Telemetry

@Suite("Metrics") struct MetricsTests {
    static func text(_ metrics: Metrics) -> String {
        var buffer = ByteBuffer()
        buffer.append("before\n")
        metrics.render(into: &buffer)
        return String(decoding: buffer.storage, as: UTF8.self)
    }

    @Test("are written in Prometheus' text format") func format() {
        let metrics = Metrics()
        let requests = metrics.counters("r_total", help: "A \n b.", labels: ["door", "model"])
        requests.with(["model": "a\"b\\c\nd\u{2028}", "door": "x"]).add(2)
        requests.with(["door": "x"]).add()
        let active = metrics.gauge("g", help: "G.")
        active.add(5)
        active.subtract(7)
        let times = metrics.histogram("h_seconds", help: "H.", bounds: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 3, .nan, .infinity] { times.observe(value) }
        metrics.gauge("read", help: "R.") { 1.5 }
        metrics.gauge("absent", help: "R.") { nil }
        #expect(
            Self.text(metrics) == """
                before
                # HELP r_total A \\n b.
                # TYPE r_total counter
                r_total{door="x",model=""} 1
                r_total{door="x",model="a\\"b\\\\c\\nd_"} 2
                # HELP g G.
                # TYPE g gauge
                g -2
                # HELP h_seconds H.
                # TYPE h_seconds histogram
                h_seconds_bucket{le="0.1"} 2
                h_seconds_bucket{le="1"} 3
                h_seconds_bucket{le="+Inf"} 4
                h_seconds_sum 3.65
                h_seconds_count 4
                # HELP read R.
                # TYPE read gauge
                read 1.5

                """)
    }

    @Test("put what is beyond 1000 sets of labels under 'other'") func bounded() {
        let metrics = Metrics()
        let family = metrics.counters("c", help: "", labels: ["model"])
        for number in 0..<5000 { family.with(["model": "m\(number)"]).add() }
        family.with(["model": "m1"]).add()
        let text = Self.text(metrics)
        #expect(text.split(separator: "\n").count == 1 + 2 + 1001)
        #expect(text.contains("c{model=\"other\"} 4000\n") && text.contains("c{model=\"m1\"} 2\n"))
        let long = Metrics()
        long.counters("c", help: "", labels: ["m"]).with(["m": String(repeating: "é", count: 500_000)]).add()
        #expect(Self.text(long).utf8.count < 200)
    }

    @Test("count exactly when many threads count") func exact() async {
        let metrics = Metrics()
        let counter = metrics.counter("c", help: "")
        let times = metrics.histogram("h", help: "", bounds: [1])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.add()
                        times.observe(.seconds(2))
                    }
                }
            }
        }
        #expect(counter.value == 40_000 && times.count == 40_000 && times.sum == 80_000)
    }

    @Test("include every family that dashboards rely on") func gateway() throws {
        let log = Log(descriptor: 9999)
        log.error("lost")
        let metrics = GatewayMetrics(log: log)
        metrics.countRequest(door: "openai-chat", provider: "sim", model: "m", outcome: .clientDisconnected)
        var buffer = ByteBuffer()
        metrics.render(into: &buffer)
        let text = String(decoding: buffer.storage, as: UTF8.self)
        for name in [
            "sluice_streams_active", "sluice_upstream_transfers_active", "sluice_requests_total",
            "sluice_first_token_seconds", "sluice_overhead_seconds", "sluice_loop_lag_seconds",
            "sluice_output_buffered_bytes", "sluice_audit_queue_depth", "sluice_audit_dropped_total",
            "sluice_upstream_events_malformed_total", "sluice_connections_active",
            "sluice_connections_refused_total", "sluice_log_lines_dropped_total", "gen_ai_client_token_usage",
            "gen_ai_server_request_duration", "gen_ai_server_time_to_first_token",
            "gen_ai_server_time_per_output_token", "process_resident_memory_bytes", "process_open_fds",
            "process_cpu_seconds_total", "process_start_time_seconds",
        ] {
            #expect(text.contains("# TYPE \(name) "), "\(name)")
        }
        #expect(
            text.contains(
                #"sluice_requests_total{door="openai-chat",provider="sim",model="m","#
                    + #"outcome="client_disconnected"} 1"#
            ))
        #expect(text.contains("sluice_log_lines_dropped_total 1\n"))
    }

    @Test("know the process") func process() throws {
        let memory = try #require(ProcessFigures.residentMemory)
        #expect(memory > 1e6 && memory < 1e11)
        let files = try #require(ProcessFigures.openDescriptors)
        #expect(files >= 3 && files < 100_000)
        let cpu = try #require(ProcessFigures.cpuSeconds)
        #expect(cpu > 0)
        let start = try #require(ProcessFigures.startTime)
        let now = Double(LogTime.now.milliseconds) / 1000
        #expect(start < now + 2 && start > now - 3600)
    }
}
