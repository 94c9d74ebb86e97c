// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Bytes
import Chat
import Reactor
import Storage
import Telemetry
import Testing

@testable import Services

/// A database that answers as it is told to, soon and on its loop.
private final class ScriptedDatabase: Database {
    let loop: EventLoop
    var health: StorageHealth { .well }
    var pending = 0
    /// What becomes of the writes to come; after the last all succeed.
    var script: [StorageError?] = []
    /// Whether writes are not answered at all.
    var isStuck = false
    /// Identifiers of the rows that were written, in order.
    var stored: [String] = []
    /// Identifiers of each attempt.
    var attempts: [[String]] = []

    init(_ loop: EventLoop) { self.loop = loop }

    func write(_ statements: [SQLStatement], _ done: @escaping (Result<[SQLRows], StorageError>) -> Void) {
        let requests = statements.filter { $0.text.hasPrefix("INSERT INTO audit") }.compactMap { $0.parameters[1].text }
        attempts.append(requests)
        guard !isStuck else { return }
        let error = script.isEmpty ? nil : script.removeFirst()
        loop.deferred { [self] in
            if let error { return done(.failure(error)) }
            stored += requests
            done(.success(statements.map { _ in SQLRows() }))
        }
    }

    func read(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) {
        loop.deferred { done(.failure(.closed)) }
    }

    func search(_ statement: SQLStatement, _ done: @escaping (Result<SQLRows, StorageError>) -> Void) { read(statement, done) }

    func close(_ done: @escaping () -> Void) { loop.deferred(done) }
}

@Suite("AuditService") struct AuditServiceTests {
    private final class Bench {
        let loop: EventLoop
        let database: ScriptedDatabase
        let recorder: AuditRecorder
        let service: AuditService
        let metrics: GatewayMetrics
        private var timer: LoopTimer?

        init(_ change: (inout AuditPolicy) -> Void = { _ in }) throws {
            loop = try EventLoop()
            database = ScriptedDatabase(loop)
            let log = Log(descriptor: 9999, level: .error)
            metrics = GatewayMetrics(log: log)
            var policy = AuditPolicy()
            policy.flushInterval = 1_000_000
            change(&policy)
            recorder = AuditRecorder(loop, AuditStore(database), policy, log: log, metrics: metrics)
            service = AuditService(log: log, metrics: metrics, recorder: recorder)
        }

        deinit {
            // Timers must not outlive their loop, and what holds them goes in no particular order.
            _ = Unmanaged.passRetained(loop)
        }

        func record(_ numbers: Range<Int>, status: Int = 200, isStranger: Bool = false) {
            for number in numbers {
                var record = AuditRecord()
                record.requestID = "req_\(number)"
                record.attempts = status == 200 ? 1 : 0
                record.status = status
                record.isStranger = isStranger
                record.receivedAt = 1_000_000
                service.record(record)
            }
        }

        /// Runs the loop until all that waits is stored, or for as many milliseconds.
        func run(_ milliseconds: UInt64 = 3000, until isDone: @escaping () -> Bool) {
            let end = loop.now + milliseconds * 1_000_000
            let timer = LoopTimer(loop) { [unowned self] in
                if isDone() || loop.now > end { return loop.stop() }
                self.timer?.schedule(after: 1_000_000)
            }
            self.timer = timer
            timer.schedule(after: 1_000_000)
            loop.run()
        }

        func settle() { run { [unowned self] in recorder.waiting == 0 } }
    }

    private static func ids(_ range: Range<Int>) -> [String] { range.map { "req_\($0)" } }

    @Test("stores records that come close together in one transaction") func batch() throws {
        let bench = try Bench()
        bench.record(0..<10)
        #expect(bench.metrics.auditQueueDepth.value == 10)
        bench.settle()
        #expect(bench.database.attempts == [Self.ids(0..<10)])
        #expect(bench.metrics.auditQueueDepth.value == 0 && bench.metrics.auditDropped.value == 0)
    }

    @Test("does not wait for the interval when a batch is full") func fullBatch() throws {
        let bench = try Bench { $0.flushInterval = 3_600_000_000_000 }
        bench.record(0..<64)
        bench.settle()
        #expect(bench.database.stored == Self.ids(0..<64))
    }

    @Test("tries again after failures until it succeeds, and loses nothing") func retries() throws {
        let bench = try Bench()
        // The last is what a missing table gives.
        bench.database.script = [.unavailable("x"), .full("x"), .statement("x")]
        bench.record(0..<3)
        bench.settle()
        #expect(bench.database.stored == Self.ids(0..<3))
        #expect(bench.database.attempts.count == 4 && bench.metrics.auditDropped.value == 0)
    }

    @Test("gives up the one row that the database never takes") func poison() throws {
        let bench = try Bench()
        // The batch, then the first two rows by themselves.
        bench.database.script = [.value("x"), nil, .conflict("x")]
        bench.record(0..<4)
        bench.settle()
        #expect(bench.database.stored == ["req_0", "req_2", "req_3"] && bench.metrics.auditDropped.value == 1)
    }

