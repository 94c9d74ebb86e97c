// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite("AuditStore") struct AuditStoreTests {
    private static let day: Int64 = 86_400_000_000

    /// A row of the first day's `number`th second.
    private static func row(_ number: Int, _ change: (inout AuditRow) -> Void = { _ in }) -> AuditRow {
        var row = AuditRow()
        let digits = String(number, radix: 16)
        row.id = "audit_" + String(repeating: "0", count: 32 - digits.count) + digits
        row.requestID = "req_\(number)"
        row.receivedAt = Int64(number) * 1_000_000
        row.endedAt = row.receivedAt + 5
        (row.door, row.client, row.keyID, row.organization, row.user) = ("/d", "c", "key_a", "acme", "ann")
        (row.requestedModel, row.provider, row.model) = ("m", "p", "pm")
        (row.outcome, row.status, row.isAnswered) = ("completed", 200, true)
        (row.inputTokens, row.outputTokens, row.cost) = (10, 5, Money(nanos: 7))
        change(&row)
        return row
    }

    /// A store in a file of its own, and what waits for its answers.
    private final class Books {
        let bench: StorageBench
        let database: any Database
        let store: AuditStore
        private var attempt: Int64 = 0

        init() throws {
            bench = try StorageBench()
            database = try bench.sqlite()
            store = AuditStore(database)
        }

        deinit { _ = bench.close(database) }

        private func wait<Value>(_ ask: (@escaping (Value) -> Void) -> Void) throws -> Value {
            var answer: Value?
            ask { answer = $0 }
            bench.run { answer != nil }
            return try #require(answer)
        }

        @discardableResult func insert(_ rows: [AuditRow]) throws -> StorageError? {
            attempt += 1
            return try wait { done in store.insert(rows, batch: attempt) { done($0) } }
        }

        func page(_ filter: AuditFilter, after place: PageCursor? = nil, limit: Int = 100) throws -> AuditPage {
            try wait { done in
                store.page(filter, after: place, limit: limit, withTexts: true) { done($0) }
            }.get()
        }

        func row(_ id: String, _ scope: AuditScope = .everybody) throws -> AuditRow? {
            let result: Result<AuditRow?, StorageError> = try wait { done in store.row(id, in: scope) { done($0) } }
            return try result.get()
        }

        func usage(_ groups: [UsageGroup], _ filter: UsageFilter = UsageFilter(.everybody)) throws -> [UsageSum] {
            try wait { done in store.usage(filter, by: groups, limit: 1000) { done($0) } }.get()
        }

        func spent(sinceDay day: Int64) throws -> [DaySpending] {
            try wait { done in store.spentByScope(sinceDay: day) { done($0) } }.get()
        }

        func delete(before time: Int64, limit: Int) throws -> Int {
            try wait { done in store.delete(before: time, limit: limit) { done($0) } }.get()
        }

        func erase(_ key: String, limit: Int) throws -> Int {
            try wait { done in store.erase(key: key, limit: limit) { done($0) } }.get()
        }
    }

    private static func everything() -> AuditFilter { AuditFilter(.everybody) }

    @Test("gives a row back as it was stored, with and without its texts") func roundTrip() throws {
        let books = try Books()
        var row = Self.row(1) {
            (
                $0.streamID, $0.isStream, $0.attempts, $0.attemptLog, $0.firstToken, $0.duration, $0.events
            ) = ("s", true, 2, "[]", 3, 4, 5)
            ($0.cachedTokens, $0.cacheWrittenTokens, $0.reasoningTokens, $0.isEstimated) = (1, 2, 3, true)
            ($0.requestHeaders, $0.requestText, $0.requestBytes, $0.isRequestTruncated) = ("a: b", "{}", 9, true)
            ($0.responseText, $0.reasoningText, $0.toolCalls, $0.isTruncated, $0.error) = ("é\n😀", "r", "[1]", true, "e")
            $0.responseHeaders = "c: d"
        }
        #expect(try books.insert([row]) == nil)
        // That is only for the sums.
        row.isAnswered = false
        #expect(try books.row(row.id) == row)
        #expect(try books.page(Self.everything()).rows == [row])
    }

    @Test("stores and counts a row once, however often it is inserted") func exactlyOnce() throws {
        let books = try Books()
        try books.insert([Self.row(1), Self.row(2)])
        try books.insert([Self.row(1), Self.row(2)])
        try books.insert([Self.row(2), Self.row(3)])
        #expect(try books.page(Self.everything()).rows.map(\.requestID) == ["req_3", "req_2", "req_1"])
        let sums = try books.usage([])
        #expect(sums.map(\.requests) == [3] && sums[0].inputTokens == 30 && sums[0].cost == Money(nanos: 21))
    }

    @Test("sums by any groups, and tells what had no price or was estimated") func sums() throws {
        let books = try Books()
        try books.insert([
            Self.row(1), Self.row(2) { $0.cost = nil },
            Self.row(3) {
                $0.model = "other"
                $0.isEstimated = true
            },
            Self.row(4) { $0.receivedAt += Self.day },
            Self.row(6) {
                ($0.model, $0.cost, $0.inputTokens, $0.outputTokens) = ("no tokens", nil, nil, nil)
            },
            Self.row(5) {
                ($0.isAnswered, $0.model, $0.cost, $0.inputTokens, $0.outputTokens) = (false, "made up", nil, nil, nil)
            },
        ])
        let byModel = try books.usage([.model])
        #expect(byModel.map(\.group) == [[.text("")], [.text("no tokens")], [.text("other")], [.text("pm")]])
        #expect(byModel.map(\.requests) == [1, 1, 1, 3] && byModel.map(\.unpriced) == [0, 0, 0, 1])
        #expect(byModel.map(\.estimated) == [0, 0, 1, 0])
        let byDay = try books.usage([.day, .key])
        #expect(byDay.map(\.group) == [[.integer(0), .text("key_a")], [.integer(1), .text("key_a")]])
        #expect(byDay.map(\.requests) == [5, 1])
        var second = UsageFilter(.everybody)
        second.from = 1
        #expect(try books.usage([.organization], second).map(\.requests) == [1])
        #expect(try books.usage([.user], UsageFilter(.key("key_b"))).isEmpty)
    }

    @Test("gives counters what each key and organisation used on each day") func spending() throws {
        let books = try Books()
        try books.insert([Self.row(1), Self.row(2), Self.row(3) { $0.receivedAt += Self.day }])
        #expect(
            try books.spent(sinceDay: 0).sorted { $0.day < $1.day } == [
                DaySpending(day: 0, keyID: "key_a", organization: "acme", tokens: 30, cost: Money(nanos: 14)),
                DaySpending(day: 1, keyID: "key_a", organization: "acme", tokens: 15, cost: Money(nanos: 7)),
            ])
        #expect(try books.spent(sinceDay: 1).count == 1)
    }

    @Test("gives no credit, and ends sums where they would overflow") func absurd() throws {
        let books = try Books()
        for number in 1...3 {
            try books.insert([
                Self.row(number) {
                    ($0.inputTokens, $0.outputTokens, $0.cost) = (.max, -5, Money(nanos: .max))
                }
            ])
        }
        let sums = try books.usage([])
        #expect(sums[0].inputTokens == Int(AuditStore.sumLimit) && sums[0].outputTokens == 0)
        #expect(sums[0].cost == Money(nanos: AuditStore.sumLimit))
    }

    @Test("pages through all rows once, newest first, also when many came at the same time", arguments: [1, 3, 7, 100])
    func pages(limit: Int) throws {
        let books = try Books()
        try books.insert((0..<20).map { number in Self.row(number) { $0.receivedAt = Int64(number / 6) } })
        var seen: [String] = []
        var place: PageCursor?
        repeat {
            let page = try books.page(Self.everything(), after: place, limit: limit)
            seen += page.rows.map(\.requestID)
            place = page.next
        } while place != nil
        #expect(seen == (0..<20).reversed().map { "req_\($0)" })
    }

    @Test("lets through what every filter agrees with") func filters() throws {
        let books = try Books()
        try books.insert([
            Self.row(1), Self.row(2) { $0.keyID = "key_b" }, Self.row(3) { $0.organization = "b" },
            Self.row(4) { $0.user = "bob" }, Self.row(5) { $0.requestedModel = "x" }, Self.row(6) { $0.model = "x" },
            Self.row(7) { $0.provider = "x" }, Self.row(8) { $0.outcome = "refused" }, Self.row(9) { $0.status = 429 },
        ])
        func ids(_ change: (inout AuditFilter) -> Void) throws -> [Int] {
            var filter = Self.everything()
            change(&filter)
            return try books.page(filter).rows.compactMap { Int($0.requestID.dropFirst(4)) }.sorted()
        }
        #expect(try ids { $0.keyID = "key_b" } == [2])
        #expect(try ids { $0.organization = "b" } == [3])
        #expect(try ids { $0.user = "bob" } == [4])
        #expect(try ids { $0.model = "x" } == [5, 6])
        #expect(try ids { $0.provider = "x" } == [7])
        #expect(try ids { $0.outcome = "refused" } == [8])
        #expect(try ids { $0.status = 429 } == [9])
        #expect(try ids { $0.requestID = "req_4" } == [4])
        #expect(try ids { ($0.from, $0.to) = (3_000_000, 5_000_000) } == [3, 4])
        #expect(try ids { $0.scope = .member(organization: "acme", user: "bob") } == [4])
        #expect(try ids { $0.scope = .key("key_b") } == [2])
        #expect(try ids { ($0.scope, $0.keyID) = (.key("key_b"), "key_a") } == [])
        #expect(try books.row(Self.row(2).id, .key("key_a")) == nil)
        #expect(try books.row(Self.row(2).id, .key("key_b")) != nil)
    }

    @Test(
        "finds text literally, whatever its case and wherever it stands",
        arguments: [
            ("NEEDLE", [1, 2, 3, 4]), ("50%", [5]), ("a_b", [6]), ("%", [5]), ("_", [6]), (#"\"#, [7]),
            ("'; DROP TABLE audit; --", [8]),
            ("aXb", []),
        ] as [(String, [Int])])
    func search(text: String, found: [Int]) throws {
        let books = try Books()
        try books.insert([
            Self.row(1) { $0.requestText = "a needle" }, Self.row(2) { $0.responseText = "Needle" },
            Self.row(3) { $0.toolCalls = "needle" }, Self.row(4) { $0.reasoningText = "nEEdle" },
            Self.row(5) { $0.responseText = "50%" }, Self.row(6) { $0.responseText = "a_b" },
            Self.row(7) { $0.responseText = #"\"# }, Self.row(8) { $0.error = "'; DROP TABLE audit; --" },
            Self.row(9) { $0.responseText = "aYb" },
        ])
        var filter = Self.everything()
        filter.text = text
        let rows = try books.page(filter).rows
        #expect(rows.compactMap { Int($0.requestID.dropFirst(4)) }.sorted() == found)
    }

    @Test("searches a bounded number of rows at once, and goes on from there") func searchWindow() throws {
        let books = try Books()
        let count = AuditStore.searchWindow + 10
        for start in stride(from: 0, to: count, by: 500) {
            try books.insert(
                (start..<min(start + 500, count)).map { number in
                    Self.row(number) { $0.responseText = number == 3 ? "needle" : "hay" }
                })
        }
        var filter = Self.everything()
        filter.text = "needle"
        let first = try books.page(filter)
        #expect(first.rows.isEmpty && first.next != nil)
        let second = try books.page(filter, after: first.next)
        #expect(second.rows.map(\.requestID) == ["req_3"] && second.next == nil)
    }

    @Test("deletes the oldest rows in portions, and keeps the sums") func retention() throws {
        let books = try Books()
        try books.insert((0..<10).map { Self.row($0) })
        #expect(try books.delete(before: 5_000_000, limit: 3) == 3)
        #expect(try books.delete(before: 5_000_000, limit: 3) == 2)
        #expect(try books.delete(before: 5_000_000, limit: 3) == 0)
        #expect(try books.page(Self.everything()).rows.count == 5)
        #expect(try books.usage([])[0].requests == 10)
    }

    @Test("erases what a key said, in portions, and nothing else") func erase() throws {
        let books = try Books()
        try books.insert(
            (0..<6).map { number in
                Self.row(number) {
                    $0.keyID = number % 2 == 0 ? "key_a" : "key_b"
                    ($0.requestText, $0.responseText, $0.error) = ("secret", "secret", "secret")
                }
            })
        #expect(try books.erase("key_a", limit: 2) == 2)
        #expect(try books.erase("key_a", limit: 2) == 1)
        #expect(try books.erase("key_a", limit: 2) == 0)
        for row in try books.page(Self.everything()).rows {
            #expect((row.responseText == nil) == (row.keyID == "key_a") && row.inputTokens == 10)
        }
    }

    @Test("keeps text with a NUL and with any character") func oddText() throws {
        let books = try Books()
        let text = "a\0b\u{2028}\u{1B}[31m\u{FFFD}\u{10FFFF}"
        try books.insert([Self.row(1) { $0.responseText = text }])
        #expect(try books.row(Self.row(1).id)?.responseText == text)
    }
}
