// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import CHiredis
internal import Reactor

/// One connection to Redis on one loop, by hiredis: commands go out one after the other without waiting for answers, which come in
/// the same order. It comes back by itself after a failure.
@safe
final class RedisConnection {
    /// What became of a command.
    enum Outcome {
        case reply(RedisReply)
        /// The deadline has passed; Redis may do it all the same.
        case late
        /// The connection ended; Redis may have done it.
        case lost
    }

    /// A command whose answer is awaited.
    final class Pending {
        let deadline: UInt64?
        /// Whether it was given up while its answer may still come.
        var isLate = false
        private var done: ((Outcome) -> Void)?
        weak var connection: RedisConnection?

        init(_ connection: RedisConnection, deadline: UInt64?, _ done: @escaping (Outcome) -> Void) {
            self.connection = connection
            self.deadline = deadline
            self.done = done
        }

        func finish(_ outcome: Outcome) {
            guard let done else { return }
            self.done = nil
            done(outcome)
        }
    }

    /// `idle`, `resolving`, `connecting`, `greeting`, `ready`; from each of them back to `idle`.
    enum Phase { case idle, resolving, connecting, greeting, ready, closed }

    /// Nanoseconds within which a connection must be ready, and after which a silent one is given up.
    private static let patience: UInt64 = 5_000_000_000
    private let loop: EventLoop
    private let address: RedisAddress
    private let greeting: [RedisCommand]
    private let onReady: ([RedisReply]) -> Void
    private let onLost: (String) -> Void
    private(set) var phase = Phase.idle
    private var context: UnsafeMutablePointer<redisAsyncContext>?
    private var watcher: SocketWatcher?
    private var interest: SocketWatcher.Interest = []
    private var lookup: NameLookup?
    /// Addresses of the host that are tried when the one before them cannot be reached.
    private var untried: ArraySlice<String> = []
    private var timer: LoopTimer?
    private var deadlineTimer: LoopTimer?
    private var startedAt: UInt64 = 0
    private var failures = 0
    /// What is awaited, oldest first, behind `head` that came.
    private var queue: [(sent: UInt64, pending: Pending)] = []
    private var head = 0
    /// How many of them are past their deadline.
    private var lateCount = 0

    /// A connection that `start` opens. `onReady` gets the answers to `greeting`, none of them an error; `onLost` a reason.
    init(
        _ loop: EventLoop, _ address: RedisAddress, greeting: [RedisCommand], onReady: @escaping ([RedisReply]) -> Void,
        onLost: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.address = address
        self.greeting = greeting
        self.onReady = onReady
        self.onLost = onLost
    }

    deinit { closeForGood() }

    /// How many commands are under way.
    var underWay: Int { queue.count - head }

    /// Whether a command is past its deadline: Redis is slow, and others would only wait too.
    var isOverdue: Bool { lateCount > 0 }

    /// Connects, as soon as the name is known.
    func start() {
        guard phase == .idle else { return }
        phase = .resolving
        startedAt = loop.now
        untried = []
        lookup = NameLookup(address.host)
        let timer = LoopTimer(loop) { [unowned self] in self.tick() }
        self.timer = timer
        timer.schedule(after: 1_000_000)
    }

