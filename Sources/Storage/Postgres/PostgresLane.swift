// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Reactor
internal import Telemetry

/// A transaction that somebody waits for.
final class PostgresJob {
    let statements: [SQLStatement]
    let bytes: Int
    let askedAt: UInt64
    /// When it was handed to the server.
    var sentAt: UInt64 = 0
    /// It is not done again before this time.
    var notBefore: UInt64 = 0
    /// Whether nobody waits for it but the lane itself.
    var isProbe = false
    /// How often it was done in vain.
    var attempts = 0
    var rows: [SQLRows] = []
    var failure: PostgresFailure?
    /// Whether a `mustAffect` was not met.
    var isUnmet = false
    private let done: (Result<[SQLRows], StorageError>) -> Void

    init(_ statements: [SQLStatement], now: UInt64, _ done: @escaping (Result<[SQLRows], StorageError>) -> Void) {
        self.statements = statements
        bytes = statements.reduce(0) { $0 &+ $1.byteCount }
        askedAt = now
        self.done = done
    }

    /// Whether it depends on what its statements did whether it is committed. One statement alone that did nothing needs no
    /// undoing.
    var needsDecision: Bool { statements.count > 1 && statements.contains { $0.mustAffect } }

    func finish(_ result: Result<[SQLRows], StorageError>) { done(result) }
}

/// One connection's work: keeps it up, sends the jobs one behind the other, and hands the replies to whom they belong.
///
/// Each job is what stands between two synchronisation points of the pipeline, which the server commits as one transaction.
final class PostgresLane {
    /// What does not change.
    struct Configuration {
        /// Whether it writes; if not, the server is told to refuse writes.
        let writes: Bool
        let address: PostgresAddress
        var migrations = Schema.migrations
        var bounds = PostgresDatabase.Bounds()
    }

    private enum Phase {
        /// Down until the time given.
        case resting(until: UInt64)
        case lookingUp
        case connecting
        case starting(PostgresStart, lastRows: SQLRows)
        case ready
        case closed
    }

    private let loop: EventLoop
    private let configuration: Configuration
    private let log: Log
    private let mailbox: LoopMailbox<Result<PostgresAddress, StorageError>>
    private var mailboxWatcher: SocketWatcher?
    private var tick: LoopTimer?
    private var phase = Phase.resting(until: .max)
    private var connection: PostgresConnection?
    private var watcher: SocketWatcher?
    private var pipeline: PostgresPipeline?
    private var waiting: [PostgresJob] = []
    private var waitingBytes = 0
    private var phaseDeadline: UInt64 = 0
    private var failures = 0
    private var lastUse: UInt64 = 0
    /// When the server last said something.
    private var lastHeard: UInt64 = 0
    private var isProbing = false
    private(set) var health = StorageHealth.failing("not connected yet")
    private var hasComplained = false
    /// Called when it is ready for jobs.
    var onReady: () -> Void = {}

    init(_ loop: EventLoop, _ configuration: Configuration, log: Log) throws(StorageError) {
        self.loop = loop
        self.configuration = configuration
        self.log = log
        do { mailbox = try LoopMailbox() } catch { throw .unavailable("\(error)") }
        mailboxWatcher = mailbox.watch(on: loop) { [unowned self] result in self.lookedUp(result) }
        tick = LoopTimer(loop) { [unowned self] in self.look() }
        tick?.schedule(after: 500_000_000)
    }

    /// How many jobs wait, are under way, or are done and not told yet.
    private(set) var pending = 0

    /// Begins to connect.
    func start() { connect() }

    /// Takes a job in; `false` when too much waits already.
    func put(_ job: PostgresJob) -> Bool {
        let bounds = configuration.bounds
        guard pending < bounds.jobs, waiting.isEmpty || waitingBytes &+ job.bytes <= bounds.bytes else { return false }
        pending += 1
        waiting.append(job)
        waitingBytes &+= job.bytes
        pump()
        return true
    }

    /// Lets go of the connection. To be called when no job is left.
    func close() {
        phase = .closed
        tick = nil
        pipeline = nil
        watcher = nil
        connection = nil
        mailbox.closeForGood()
        mailboxWatcher = nil
    }

    // MARK: Connecting

    private func connect() {
        phaseDeadline = loop.now &+ configuration.bounds.answerTime
        guard configuration.address.needsLookup else { return connect(to: configuration.address) }
        phase = .lookingUp
        do {
            // A thread of its own for each time: it ends with the lookup, and there is one at most.
            try WorkerThread.start { [address = configuration.address, mailbox] in
                do throws(StorageError) {
                    mailbox.post(.success(try address.lookedUp()))
                } catch {
                    mailbox.post(.failure(error))
                }
            }
        } catch {
            lose("\(error)")
        }
    }

