// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPClient
import Providers
import Reactor
import Storage
import Telemetry
import Testing

@testable import Services

@Suite("AnswerSpool") struct AnswerSpoolTests {
    private final class Bench {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-spool-\(UUID().uuidString)")
        let loop: EventLoop
        let metrics: GatewayMetrics
        let spool: AnswerSpool
        private var timer: LoopTimer?

        init(_ change: (inout SpoolPolicy) -> Void = { _ in }) throws {
            loop = try EventLoop()
            let log = Log(descriptor: 9999, level: .error)
            metrics = GatewayMetrics(log: log)
            var policy = SpoolPolicy(path: url.path)
            policy.flushInterval = 1_000_000
            change(&policy)
            spool = try AnswerSpool(loop, policy, log: log, metrics: metrics)
        }

        deinit {
            // Timers must not outlive their loop, and what holds them goes in no particular order.
            _ = Unmanaged.passRetained(loop)
            try? FileManager.default.removeItem(at: url)
        }

        var lost: UInt64 { metrics.spoolDropped.with(["reason": "queue"]).value }

        func begin(_ id: String, status: Int = 200) -> SpooledAnswer {
            let answer = spool.begin(SpoolFormatTests.head(id: id).origin)
            answer.receive(TransferHead(status: status))
            return answer
        }

        /// Runs the loop until the thread has written all.
        func drain() {
            spool.drain()
            run { [unowned self] in spool.isWritten }
        }

        func run(until isDone: @escaping () -> Bool) {
            let end = loop.now + 5_000_000_000
            let timer = LoopTimer(loop) { [unowned self] in
                if isDone() || loop.now > end { return loop.stop() }
                self.timer?.schedule(after: 1_000_000)
            }
            self.timer = timer
            timer.schedule(after: 1)
            loop.run()
        }

        func lines(_ id: String) -> [[String: Any]] {
            let bytes = (try? Data(contentsOf: url.appendingPathComponent("\(id)-1.jsonl"))) ?? Data()
            return (try? SpoolFormatTests.lines([UInt8](bytes))) ?? []
        }

        func size(_ id: String) -> Int {
            (try? Data(contentsOf: url.appendingPathComponent("\(id)-1.jsonl")))?.count ?? 0
        }

        func body(_ id: String) -> String {
            String(decoding: lines(id).compactMap { SpoolFormatTests.bytes(of: $0) }.flatMap { $0 }, as: UTF8.self)
        }
    }

    @Test("keeps an answer without being told to write") func flushes() throws {
        let bench = try Bench()
        let answer = bench.begin("stream_a")
        answer.receive(Array("hello".utf8).span)
        bench.run { bench.body("stream_a") == "hello" }
        #expect(bench.body("stream_a") == "hello" && bench.lines("stream_a").count == 2)
        answer.finish(.failed("upstream_truncated"))
        answer.finish(.cancelled)
        bench.drain()
        #expect(bench.lines("stream_a").count == 3 && bench.lines("stream_a").last?["error"] as? String == "upstream_truncated")
        #expect(bench.lost == 0)
    }

    @Test("makes no file for an answer without a body") func noBody() throws {
        let bench = try Bench()
        bench.begin("stream_a").finish(.complete)
        let asked = bench.spool.begin(SpoolFormatTests.head(id: "stream_b").origin)
        asked.finish(.failed("upstream_unreachable"))
        bench.drain()
        #expect(bench.spool.isWritten && bench.lines("stream_a").isEmpty && bench.lines("stream_b").isEmpty)
    }

    @Test("cuts an answer at its bound, and says so", arguments: [9, 10, 11]) func bound(_ size: Int) throws {
        let bench = try Bench { $0.answerLimit = 10 }
        let answer = bench.begin("stream_a")
        for _ in 0..<size { answer.receive([UInt8(ascii: "x")].span) }
        answer.receive([UInt8]().span)
        answer.finish(.complete)
        bench.drain()
        #expect(bench.body("stream_a").utf8.count == min(size, 10))
        let end = bench.lines("stream_a").last
        #expect(end?["end"] as? String == (size > 10 ? "truncated" : "complete"))
        #expect(end?["bytes"] as? Int == min(size, 10))
        #expect(bench.lost == 0, "what was so wanted is no loss")
    }

    @Test("keeps the part of a chunk that has room") func partOfChunk() throws {
        let bench = try Bench { $0.answerLimit = 10 }
        let answer = bench.begin("stream_a")
        answer.receive(Array("0123456789abc".utf8).span)
        answer.receive(Array("d".utf8).span)
        bench.drain()
        #expect(bench.body("stream_a") == "0123456789")
    }

    @Test("counts each answer once that the disk was too slow for, and keeps nothing behind the gap") func overflow() throws {
        let bench = try Bench()
        let before = bench.begin("stream_a")
        before.receive(Array("kept".utf8).span)
        bench.run { bench.body("stream_a") == "kept" }
        // From here on the queue takes nothing, as one that is full.
        bench.spool.drain()
        let new = bench.begin("stream_b")
        for _ in 0..<3 {
            before.receive(Array("lost".utf8).span)
            new.receive(Array("lost".utf8).span)
            bench.spool.drain()
        }
        #expect(bench.lost == 2)
        before.finish(.complete)
        new.finish(.complete)
        bench.drain()
        #expect(bench.lost == 2 && bench.body("stream_a") == "kept" && bench.lines("stream_b").isEmpty)
    }

    @Test("holds no more than a batch on the loop, whatever comes") func memory() throws {
        let bench = try Bench { $0.flushInterval = 3_600_000_000_000 }
        let answer = bench.begin("stream_a")
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 16 << 10)
        for _ in 0..<64 { answer.receive(chunk.span) }
        // The size alone: the thread may be in the middle of a line.
        bench.run { bench.size("stream_a") >= 3 << 18 }
        #expect(bench.size("stream_a") >= 3 << 18, "without a flush")
        answer.finish(.complete)
        bench.drain()
        #expect(bench.body("stream_a").utf8.count == 1 << 20)
    }
}