    /// Sends a command. `done` is called once: with the answer, when `timeout` nanoseconds have passed, or when the connection ends.
    func send(_ command: RedisCommand, timeout: UInt64? = nil, _ done: @escaping (Outcome) -> Void) {
        guard let context = unsafe context, phase == .ready || phase == .greeting else { return done(.lost) }
        let now = loop.now
        let pending = Pending(self, deadline: timeout.map { now &+ $0 }, done)
        let retained = unsafe Unmanaged.passRetained(pending)
        let failed = unsafe command.bytes.withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                unsafe redisAsyncFormattedCommand(context, redisReplied, retained.toOpaque(), text.baseAddress, text.count)
            }
        }
        guard failed == REDIS_OK else {
            unsafe retained.release()
            return done(.lost)
        }
        queue.append((now, pending))
        if queue.count - head == 1 { watchDeadline() }
    }

    /// Ends the connection and begins anew; what is under way is lost.
    func reconnect(_ reason: String) {
        // hiredis may be up the stack.
        loop.deferred { [weak self] in self?.fail(reason) }
    }

    /// Ends the connection; nothing is sent any more.
    func closeForGood() {
        phase = .closed
        timer = nil
        deadlineTimer = nil
        free()
    }

    // MARK: Called by hiredis

    func connected(_ isConnected: Bool) {
        guard isConnected else {
            // hiredis frees the context itself.
            unsafe context = nil
            return fail("cannot connect")
        }
        guard phase == .connecting else { return }
        phase = .greeting
        var replies: [RedisReply] = []
        for command in greeting {
            send(command) { [weak self] outcome in
                guard let self, phase == .greeting, case .reply(let reply) = outcome else { return }
                if case .error(let text) = reply { return reconnect(text) }
                replies.append(reply)
                if replies.count == greeting.count { becomeReady(replies) }
            }
        }
    }

    func disconnected() {
        unsafe context = nil
        if phase == .ready || phase == .greeting { fail("the connection was closed") }
    }

    func answered(_ pending: Pending, _ reply: RedisReply?) {
        if head < queue.count, queue[head].pending === pending {
            head += 1
            if pending.isLate { lateCount -= 1 }
            if head > 256, head > queue.count / 2 {
                queue.removeFirst(head)
                head = 0
            }
        }
        pending.finish(reply.map { .reply($0) } ?? .lost)
        watchDeadline()
    }

    /// Adds to, or takes from, what the socket is watched for.
    func watch(_ change: SocketWatcher.Interest, _ isWanted: Bool) {
        if isWanted { interest.insert(change) } else { interest.remove(change) }
        watcher?.watch(interest)
    }

    func stopWatching() {
        // It may be the watcher that called hiredis.
        guard let old = watcher else { return }
        watcher = nil
        interest = []
        old.watch([])
        loop.deferred { withExtendedLifetime(old) {} }
    }

    // MARK: The steps

    private func tick() {
        switch phase {
        case .idle where untried.isEmpty: start()
        case .idle: connect()
        case .resolving:
            switch lookup?.answer {
            case .found(let addresses):
                untried = addresses[...]
                connect()
            case .failed, nil: fail("the host of redis_url has no address")
            case .pending where loop.now >= startedAt &+ RedisConnection.patience:
                fail("the host of redis_url was not found in time")
            case .pending: timer?.schedule(after: 10_000_000)
            }
        case .connecting, .greeting: fail("no answer in time")
        case .ready, .closed: return
        }
    }

    /// Connects to the next address.
    private func connect() {
        lookup = nil
        phase = .connecting
        guard let numbers = untried.popFirst() else { return fail("the host of redis_url has no address") }
        guard let made = unsafe redisAsyncConnect(numbers, Int32(address.port)) else { return fail("no memory") }
        guard unsafe made.pointee.err == 0 else {
            unsafe redisAsyncFree(made)
            return fail("cannot connect")
        }
        unsafe context = made
        watcher = unsafe SocketWatcher(loop, descriptor: made.pointee.c.fd) { [weak self] ready in self?.handle(ready) }
        unsafe attach(made, self)
        timer?.schedule(after: RedisConnection.patience)
    }

    private func handle(_ ready: SocketWatcher.Interest) {
        if ready.contains(.read), let context = unsafe context { unsafe redisAsyncHandleRead(context) }
        // Reading may have ended it.
        if ready.contains(.write), let context = unsafe context { unsafe redisAsyncHandleWrite(context) }
    }

    private func becomeReady(_ replies: [RedisReply]) {
        phase = .ready
        untried = []
        failures = 0
        timer?.cancel()
        onReady(replies)
    }

    private func fail(_ reason: String) {
        guard phase != .idle, phase != .closed else { return }
        let wasReady = phase == .ready
        if phase != .connecting { untried = [] }
        phase = .idle
        lookup = nil
        free()
        // Later, as hiredis may be up the stack.
        guard untried.isEmpty else {
            timer?.schedule(after: 1_000_000)
            return
        }
        failures = min(failures + 1, 6)
        // 100 ms doubled up to 3.2 s, with jitter so that instances do not come all at once.
        let wait = UInt64(50_000_000) << UInt64(failures)
        timer?.schedule(after: wait / 2 + UInt64.random(in: 0...(wait / 2)))
        if wasReady || failures == 1 { onLost(reason) }
    }

    private func free() {
        guard let old = unsafe context else { return stopWatching() }
        unsafe context = nil
        // Calls every callback that is still due.
        unsafe redisAsyncFree(old)
        queue = []
        head = 0
        lateCount = 0
    }

    /// Tells who has waited too long, and gives up a connection that says nothing at all.
    private func watchDeadline() {
        guard phase == .ready, head < queue.count else { return }
        let timer = deadlineTimer ?? LoopTimer(loop) { [unowned self] in self.checkDeadlines() }
        deadlineTimer = timer
        if !timer.isScheduled { timer.schedule(at: nextDeadline) }
    }

    private var nextDeadline: UInt64 {
        let oldest = queue[head]
        let end = oldest.sent &+ RedisConnection.patience
        guard let deadline = oldest.pending.deadline, deadline > loop.recentNow else {
            return min(end, loop.recentNow &+ 50_000_000)
        }
        return min(end, deadline)
    }

    private func checkDeadlines() {
        guard phase == .ready, head < queue.count else { return }
        let now = loop.now
        if now >= queue[head].sent &+ RedisConnection.patience { return fail("no answer in time") }
        for entry in queue[head...] {
            guard let deadline = entry.pending.deadline, now >= deadline, !entry.pending.isLate else { continue }
            entry.pending.isLate = true
            lateCount += 1
            entry.pending.finish(.late)
        }
        guard phase == .ready, head < queue.count else { return }
        deadlineTimer?.schedule(at: nextDeadline)
    }
}

@available(*, unavailable)
extension RedisConnection: Sendable {}
