// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Reactor
import Testing

@Suite("EventLoop") struct EventLoopTests {
    /// Work that defers itself until told to stop, or until a test that fails has waited long enough.
    final class Chain {
        let loop: EventLoop
        let giveUp = monotonicNow() + 3_000_000_000
        var steps = 0
        var isOver = false

        init(_ loop: EventLoop) { self.loop = loop }

        func step() {
            steps += 1
            guard !isOver, monotonicNow() < giveUp else { return loop.stop() }
            loop.deferred { self.step() }
        }
    }

    @Test("a timer fires although deferred work defers more for ever")
    func timers() throws {
        let loop = try EventLoop()
        let chain = Chain(loop)
        let start = monotonicNow()
        var lateness: UInt64 = .max
        let timer = LoopTimer(loop) {
            lateness = monotonicNow() - start
            chain.isOver = true
        }
        timer.schedule(after: 20_000_000)
        loop.deferred { chain.step() }
        withExtendedLifetime(timer) { loop.run() }
        #expect(chain.steps > 8)
        #expect(lateness < 2_000_000_000)
    }

    @Test("a socket is read although deferred work defers more for ever")
    func sockets() throws {
        let loop = try EventLoop()
        let chain = Chain(loop)
        var pair: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { for descriptor in pair { close(descriptor) } }
        var seen = 0
        let watcher = SocketWatcher(loop, descriptor: pair[0]) { _ in
            seen += 1
            chain.isOver = true
        }
        watcher.watch(.read)
        var byte: UInt8 = 1
        #expect(write(pair[1], &byte, 1) == 1)
        loop.deferred { chain.step() }
        withExtendedLifetime(watcher) { loop.run() }
        #expect(seen > 0)
    }

    @Test("deferred work runs in the order it was deferred in, however long the chain")
    func order() throws {
        let loop = try EventLoop()
        var heard: [Int] = []
        func postpone(_ number: Int) {
            loop.deferred {
                heard.append(number)
                if number < 40 { postpone(number + 1) } else { loop.stop() }
            }
        }
        postpone(0)
        loop.run()
        #expect(heard == Array(0...40))
    }
}
