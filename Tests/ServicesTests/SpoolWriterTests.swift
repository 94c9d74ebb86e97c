// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPSemantics
import Providers
import Storage
import Telemetry
import Testing

@testable import Services

/// A folder of a test's own, and a writer to it.
private final class SpoolBench {
    let url: URL
    let metrics: GatewayMetrics
    var policy: SpoolPolicy
    var writer: SpoolWriter
    var folder: SpoolFolder { SpoolFolder(url.path) }

    init(_ change: (inout SpoolPolicy) -> Void = { _ in }) throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-spool-\(UUID().uuidString)")
        let folder = SpoolFolder(url.path)
        try folder.prepare()
        let log = Log(descriptor: 9999, level: .error)
        metrics = GatewayMetrics(log: log)
        policy = SpoolPolicy(path: url.path)
        change(&policy)
        writer = SpoolWriter(folder, policy, SpoolLosses(log: log, metrics: metrics))
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() }

    func dropped(_ reason: String) -> UInt64 { metrics.spoolDropped.with(["reason": reason]).value }

    func lines(_ name: String) throws -> [[String: Any]] {
        try SpoolFormatTests.lines([UInt8](Data(contentsOf: url.appendingPathComponent(name))))
    }

    /// The bytes of all chunks of a file.
    func body(_ name: String) throws -> [UInt8] { try lines(name).compactMap { SpoolFormatTests.bytes(of: $0) }.flatMap { $0 } }

    func mode(_ path: String) throws -> Int? {
        (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
    }

    /// Writes a batch of one answer.
    func write(_ number: UInt64, _ head: SpoolHead? = nil, _ chunks: [(Int, String)] = [], end: SpoolEnd? = nil) {
        var batch = SpoolBatch()
        if let head { batch.append(.begin(number, head)) }
        for (time, text) in chunks { batch.append(Array(text.utf8).span, of: number, at: time) }
        if let end { batch.append(.end(number, at: 99, end)) }
        writer.write(batch)
    }

    /// Writes a whole answer of so many bytes, `age` seconds ago.
    func whole(_ number: UInt64, bytes: Int, age: Double) throws {
        let head = SpoolFormatTests.head(id: "stream_\(number)")
        write(number, head, [(1, String(repeating: "x", count: bytes))], end: .answer(.complete))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: url.path + "/stream_\(number)-1.jsonl")
    }
}

@Suite("SpoolWriter") struct SpoolWriterTests {
    @Test("writes a file for each answer, which grows as it comes") func grows() throws {
        let bench = try SpoolBench()
        bench.write(1, SpoolFormatTests.head(id: "stream_a"), [(10, "one "), (20, "two ")])
        bench.write(2, SpoolFormatTests.head(id: "stream_b", attempt: 2), [(5, "other")])
        #expect(try bench.body("stream_a-1.jsonl") == Array("one two ".utf8))
        bench.write(1, nil, [(30, "three")], end: .answer(.complete))
        #expect(bench.names == ["stream_a-1.jsonl", "stream_b-2.jsonl"])
        let lines = try bench.lines("stream_a-1.jsonl")
        #expect(lines.map { $0["at"] as? Int } == [nil, 10, 20, 30, 99])
        #expect(lines.last?["bytes"] as? Int == 13 && lines.last?["chunks"] as? Int == 3)
        #expect(try bench.body("stream_b-2.jsonl") == Array("other".utf8))
        #expect(try bench.lines("stream_b-2.jsonl").count == 2, "one under way has no end")
        #expect(bench.writer.answers.count == 1)
    }

    @Test("lets nobody else read") func modes() throws {
        let bench = try SpoolBench()
        bench.write(1, SpoolFormatTests.head(id: "stream_a"), [(1, "x")])
        #expect(try bench.mode(bench.url.path) == 0o700)
        #expect(try bench.mode(bench.url.path + "/stream_a-1.jsonl") == 0o600)
    }

