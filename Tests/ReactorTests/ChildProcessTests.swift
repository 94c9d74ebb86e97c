// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Reactor

@Suite("ChildProcess")
struct ChildProcessTests {
    /// As the gateway does: a child may close its input while it is written to.
    init() { SignalWatcher.ignoreStraySignals() }

    @Test("hands input over and output back, more than a pipe holds")
    func cat() throws {
        let input = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try ChildProcess(["cat"]).run(input) { false } == input)
        #expect(try ChildProcess(["cat"]).run([]) { false } == [])
    }

    @Test("a program that does not read its input is no harm")
    func deaf() throws {
        #expect(try ChildProcess(["true"]).run(Array(repeating: 1, count: 1_000_000)) { false } == [])
    }

    @Test("says how it failed, with what it said")
    func failing() {
        #expect(throws: ChildProcessError.failed(status: 3, message: "no\n")) {
            try ChildProcess(["sh", "-c", "echo no >&2; exit 3"]).run([]) { false }
        }
        #expect(throws: ChildProcessError.failed(status: 137, message: "")) {
            try ChildProcess(["sh", "-c", "kill -9 $$"]).run([]) { false }
        }
        #expect(throws: ChildProcessError.cannotStart) { try ChildProcess(["no-such-program-anywhere"]).run([]) { false } }
    }

    @Test("is killed when it takes too long, says too much, or nobody waits for it any more")
    func killed() {
        var slow = ChildProcess(["sleep", "60"])
        slow.maxSeconds = 1
        let started = ContinuousClock.now
        #expect(throws: ChildProcessError.timedOut) { try slow.run([]) { false } }
        #expect(throws: ChildProcessError.cancelled) { try ChildProcess(["sleep", "60"]).run([]) { true } }
        var endless = ChildProcess(["yes"])
        endless.maxOutput = 1_000_000
        #expect(throws: ChildProcessError.tooMuchOutput) { try endless.run([]) { false } }
        #expect(ContinuousClock.now - started < .seconds(30))
    }

    @Test("has no more memory than it is given, no descriptor of ours and no blocked signal")
    func confined() throws {
        var hungry = ChildProcess(["sh", "-c", "read line; ulimit -v"])
        hungry.maxMemory = 512 << 20
        #expect(try hungry.run(Array("go\n".utf8)) { false } == Array("524288\n".utf8))
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        let descriptors = try ChildProcess(["sh", "-c", "echo /proc/$$/fd/*"]).run([]) { false }
        let names = String(decoding: descriptors, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap {
            $0.split(separator: "/").last
        }
        #expect(Set(names).isSubset(of: ["0", "1", "2", "10", "3"]))
        #expect(!names.contains("\(leaked)") || leaked == 3)
        // The C library keeps signals 32 and 33 for itself.
        let masks = try ChildProcess(["sh", "-c", "grep -E 'SigBlk|SigIgn' /proc/self/status"]).run([]) { false }
        for line in String(decoding: masks, as: UTF8.self).split(separator: "\n") {
            let mask = line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
            #expect(mask.map { $0 & 0x7FFF_FFFF } == 0, "\(line)")
        }
    }
}
