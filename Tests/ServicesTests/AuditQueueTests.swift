// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

@testable import Services

@Suite("AuditQueue") struct AuditQueueTests {
    static func row(_ number: Int, text: Int = 0) -> AuditRow {
        var row = AuditRow()
        row.id = "audit_\(number)"
        if text > 0 { row.responseText = String(repeating: "x", count: text) }
        return row
    }

    static func ids(_ rows: [AuditRow]) -> [Int] { rows.compactMap { Int($0.id.dropFirst(6)) } }

    static func queue(rows: Int = 100, bytes: Int = 1 << 20, keepsAll: Bool = false) -> AuditQueue {
        AuditQueue(rowLimit: rows, byteLimit: bytes, keepsAll: keepsAll)
    }

    @Test("gives the oldest rows first, and each only once until it is known what became of it") func order() {
        var queue = Self.queue()
        for number in 0..<5 { _ = queue.append(Self.row(number), isRefusal: false) }
        #expect(Self.ids(queue.next()) == [0, 1, 2, 3, 4])
        _ = queue.append(Self.row(5), isRefusal: false)
        #expect(queue.next().isEmpty)
        queue.stored()
        #expect(Self.ids(queue.next()) == [5])
        queue.stored()
        #expect(queue.count == 0 && queue.byteCount == 0)
    }

    @Test("gives rows again that were not stored, with what came meanwhile") func again() {
        var queue = Self.queue()
        for number in 0..<3 { _ = queue.append(Self.row(number), isRefusal: false) }
        _ = queue.next()
        _ = queue.append(Self.row(3), isRefusal: false)
        queue.failed()
        #expect(Self.ids(queue.next()) == [0, 1, 2, 3])
    }

    @Test("drops the newest when it is full, and takes rows again when it is not") func full() {
        var queue = Self.queue(rows: 4)
        let admissions = (0..<6).map { queue.append(Self.row($0), isRefusal: false) }
        #expect(admissions == [.taken, .taken, .taken, .taken, .dropped, .dropped])
        #expect(Self.ids(queue.next()) == [0, 1, 2, 3])
        queue.stored()
        #expect(queue.append(Self.row(6), isRefusal: false) == .taken)
    }

    @Test("leaves half of its room to requests that were not refused") func refusals() {
        var queue = Self.queue(rows: 4)
        #expect((0..<4).map { queue.append(Self.row($0), isRefusal: true) } == [.taken, .taken, .dropped, .dropped])
        #expect(queue.append(Self.row(5), isRefusal: false) == .taken)
    }

    @Test("takes rows of requests that were begun up to twice its limit when it has to keep all") func keepsAll() {
        var queue = Self.queue(rows: 4, keepsAll: true)
        #expect((0..<8).allSatisfy { queue.append(Self.row($0), isRefusal: false) == .taken })
        #expect(queue.append(Self.row(8), isRefusal: true) == .dropped)
        #expect(queue.append(Self.row(9), isRefusal: false) == .dropped)
        #expect(queue.count == 8)
    }

    @Test("keeps a row without its texts when the bytes are used up") func bytes() {
        var queue = Self.queue(bytes: 5000)
        #expect(queue.append(Self.row(0, text: 4000), isRefusal: false) == .taken)
        #expect(queue.append(Self.row(1, text: 4000), isRefusal: false) == .withoutTexts)
        let rows = queue.next()
        #expect(rows[0].responseText?.count == 4000 && !rows[0].isTruncated)
        #expect(rows[1].responseText == nil && rows[1].isTruncated)
    }

    @Test("bounds a transaction in rows and in bytes") func batches() {
        var queue = Self.queue(rows: 1000, bytes: 1 << 30)
        for number in 0..<100 { _ = queue.append(Self.row(number), isRefusal: false) }
        #expect(queue.hasBatch && queue.next().count == 64)
        queue.stored()
        #expect(!queue.hasBatch && queue.next().count == 36)
        queue.stored()
        for number in 0..<10 { _ = queue.append(Self.row(number, text: 1 << 18), isRefusal: false) }
        #expect(queue.hasBatch)
        #expect(queue.next().count == 4)
    }

    @Test("makes transactions larger when more waits than a few of them take, up to a bound") func backlog() {
        var queue = Self.queue(rows: 10_000, bytes: 1 << 30)
        for number in 0..<2000 { _ = queue.append(Self.row(number), isRefusal: false) }
        #expect(queue.next().count == 256)
        queue.failed()
        #expect(queue.next().count == 256)
        queue.stored()
        var taken: [Int] = []
        while queue.count > 0 {
            taken.append(queue.next().count)
            queue.stored()
        }
        #expect(taken.reduce(256, +) == 2000 && taken == taken.sorted(by: >) && taken.contains(128))
        for number in 0..<80 { _ = queue.append(Self.row(number, text: 1 << 18), isRefusal: false) }
        #expect(queue.next().count == 16)
    }

    @Test("finds the one row that cannot be stored, and gives up that one alone") func rejected() {
        var queue = Self.queue()
        for number in 0..<5 { _ = queue.append(Self.row(number), isRefusal: false) }
        var stored: [Int] = []
        var lost: [Int] = []
        while queue.count > 0 {
            let rows = queue.next()
            if Self.ids(rows).contains(3) {
                if let row = queue.rejected() { lost += Self.ids([row]) }
            } else {
                stored += Self.ids(rows)
                queue.stored()
            }
        }
        #expect(stored == [0, 1, 2, 4] && lost == [3])
    }

    @Test("stays in order over many thousand rows") func long() {
        var queue = Self.queue(rows: 10_000)
        var seen: [Int] = []
        for number in 0..<5000 {
            _ = queue.append(Self.row(number), isRefusal: false)
            if number % 7 == 0 {
                seen += Self.ids(queue.next())
                queue.stored()
            }
        }
        seen += Self.ids(queue.next())
        #expect(seen == Array(0..<5000))
    }
}