    private func lookedUp(_ result: Result<PostgresAddress, StorageError>) {
        guard case .lookingUp = phase else { return }
        switch result {
        case .success(let address): connect(to: address)
        case .failure(let error): lose("\(error)")
        }
    }

    private func connect(to address: PostgresAddress) {
        phaseDeadline = loop.now &+ configuration.bounds.answerTime
        phase = .connecting
        guard let made = PostgresConnection(address) else { return lose("out of memory") }
        connection = made
        guard !made.hasFailed else { return lose(made.problem) }
        watch(.write)
    }

    /// Watches what the connection has as its socket now.
    private func watch(_ interest: SocketWatcher.Interest) {
        guard let connection, connection.socket >= 0 else { return lose("the connection has no socket") }
        let fresh = SocketWatcher(loop, descriptor: connection.socket) { [unowned self] in self.ready($0) }
        watcher = fresh
        fresh.watch(interest)
    }

    private func ready(_ interest: SocketWatcher.Interest) {
        switch phase {
        case .connecting: goOnConnecting()
        case .starting, .ready: goOnTalking(interest)
        case .resting, .lookingUp, .closed: break
        }
    }

    private func goOnConnecting() {
        guard let connection else { return }
        // libpq may close this socket and open another, of the same number: the kernel has to be told of both. We are called by
        // the watcher, which therefore is not gone before the new one is there.
        watcher?.watch([])
        watcher = nil
        switch connection.poll() {
        case .reading: watch(.read)
        case .writing: watch(.write)
        case .failed: lose(connection.problem)
        case .ready:
            let start = PostgresStart(
                writes: configuration.writes, migrations: configuration.migrations,
                statementTime: configuration.bounds.statementTime)
            phaseDeadline =
                loop.now &+ (configuration.writes ? configuration.bounds.migrationTime : configuration.bounds.answerTime)
            phase = .starting(start, lastRows: SQLRows())
            watch(.read)
            guard connection.send(simple: start.opening) else { return lose(connection.problem) }
            flush()
        }
    }

    // MARK: Talking

    private func goOnTalking(_ interest: SocketWatcher.Interest) {
        guard let connection else { return }
        if interest.contains(.read) {
            guard connection.consume() else { return lose(connection.problem) }
            lastHeard = loop.now
        }
        if case .starting(let start, let rows) = phase {
            goOnStarting(start, rows, connection)
        } else {
            settle(pipeline?.takeReplies() ?? [])
            if let pipeline, pipeline.isBroken { return lose(connection.problem) }
        }
        if case .ready = phase { pump() } else { flush() }
    }

    private func goOnStarting(_ given: PostgresStart, _ rows: SQLRows, _ connection: PostgresConnection) {
        var start = given
        var lastRows = rows
        while true {
            switch connection.next() {
            case .waiting:
                phase = .starting(start, lastRows: lastRows)
                return
            case .reply(.rows(let rows)): lastRows = rows
            case .reply(.failure(let failure)): return lose("\(failure.error)")
            case .reply: break
            case .end:
                switch start.receive(lastRows) {
                case .refuse(let error): return lose("\(error)")
                case .send(let text):
                    guard connection.send(simple: text) else { return lose(connection.problem) }
                case .done:
                    guard connection.enterPipeline() else { return lose(connection.problem) }
                    return begin(connection)
                }
            }
        }
    }

    private func begin(_ connection: PostgresConnection) {
        phase = .ready
        pipeline = PostgresPipeline(connection)
        failures = 0
        lastUse = loop.now
        note(.well)
        onReady()
    }

    /// Hands what waits to the server, as far as it may be under way at once.
    private func pump() {
        guard case .ready = phase, let pipeline, let connection else { return }
        let now = loop.now
        while let job = waiting.first, job.notBefore <= now, pipeline.takes(job) {
            waiting.removeFirst()
            waitingBytes &-= job.bytes
            job.sentAt = now
            lastUse = now
            guard pipeline.send(job) else { return lose(connection.problem) }
        }
        flush()
    }

    private func flush() {
        guard let connection, let watcher else { return }
        switch connection.flush() {
        case true?: watcher.watch(.read)
        case false?: watcher.watch([.read, .write])
        case nil: lose(connection.problem)
        }
    }

