// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

@Suite("DocumentStore") struct DocumentStoreTests {
    private let mine = Owner(organization: "o", user: "u")
    private static let strangers = [
        Owner(organization: "o", user: "v"), Owner(organization: "p", user: "u"), Owner(organization: "", user: ""),
    ]

    private func document(_ id: String, at time: Int64 = 1) -> StoredDocument {
        StoredDocument(id: id, name: "a.txt", mediaType: "text/plain", bytes: 3, schema: "{}", createdAt: time)
    }

    /// Waits for what a call gives.
    private func wait<Value>(_ bench: StorageBench, _ call: (@escaping (Value) -> Void) -> Void) -> Value? {
        var given: Value?
        call { given = $0 }
        bench.run { given != nil }
        return given
    }

    private func create(_ store: DocumentStore, _ bench: StorageBench, _ id: String, at time: Int64 = 1) {
        var error: DocumentStoreError??
        store.create(document(id, at: time), mine, content: [1, 2, 3], text: "abc") { error = .some($0) }
        bench.run { error != nil }
        #expect(error == .some(nil))
    }

    private func outcome(_ bench: StorageBench, _ call: (@escaping (DocumentStoreError?) -> Void) -> Void) -> DocumentStoreError?
    {
        var given: DocumentStoreError??
        call { given = .some($0) }
        bench.run { given != nil }
        return given ?? nil
    }

    @Test("gives back what was stored, to its owner alone", arguments: TestEngine.all)
    func owned(_ engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let store = DocumentStore(database)
        create(store, bench, "doc_1")
        #expect(wait(bench) { store.find("doc_1", mine, $0) } == .success(document("doc_1")))
        #expect(wait(bench) { store.content(of: "doc_1", mine, $0) } == .success([1, 2, 3]))
        #expect(wait(bench) { store.text(of: "doc_1", mine, $0) } == .success("abc"))
        #expect(wait(bench) { store.result(of: "doc_1", mine, $0) } == .success(nil))
        for stranger in Self.strangers {
            #expect(wait(bench) { store.find("doc_1", stranger, $0) } == .failure(.notFound))
            #expect(wait(bench) { store.content(of: "doc_1", stranger, $0) } == .failure(.notFound))
            #expect(wait(bench) { store.text(of: "doc_1", stranger, $0) } == .failure(.notFound))
            #expect(wait(bench) { store.result(of: "doc_1", stranger, $0) } == .failure(.notFound))
            #expect(wait(bench) { store.list(stranger, before: nil, limit: 9, $0) } == .success([]))
            #expect(outcome(bench) { store.delete("doc_1", stranger, $0) } == .notFound)
            #expect(
                outcome(bench) { store.claim("doc_1", stranger, run: "r", schema: "s", staleBefore: 0, at: 2, $0) } == .conflict)
        }
        #expect(outcome(bench) { store.delete("doc_1", mine, $0) } == nil)
        #expect(wait(bench) { store.find("doc_1", mine, $0) } == .failure(.notFound))
        #expect(try bench.read(database, "SELECT count(*) FROM document_contents").rows == [[.integer(0)]])
        bench.close(database)
    }

    @Test("lists the latest first, page by page", arguments: TestEngine.all)
    func pages(_ engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let store = DocumentStore(database)
        for (id, time) in [("a", 1), ("b", 2), ("c", 2), ("d", 3)] { create(store, bench, id, at: Int64(time)) }
        let first = try wait(bench) { store.list(mine, before: nil, limit: 2, $0) }?.get() ?? []
        #expect(first.map(\.id) == ["d", "c"])
        #expect(first.allSatisfy { $0.schema == nil && $0.name == "a.txt" && $0.bytes == 3 })
        let next = try wait(bench) { store.list(mine, before: (2, "c"), limit: 2, $0) }?.get() ?? []
        #expect(next.map(\.id) == ["b", "a"])
        bench.close(database)
    }

    @Test("one run has a document at a time, until it is heard of no more", arguments: TestEngine.all)
    func claims(_ engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let store = DocumentStore(database)
        create(store, bench, "doc_1")
        func claim(_ run: String, staleBefore: Int64, at time: Int64) -> DocumentStoreError? {
            outcome(bench) { store.claim("doc_1", mine, run: run, schema: "s", staleBefore: staleBefore, at: time, $0) }
        }
        #expect(claim("one", staleBefore: 0, at: 100) == nil)
        #expect(claim("two", staleBefore: 50, at: 110) == .conflict)
        #expect(wait(bench) { store.beat("doc_1", run: "one", progress: "extracting 1 2", at: 120, $0) } == .success(true))
        #expect(claim("two", staleBefore: 119, at: 130) == .conflict)
        #expect(claim("two", staleBefore: 121, at: 130) == nil)
        #expect(wait(bench) { store.beat("doc_1", run: "one", progress: "", at: 140, $0) } == .success(false))
        #expect(outcome(bench) { store.end("doc_1", run: "one", .done("{}"), at: 150, $0) } == .conflict)
        #expect(wait(bench) { store.result(of: "doc_1", mine, $0) } == .success(nil))
        #expect(outcome(bench) { store.end("doc_1", run: "two", .done("{\"r\":1}"), at: 160, $0) } == nil)
        #expect(wait(bench) { store.result(of: "doc_1", mine, $0) } == .success("{\"r\":1}"))
        // A later run that fails leaves the result readable.
        #expect(claim("three", staleBefore: 0, at: 170) == nil)
        #expect(outcome(bench) { store.end("doc_1", run: "three", .failed("no"), at: 180, $0) } == nil)
        let stored = try wait(bench) { store.find("doc_1", mine, $0) }?.get()
        #expect(stored?.status == .failed && stored?.error == "no")
        #expect(wait(bench) { store.result(of: "doc_1", mine, $0) } == .success("{\"r\":1}"))
        bench.close(database)
    }

    @Test("a cancelled run may not end, and runs of dead processes are swept up", arguments: TestEngine.all)
    func ends(_ engine: TestEngine) throws {
        let bench = try StorageBench()
        let database = try bench.database(engine)
        let store = DocumentStore(database)
        for id in ["a", "b", "c"] { create(store, bench, id) }
        for (id, time) in [("a", 100), ("b", 100), ("c", 300)] {
            #expect(outcome(bench) { store.claim(id, mine, run: id, schema: "s", staleBefore: 0, at: Int64(time), $0) } == nil)
        }
        #expect(outcome(bench) { store.cancel("a", Self.strangers[0], at: 110, $0) } == .conflict)
        #expect(outcome(bench) { store.cancel("a", mine, at: 110, $0) } == nil)
        #expect(outcome(bench) { store.cancel("a", mine, at: 111, $0) } == .conflict)
        #expect(outcome(bench) { store.end("a", run: "a", .done("{}"), at: 120, $0) } == .conflict)
        #expect(wait(bench) { store.sweep(staleBefore: 200, at: 400, $0) } == .success(1))
        let all = try wait(bench) { store.list(mine, before: nil, limit: 9, $0) }?.get() ?? []
        #expect(all.map(\.status) == [.extracting, .failed, .cancelled])
        #expect(all.map(\.error) == [nil, "interrupted", nil])
        bench.close(database)
    }
}
