// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Telemetry

/// A small pipe whose reading end the test empties when it likes.
final class SmallPipe {
    let reader: Int32
    let writer: Int32

    init(size: Int32 = 8192) {
        var ends: [Int32] = [-1, -1]
        signal(SIGPIPE, SIG_IGN)
        pipe(&ends)
        (reader, writer) = (ends[0], ends[1])
        _ = fcntl(writer, Int32(F_SETPIPE_SZ), size)
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(reader)
        close(writer)
    }

    func readAll() -> String {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(reader, &piece, piece.count), count > 0 { all += piece[..<count] }
        return String(decoding: all, as: UTF8.self)
    }
}

let F_SETPIPE_SZ = 1031

@Suite("Log", .timeLimit(.minutes(1))) struct LogTests {
    static func log(_ pipe: SmallPipe, polled: Bool) -> Log {
        let output = polled ? LogOutput(polled: pipe.writer) : LogOutput(descriptor: pipe.writer)
        return Log(output: output, level: .info, format: .text)
    }

    @Test("never waits for a pipe that nobody reads, and says later what was lost", arguments: [false, true])
    func deafPipe(polled: Bool) {
        let pipe = SmallPipe()
        let log = Self.log(pipe, polled: polled)
        for number in 0..<10_000 {
            log.info("line", ["n": .integer(number), "pad": .text("\(log.dropped)")])
        }
        #expect(log.dropped > 9_000)
        var read = pipe.readAll()
        log.info("after")
        read += pipe.readAll()
        let lines = read.split(separator: "\n")
        #expect(lines.last?.hasSuffix("info after") == true)
        #expect(
            lines.dropLast().last?.hasSuffix("warning log lines were dropped lines=\(log.dropped)") == true)
        #expect(lines.allSatisfy { $0.hasPrefix("2") && $0.contains("Z ") })
        #expect(lines.count - 2 + log.dropped == 10_000)
        log.info("again")
        #expect(pipe.readAll().hasSuffix("info again\n"))
    }

    @Test("finishes a long line that a pipe took in part", arguments: [false, true])
    func partialLine(polled: Bool) {
        let pipe = SmallPipe(size: 4096)
        let log = Self.log(pipe, polled: polled)
        let value = LogValue.text(String(repeating: "x", count: 1000))
        log.info("long", ["a": value, "b": value, "c": value, "d": value, "e": value, "f": value])
        var read = pipe.readAll()
        #expect(!read.isEmpty && !read.hasSuffix("\n"))
        for _ in 0..<3 {
            log.info("next")
            read += pipe.readAll()
        }
        let first = read.split(separator: "\n").first ?? ""
        #expect(first.utf8.count > 6000 && first.utf8.count { $0 == 0x78 } == 6000)
        #expect(read.hasSuffix("\n") && read.split(separator: "\n").count > 1)
    }

    @Test("leaves the descriptor's own flags as they were") func flags() {
        let pipe = SmallPipe()
        let log = Log(descriptor: pipe.writer)
        log.info("x")
        #expect(fcntl(pipe.writer, F_GETFL) & O_NONBLOCK == 0)
        #expect(pipe.readAll().hasSuffix("info x\n"))
    }

    @Test("survives a descriptor that is closed, or whose reader is gone") func closed() {
        let shut = Log(descriptor: 9999)
        shut.error("x")
        #expect(shut.dropped == 1)
        let pipe = SmallPipe()
        let log = Log(descriptor: pipe.writer)
        close(dup2(open("/dev/null", O_RDONLY), pipe.reader))
        log.error("x")
        #expect(log.dropped == 1)
    }

    @Test("never waits on a full socket") func socket() {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        defer { ends.forEach { close($0) } }
        let log = Log(descriptor: ends[0])
        for _ in 0..<20_000 { log.info("a line that fills the socket's buffer sooner or later") }
        #expect(log.dropped > 0)
    }

    @Test("does not even make the text of a level that is off") func off() {
        let pipe = SmallPipe()
        let log = Log(descriptor: pipe.writer, level: .warning)
        var made = 0
        func text() -> String {
            made += 1
            return "x"
        }
        log.info(text(), ["a": .text(text())])
        #expect(made == 0)
        log.level = .debug
        log.debug(text())
        #expect(made == 1 && pipe.readAll().hasSuffix("debug x\n"))
    }

    @Test("keeps the lines of many threads whole") func threads() async {
        let path = "/tmp/sluice-log-\(getpid())"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer {
            close(file)
            unlink(path)
        }
        let log = Log(descriptor: file, format: .json)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for n in 0..<500 { log.info("m", ["task": .integer(task), "n": .integer(n)]) }
                }
            }
        }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(file, &bytes, bytes.count, 0)
        let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2000 && log.dropped == 0)
        #expect(lines.allSatisfy { $0.hasPrefix("{\"time\"") && $0.hasSuffix("}") })
    }

    @Test("orders and names its levels") func levels() {
        #expect(LogLevel.debug < .info && .warning < LogLevel.error)
        #expect(LogLevel.allCases.allSatisfy { LogLevel(name: $0.name) == $0 } && LogLevel(name: "x") == nil)
    }
}