    @Test("goes on after a failure that was followed by a row that the database never takes") func poisonAfterFailure() throws {
        let bench = try Bench()
        bench.database.script = [.unavailable("locked"), .value("never")]
        bench.record(0..<1)
        bench.settle()
        #expect(bench.metrics.auditDropped.value == 1)
        bench.record(1..<4)
        bench.settle()
        #expect(bench.recorder.waiting == 0 && bench.database.stored == Self.ids(1..<4))
    }

    @Test("gives series of their own to so many models only, and to none that is a key") func labels() throws {
        let bench = try Bench()
        func answered(_ model: String) {
            var record = AuditRecord()
            (record.model, record.hasAnswer) = (model, true)
            bench.service.record(record)
        }
        answered("sk-proj-0123456789abcdef")
        answered("broken\nname")
        for number in 0..<600 { answered("made-up-\(number)") }
        answered("made-up-0")
        var text = ByteBuffer()
        bench.metrics.render(into: &text)
        let lines = String(decoding: text.storage, as: UTF8.self)
        #expect(lines.contains("made-up-499\"") && !lines.contains("made-up-500\"") && lines.contains("\"other\""))
        #expect(!lines.contains("0123456789abcdef") && !lines.contains("broken"))
    }

    @Test("goes on when open although the queue is full, and counts what is lost") func open() throws {
        let bench = try Bench { $0.queueRows = 16 }
        bench.database.isStuck = true
        bench.record(0..<20)
        #expect(bench.recorder.waiting == 16 && bench.metrics.auditDropped.value == 4 && bench.service.isOpen)
    }

    @Test("lets nobody begin when closed while the oldest row waits for too long, until it is stored") func closed() throws {
        let bench = try Bench {
            $0.onFailure = .closed
            $0.patience = 20_000_000
        }
        bench.database.script = [.full("x"), .full("x")]
        bench.record(0..<3)
        #expect(bench.service.isOpen)
        bench.run { !bench.service.isOpen }
        #expect(!bench.service.isOpen)
        bench.settle()
        #expect(bench.service.isOpen && bench.database.stored == Self.ids(0..<3))
    }

    @Test("keeps all rows of requests under way when closed, up to twice the size of the queue") func closedKeepsAll() throws {
        let bench = try Bench {
            $0.onFailure = .closed
            $0.queueRows = 20
        }
        bench.database.script = [.full("x")]
        bench.record(0..<40)
        #expect(!bench.service.isOpen)
        bench.settle()
        #expect(bench.database.stored == Self.ids(0..<40) && bench.metrics.auditDropped.value == 0)
    }

    @Test(
        "stores few of the requests that nobody was admitted for, so that a flood of them fills no disk",
        arguments: [401, 400, 403])
    func strangers(_ status: Int) throws {
        let bench = try Bench()
        bench.record(0..<500, status: status, isStranger: true)
        bench.settle()
        #expect(bench.database.stored.count == 10 && bench.metrics.auditDropped.value == 0)
    }

    @Test("stores every refusal of somebody who was admitted") func admitted() throws {
        let bench = try Bench()
        bench.record(0..<50, status: 403)
        bench.settle()
        #expect(bench.database.stored.count == 50)
    }

    @Test("stores at once what waits when it drains") func drains() throws {
        let bench = try Bench { $0.flushInterval = 3_600_000_000_000 }
        bench.record(0..<3)
        bench.recorder.drain()
        bench.record(3..<5)
        bench.settle()
        #expect(bench.database.stored == Self.ids(0..<5))
    }

    @Test("says at once that nothing waits, and stores at once what somebody waits for, not what comes later")
    func barrier() throws {
        let bench = try Bench { $0.flushInterval = 3_600_000_000_000 }
        var told: [Int] = []
        func ask() { bench.recorder.whenStored { if $0 { told.append(bench.database.stored.count) } } }
        ask()
        #expect(told == [0])
        bench.record(0..<3)
        ask()
        ask()
        bench.record(3..<5)
        #expect(told == [0])
        bench.run { told.count == 3 }
        #expect(told == [0, 3, 3] && bench.database.attempts == [Self.ids(0..<3)])
        ask()
        bench.run { told.count == 4 }
        #expect(told.last == 5 && bench.recorder.waiting == 0)
    }

    @Test("lets nobody go on before rows that take several attempts are stored, or given up") func barrierAfterFailures() throws {
        let bench = try Bench { $0.flushInterval = 3_600_000_000_000 }
        bench.database.script = [.unavailable("x"), .value("x"), nil, .conflict("x")]
        bench.record(0..<70)
        var told: [Int] = []
        bench.recorder.whenStored { if $0 { told.append(bench.database.stored.count) } }
        bench.run { told.count == 1 }
        #expect(told == [69] && bench.metrics.auditDropped.value == 1)
    }

    @Test("lets only so many wait for rows to be stored") func barrierBound() throws {
        let bench = try Bench()
        bench.database.isStuck = true
        bench.record(0..<1)
        var refused = 0
        for _ in 0..<10_003 { bench.recorder.whenStored { if !$0 { refused += 1 } } }
        #expect(refused == 3)
    }
}
