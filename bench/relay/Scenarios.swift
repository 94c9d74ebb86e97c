// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What `relay-load client` can do; each prints JSON lines, and times in nanoseconds.
struct Scenarios {
    let arguments: Arguments
    let answers: String?
    let port: UInt16
    let model: String

    init(_ arguments: Arguments) {
        self.arguments = arguments
        port = arguments.port("port")
        model = arguments.text("model", "unary")
        let dialect = arguments.text("answers", "")
        answers = dialect.isEmpty ? nil : dialect
    }

    func run(_ name: String) {
        switch name {
        case "paced": paced()
        case "renew": renew()
        case "burst": burst()
        case "unary": unary()
        case "hold": hold()
        case "stall": stall()
        case "cancel": cancel()
        default: fail("no scenario \(name)")
        }
    }

    /// Latency and count of events over `--seconds`, with `--streams` streams open before it begins.
    private func paced() {
        let load = StreamLoad(port: port, model: model, answers: answers)
        load.open(arguments.number("streams"))
        // One interval or more, so that no stream is still in its start.
        load.run(until: monotonicNow() + 200_000_000)
        load.recorder.startOver()
        load.recorder.keepsLatencies = true
        let begin = monotonicNow()
        report("begin", [:])
        load.run(until: begin + Int64(arguments.number("seconds")) * 1_000_000_000)
        let nanoseconds = monotonicNow() - begin
        report(
            "end",
            [
                "events": load.recorder.events, "nanoseconds": Int(nanoseconds), "live": load.live,
                "reads": load.reads,
            ],
            load.recorder.latencies)
        _ = load.closeAll()
    }

    /// Latency and count of events over `--seconds`, while each of `--streams` streams that is complete is followed by another.
    ///
    /// They begin at random times, spread over the `--length` of a stream, in milliseconds: neither their chunks nor their ends
    /// come at the same time.
    private func renew() {
        let load = StreamLoad(port: port, model: model, answers: answers)
        load.renews = true
        let streams = arguments.number("streams")
        let length = Int64(arguments.number("length")) * 1_000_000
        for _ in 0..<streams {
            load.begin(1)
            load.run(until: monotonicNow() + Int64.random(in: 0...2 * length / Int64(streams)))
        }
        load.recorder.startOver()
        load.recorder.keepsLatencies = true
        let completed = load.completed
        report("begin", [:])
        let begin = monotonicNow()
        load.run(until: begin + Int64(arguments.number("seconds")) * 1_000_000_000)
        report(
            "end",
            [
                "events": load.recorder.events, "nanoseconds": Int(monotonicNow() - begin), "live": load.live,
                "completed": load.completed - completed, "broken": load.broken,
            ],
            load.recorder.latencies)
        _ = load.closeAll()
    }

    /// Every event of `--streams` bursts, to the end.
    private func burst() {
        let load = StreamLoad(port: port, model: model, answers: answers)
        let streams = arguments.number("streams")
        report("begin", [:])
        let begin = monotonicNow()
        load.open(streams)
        load.run(until: begin + 60_000_000_000)
        report(
            "end",
            [
                "events": load.recorder.events, "nanoseconds": Int(monotonicNow() - begin),
                "reads": load.reads,
                "completed": load.completed, "broken": load.broken + load.live,
            ])
    }

    /// Requests answered over `--seconds` on `--connections` keep-alive connections, after a short warm-up.
    private func unary() {
        let load = UnaryLoad(port: port, model: model, connections: arguments.number("connections"))
        load.run(until: monotonicNow() + 300_000_000)
        load.startOver()
        report("begin", [:])
        let begin = monotonicNow()
        load.run(until: begin + Int64(arguments.number("seconds")) * 1_000_000_000)
        let nanoseconds = monotonicNow() - begin
        report("end", ["requests": load.answered, "nanoseconds": Int(nanoseconds)], load.latencies)
    }

    /// Holds `--streams` streams open until standard input says something.
    private func hold() {
        let load = StreamLoad(port: port, model: model, answers: answers)
        load.open(arguments.number("streams"))
        report("begin", ["live": load.live])
        waitForStandardInput()
        load.run(until: monotonicNow() + 1_000_000)
        report("end", ["live": load.live])
        _ = load.closeAll()
    }

    /// Holds `--streams` endless streams without reading them, from their first event on.
    private func stall() {
        let load = StreamLoad(port: port, model: model, answers: answers)
        load.open(arguments.number("streams"))
        load.stall()
        report("begin", ["live": load.live])
        waitForStandardInput()
        _ = load.closeAll()
        report("end", [:])
    }

    /// Closes `--streams` streams at once and asks `--upstream-port` when it saw each go.
    private func cancel() {
        let control = UpstreamControl(port: arguments.port("upstream-port"))
        control.forgetCloses()
        let load = StreamLoad(port: port, model: model, answers: answers)
        let streams = arguments.number("streams")
        load.open(streams)
        load.run(until: monotonicNow() + 300_000_000)
        let left = load.closeAll()
        let deadline = monotonicNow() + 3_000_000_000
        var seen: [(tag: Int, time: Int64)] = []
        // The first question waits: asking takes the load's core from the upstream that is measured.
        repeat {
            usleep(200_000)
            seen = control.closes()
        } while seen.count < streams && monotonicNow() < deadline
        let delays = seen.compactMap { close in left[close.tag].map { close.time - $0 } }
        report("end", ["closed": left.count, "seen": delays.count], delays)
    }

    /// One JSON line: the phase, the figures, and quantiles of `samples` if there are any.
    private func report(_ phase: String, _ figures: KeyValuePairs<String, Int>, _ samples: [Int64] = []) {
        var fields = ["\"phase\":\"\(phase)\""] + figures.map { "\"\($0.key)\":\($0.value)" }
        if !samples.isEmpty {
            let sorted = samples.sorted()
            for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
                // Nearest rank.
                let rank = max(1, Int((quantile * Double(sorted.count)).rounded(.up)))
                fields.append("\"\(name)\":\(sorted[rank - 1])")
            }
        }
        printLine("{" + fields.joined(separator: ",") + "}")
    }
}