    @Test("keeps a refusal with its times when no credential is in it") func refusal() throws {
        let bench = try SpoolBench()
        bench.write(1, SpoolFormatTests.head(status: 429, id: "stream_a"), [(1, "slow "), (7, "down")])
        #expect(try bench.body("stream_a-1.jsonl").isEmpty, "held back until its end")
        bench.write(1, end: .answer(.complete))
        let lines = try bench.lines("stream_a-1.jsonl")
        #expect(lines.map { $0["at"] as? Int } == [nil, 1, 7, 99] && lines.last?["redacted"] == nil)
        #expect(try bench.body("stream_a-1.jsonl") == Array("slow down".utf8))
    }

    @Test("takes a credential out of a refusal, wherever its chunks were cut", arguments: 1..<36) func secret(_ cut: Int) throws {
        let bench = try SpoolBench()
        let text = "your key sk-upstream-secret is wrong"
        bench.write(
            1, SpoolFormatTests.head(status: 401, id: "stream_a"),
            [(1, String(text.prefix(cut))), (2, String(text.dropFirst(cut)))], end: .answer(.complete))
        #expect(try bench.body("stream_a-1.jsonl") == Array("your key [redacted] is wrong".utf8))
        #expect(try bench.lines("stream_a-1.jsonl").last?["redacted"] as? Bool == true)
    }

    @Test("takes out of a refusal what the provider was shown, whatever it looks like", arguments: 1..<30)
    func shown(_ cut: Int) throws {
        let bench = try SpoolBench()
        let key = "0123456789abcdef"
        let text = "key: \(key)\(key) is no key"
        bench.write(
            1, SpoolFormatTests.head(status: 401, id: "stream_a", secrets: [Secret(""), Secret(key)]),
            [(1, String(text.prefix(cut))), (2, String(text.dropFirst(cut)))], end: .answer(.complete))
        #expect(try bench.body("stream_a-1.jsonl") == Array("key: [redacted][redacted] is no key".utf8))
    }

    @Test("leaves out the last word of a refusal that was cut, which may begin a credential") func cutRefusal() throws {
        let bench = try SpoolBench()
        let ends: [SpoolEnd] = [
            .answer(.cancelled), .answer(.failed("upstream_truncated")), .truncated(.limit), .truncated(.queue),
        ]
        for (number, end) in ends.enumerated() {
            let head = SpoolFormatTests.head(status: 401, id: "stream_\(number)")
            bench.write(UInt64(number), head, [(1, "wrong key: sk-9"), (2, "87654")], end: end)
            #expect(try bench.body("stream_\(number)-1.jsonl") == Array("wrong key: ".utf8))
            #expect(try bench.lines("stream_\(number)-1.jsonl").last?["redacted"] as? Bool == true)
        }
        bench.write(9, SpoolFormatTests.head(status: 401, id: "stream_9"), [(1, "sk-9")], end: .truncated(.limit))
        #expect(try bench.body("stream_9-1.jsonl").isEmpty)
        bench.write(10, SpoolFormatTests.head(status: 401, id: "stream_10"), [(1, "key: sk-9")], end: .answer(.complete))
        #expect(try bench.body("stream_10-1.jsonl") == Array("key: sk-9".utf8), "a whole one has no such word")
    }

    @Test("keeps nothing of a refusal that it cannot look through, or that is too long") func opaque() throws {
        let bench = try SpoolBench()
        let coded = SpoolFormatTests.head(status: 500, fields: [("content-encoding", "gzip")], id: "stream_a")
        bench.write(1, coded, [(1, "secret")], end: .answer(.complete))
        #expect(try bench.body("stream_a-1.jsonl").isEmpty)
        #expect(try bench.lines("stream_a-1.jsonl").last?["redacted"] as? Bool == true)
        let long = String(repeating: "word of it... ", count: SpoolPolicy.refusalLimit / 14) + "  "
        #expect(long.utf8.count == SpoolPolicy.refusalLimit)
        bench.write(2, SpoolFormatTests.head(status: 500, id: "stream_b"), [(1, long), (2, "y")], end: .answer(.complete))
        #expect(try bench.body("stream_b-1.jsonl").count == SpoolPolicy.refusalLimit)
        #expect(try bench.lines("stream_b-1.jsonl").last?["error"] as? String == "limit")
        #expect(try bench.lines("stream_b-1.jsonl").count == 3, "one end")
    }

