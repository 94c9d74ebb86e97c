// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Reactor
import Testing

@Suite("LoopMailbox") struct LoopMailboxTests {
    @Test("messages of several threads reach the loop, each thread's in its order")
    func order() throws {
        let loop = try EventLoop()
        let mailbox = try LoopMailbox<(thread: Int, number: Int)>()
        var seen: [[Int]] = Array(repeating: [], count: 4)
        var count = 0
        let watcher = mailbox.watch(on: loop) { message in
            seen[message.thread].append(message.number)
            count += 1
            if count == 4000 { loop.stop() }
        }
        for thread in 0..<4 {
            Thread.detachNewThread { for number in 0..<1000 { mailbox.post((thread, number)) } }
        }
        let limit = LoopTimer(loop) { loop.stop() }
        limit.schedule(after: 10_000_000_000)
        withExtendedLifetime((watcher, limit)) { loop.run() }
        #expect(seen == Array(repeating: Array(0..<1000), count: 4))
    }

    @Test("what was posted before anybody watched is told, and nothing after the end")
    func end() throws {
        let loop = try EventLoop()
        let mailbox = try LoopMailbox<Int>()
        mailbox.post(1)
        var seen: [Int] = []
        let watcher = mailbox.watch(on: loop) { message in
            seen.append(message)
            mailbox.post(2)
            mailbox.closeForGood()
            mailbox.post(3)
        }
        let limit = LoopTimer(loop) { loop.stop() }
        limit.schedule(after: 50_000_000)
        withExtendedLifetime((watcher, limit)) { loop.run() }
        #expect(seen == [1])
    }
}