    /// Tells what became of jobs, or has them done again.
    private func settle(_ jobs: [PostgresJob]) {
        guard !jobs.isEmpty else { return }
        lastUse = loop.now
        for job in jobs {
            if let failure = job.failure, failure.isWorthRepeating, job.attempts < configuration.bounds.repeats {
                repeatLater(job)
            } else if let failure = job.failure {
                let error = failure.error
                if configuration.writes, error.isTransient, failure.code != "57014" { note(.failing("\(error)")) }
                finish(job, .failure(error))
            } else if job.isUnmet {
                finish(job, .failure(.conflict("the statement affected no row")))
            } else {
                note(.well)
                finish(job, .success(job.rows))
            }
        }
    }

    private func repeatLater(_ job: PostgresJob) {
        job.attempts += 1
        job.failure = nil
        job.rows = []
        // Two that met would meet again if both came back after the same time.
        let wait = UInt64.random(in: 2_000_000...(20_000_000 << UInt64(min(job.attempts, 8))))
        job.notBefore = loop.now &+ wait
        waiting.insert(job, at: 0)
        waitingBytes &+= job.bytes
        tick?.schedule(after: wait)
    }

    /// Later, so that a completion finds everything in order, whatever it asks for.
    private func finish(_ job: PostgresJob, _ result: Result<[SQLRows], StorageError>) {
        loop.deferred { [self] in
            if job.isProbe { isProbing = false } else { pending -= 1 }
            job.finish(result)
        }
    }

    // MARK: Losing it

    /// The connection is no more: what was under way is reported, and a new one made after a while.
    private func lose(_ reason: String) {
        if case .closed = phase { return }
        let password = configuration.address.password ?? ""
        let safe = password.isEmpty ? reason : reason.replacing(password, with: "***")
        let lost = pipeline?.jobs ?? []
        pipeline = nil
        watcher = nil
        connection = nil
        failures += 1
        let longest: UInt64 = min(5_000_000_000, 100_000_000 << UInt64(min(failures, 6)))
        phase = .resting(until: loop.now &+ UInt64.random(in: longest / 2...longest))
        note(.failing(safe))
        for job in lost.reversed() {
            // To read twice does no harm; whether a write was done nobody knows.
            if !configuration.writes, job.attempts == 0 {
                job.attempts += 1
                job.failure = nil
                job.rows = []
                waiting.insert(job, at: 0)
                waitingBytes &+= job.bytes
            } else {
                finish(job, .failure(.unavailable("the connection was lost with the transaction under way: \(safe)")))
            }
        }
    }

    private func note(_ health: StorageHealth) {
        self.health = health
        let place = LogValue.text(configuration.address.place)
        switch health {
        case .failing(let reason) where !hasComplained:
            hasComplained = true
            log.error("storage fails", ["database": place, "reason": .text(reason)])
        case .well where hasComplained:
            hasComplained = false
            log.info("storage works again", ["database": place])
        default: break
        }
    }

    /// Twice a second: what has taken too long, and what is due.
    private func look() {
        tick?.schedule(after: 500_000_000)
        let now = loop.now
        let bounds = configuration.bounds
        switch phase {
        case .resting(let until): if now >= until { connect() }
        case .lookingUp: if now >= phaseDeadline { note(.failing("the server's name is not found in time")) }
        case .connecting: if now >= phaseDeadline { lose("connecting takes too long") }
        case .starting: if now >= phaseDeadline { lose("the server does not answer") }
        case .ready:
            // Not by when the oldest was sent alone: it may have stood behind others that took as long as they may.
            if let oldest = pipeline?.jobs.first, now > max(oldest.sentAt, lastHeard) &+ bounds.answerTime {
                lose("the server does not answer")
            } else {
                probe(now)
                pump()
            }
        case .closed: return
        }
        if case .ready = phase { return }
        let tooOld = waiting.prefix { now &- $0.askedAt > bounds.waitTime }
        guard !tooOld.isEmpty, case .failing(let reason) = health else { return }
        waiting.removeFirst(tooOld.count)
        waitingBytes = waiting.reduce(0) { $0 &+ $1.bytes }
        for job in tooOld { finish(job, .failure(.unavailable(reason))) }
    }

    /// Asks a server that nobody asks whether it is there, and one that refused a write whether it takes one now.
    private func probe(_ now: UInt64) {
        let isFailing = health != .well
        guard !isProbing, waiting.isEmpty, isFailing || now &- lastUse > configuration.bounds.probeTime else { return }
        isProbing = true
        let text = configuration.writes && isFailing ? SchemaVersion.touch : "SELECT 1"
        let job = PostgresJob([SQLStatement(text)], now: now) { _ in }
        job.isProbe = true
        waiting.append(job)
        waitingBytes &+= job.bytes
    }
}

@available(*, unavailable)
extension PostgresLane: Sendable {}