    @Test("removes the oldest answers for new ones, and no other file") func folderBound() throws {
        let bench = try SpoolBench { $0.folderLimit = 100 << 10 }
        let other = bench.url.appendingPathComponent("notes.jsonl")
        try Data(count: 500 << 10).write(to: other)
        for number in 1...5 { try bench.whole(UInt64(number), bytes: 19 << 10, age: Double(100 - number)) }
        #expect(bench.names.count == 6)
        try bench.whole(6, bytes: 19 << 10, age: 0)
        #expect(bench.names == ["notes.jsonl"] + (3...6).map { "stream_\($0)-1.jsonl" }, "down to nine tenths")
        let bytes = try bench.folder.files().reduce(0) { $0 + SpoolWriter.blocks($1.size) }
        #expect(bytes <= 100 << 10 && bench.writer.folderBytes == bytes)
        #expect(bench.dropped("folder") == 0)
    }

    @Test("cuts an answer for which there is no room, rather than another under way") func full() throws {
        let bench = try SpoolBench { $0.folderLimit = 64 << 10 }
        let text = String(repeating: "x", count: 28 << 10)
        bench.write(1, SpoolFormatTests.head(id: "stream_1"), [(1, text)])
        bench.write(2, SpoolFormatTests.head(id: "stream_2"), [(1, text)])
        bench.write(1, nil, [(2, text)])
        bench.write(2, nil, [(2, "y")], end: .answer(.complete))
        bench.write(1, nil, [(3, "z")], end: .answer(.complete))
        #expect(bench.dropped("folder") == 1)
        #expect(try bench.body("stream_2-1.jsonl").count == text.utf8.count + 1)
        #expect(try bench.body("stream_1-1.jsonl") == Array(text.utf8), "nothing behind a gap")
        let end = try bench.lines("stream_1-1.jsonl").last
        #expect(end?["error"] as? String == "folder" && end?["bytes"] as? Int == text.utf8.count && end?["chunks"] as? Int == 1)
    }

    @Test("removes what has reached its age, but nothing under way") func retention() throws {
        let bench = try SpoolBench { $0.retention = 60_000_000_000 }
        try bench.whole(1, bytes: 10, age: 61)
        try bench.whole(2, bytes: 10, age: 30)
        bench.write(3, SpoolFormatTests.head(id: "stream_3"), [(1, "x")])
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: bench.url.path + "/stream_3-1.jsonl")
        bench.writer.sweep(at: Int64(Date().timeIntervalSince1970 * 1e9))
        #expect(bench.names == ["stream_2-1.jsonl", "stream_3-1.jsonl"])
        #expect(bench.writer.folderBytes == 8192)
    }

    @Test("goes on when the folder is gone, counts what it lost, and uses it when it is back") func removed() throws {
        let bench = try SpoolBench()
        bench.write(1, SpoolFormatTests.head(id: "stream_1"), [(1, "x")])
        try FileManager.default.removeItem(at: bench.url)
        for time in 2..<5 { bench.write(1, nil, [(time, "y")]) }
        bench.write(2, SpoolFormatTests.head(id: "stream_2"), [(1, "x")], end: .answer(.complete))
        #expect(bench.dropped("folder") == 2 && !FileManager.default.fileExists(atPath: bench.url.path))
        try bench.folder.prepare()
        bench.write(1, nil, [(9, "z")], end: .answer(.complete))
        #expect(bench.names == [], "the end alone makes no file")
        bench.write(3, SpoolFormatTests.head(id: "stream_3"), [(1, "x")], end: .answer(.complete))
        #expect(bench.names == ["stream_3-1.jsonl"] && bench.writer.answers.isEmpty)
    }

    @Test("makes no file of an end whose head could not be written") func endAlone() throws {
        let bench = try SpoolBench()
        try FileManager.default.removeItem(at: bench.url)
        bench.write(1, SpoolFormatTests.head(id: "stream_1"), [(1, "x")])
        try bench.folder.prepare()
        bench.write(1, end: .answer(.complete))
        #expect(bench.names == [] && bench.dropped("folder") == 1 && bench.writer.answers.isEmpty)
    }

    @Test("weighs the heads of answers that wait for the disk") func weight() {
        var batch = SpoolBatch()
        let field = (name: "x", value: String(repeating: "v", count: 1000))
        for number in 0..<10 {
            batch.append(.begin(UInt64(number), SpoolFormatTests.head(fields: Array(repeating: field, count: 100))))
        }
        #expect(batch.weight > 1_000_000 && batch.weight < 1_200_000)
        var handedOn = SpoolFormatTests.head()
        handedOn.head.lines = HTTPFields(Array(repeating: HTTPFields.Field(field.name, field.value), count: 100))
        #expect(handedOn.weight > 100_000)
    }

    @Test("writes into no file that was there, nor through a link") func foreign() throws {
        let bench = try SpoolBench()
        let target = bench.url.appendingPathComponent("target")
        try Data("mine".utf8).write(to: target)
        try FileManager.default.createSymbolicLink(
            at: bench.url.appendingPathComponent("stream_1-1.jsonl"), withDestinationURL: target)
        bench.write(1, SpoolFormatTests.head(id: "stream_1"), [(1, "x")], end: .answer(.complete))
        #expect(bench.dropped("folder") == 1)
        #expect(try Data(contentsOf: target) == Data("mine".utf8))
    }

    @Test("is erased by the key that its answers were for") func erase() throws {
        let bench = try SpoolBench()
        for (number, key) in [(1, "key_a"), (2, "key_b"), (3, nil), (4, "key_a")] as [(UInt64, String?)] {
            bench.write(number, SpoolFormatTests.head(id: "stream_\(number)", key: key), [(1, "key_a")])
        }
        #expect(try SpoolEraser.erase(key: "key_a", from: bench.folder) == 2)
        bench.write(1, nil, [(2, "more")], end: .answer(.complete))
        #expect(bench.names == ["stream_2-1.jsonl", "stream_3-1.jsonl"], "what comes after is not kept either")
        #expect(try SpoolEraser.erase(key: "key_a", from: bench.folder) == 0)
    }

    @Test("is erased also where heads are long") func eraseLong() throws {
        let bench = try SpoolBench()
        let fields = (0..<64).map { (name: "x-\($0)", value: String(repeating: "v", count: 4000)) }
        bench.write(1, SpoolFormatTests.head(fields: fields, id: "stream_1", key: "key_a"), [(1, "x")])
        #expect(try SpoolEraser.erase(key: "key_a", from: bench.folder) == 1 && bench.names == [])
    }

    @Test("is not said to be erased when it could not be looked through") func eraseFails() throws {
        let bench = try SpoolBench()
        #expect(throws: StorageError.self) { try SpoolEraser.erase(key: "key_a", from: SpoolFolder(bench.url.path + "/none")) }
        bench.write(2, SpoolFormatTests.head(id: "stream_2", key: "key_a"), [(1, "x")])
        try Data(count: 9 << 20).write(to: bench.url.appendingPathComponent("stream_1-1.jsonl"))
        try Data(count: 9).write(to: bench.url.appendingPathComponent("stream_3-1.jsonl"))
        do {
            _ = try SpoolEraser.erase(key: "key_a", from: bench.folder)
            Issue.record("it was said to be erased")
        } catch {
            #expect("\(error)".hasPrefix("1 spooled answers are removed, but 1 files may be left: "), "\(error)")
        }
        #expect(bench.names == ["stream_1-1.jsonl", "stream_3-1.jsonl"], "the rest is erased")
    }

    @Test("says why a folder cannot be used") func unusable() throws {
        let bench = try SpoolBench()
        let file = bench.url.appendingPathComponent("file")
        try Data().write(to: file)
        for path in [file.path, file.path + "/below", "/proc/none/spool", "/proc/self", bench.url.path + "/two/levels"] {
            #expect(throws: StorageError.self) { try SpoolFolder(path).prepare() }
        }
        #expect(bench.names == ["file"], "nothing is left of the attempt")
    }
}
