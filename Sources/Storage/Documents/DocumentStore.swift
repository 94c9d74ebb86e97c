// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// Documents in a database. What every call gives comes later, on the loop, exactly once.
package final class DocumentStore {
    private let database: any Database

    /// Documents in `database`.
    package init(_ database: any Database) {
        self.database = database
    }

    /// Stores a new document with its content and its text.
    package func create(
        _ document: StoredDocument, _ owner: Owner, content: [UInt8], text: String,
        _ done: @escaping (DocumentStoreError?) -> Void
    ) {
        database.write(DocumentStore.insert(document, owner, content: content, text: text)) { result in
            done(DocumentStore.failure(of: result, otherwise: .conflict))
        }
    }

    /// One document.
    package func find(
        _ id: String, _ owner: Owner, _ done: @escaping (Result<StoredDocument, DocumentStoreError>) -> Void
    ) {
        database.read(DocumentStore.find(id, owner)) { result in
            done(DocumentStore.first(result, DocumentStore.document))
        }
    }

    /// At most `limit` documents, the one stored last first, of those stored before `before`; without their schemas and how
    /// far a run is.
    package func list(
        _ owner: Owner, before: (time: Int64, id: String)?, limit: Int,
        _ done: @escaping (Result<[StoredDocument], DocumentStoreError>) -> Void
    ) {
        database.read(DocumentStore.list(owner, before: before, limit: limit)) { result in
            done(result.map { $0.rows.compactMap(DocumentStore.document) }.mapError { .storage($0) })
        }
    }

    /// The bytes of a document, as they came.
    package func content(
        of id: String, _ owner: Owner, _ done: @escaping (Result<[UInt8], DocumentStoreError>) -> Void
    ) {
        database.read(DocumentStore.contents("content", of: id, owner)) { result in
            done(DocumentStore.first(result) { $0.first?.blob })
        }
    }

    /// The text of a document.
    package func text(
        of id: String, _ owner: Owner, _ done: @escaping (Result<String, DocumentStoreError>) -> Void
    ) {
        database.read(DocumentStore.contents("plain_text", of: id, owner)) { result in
            done(DocumentStore.first(result) { $0.first?.text })
        }
    }

    /// The last result of a document as JSON; `nil` when it has none yet.
    package func result(
        of id: String, _ owner: Owner, _ done: @escaping (Result<String?, DocumentStoreError>) -> Void
    ) {
        database.read(DocumentStore.contents("result", of: id, owner)) { result in
            done(DocumentStore.first(result) { row in .some(row.first?.text) })
        }
    }

    /// Takes a document for a run; `conflict` when there is none that may be taken: somebody else's, gone, or in the hands of a
    /// run that was alive after `staleBefore`.
    package func claim(
        _ id: String, _ owner: Owner, run: String, schema: String, staleBefore: Int64, at time: Int64,
        _ done: @escaping (DocumentStoreError?) -> Void
    ) {
        let statement = DocumentStore.claim(id, owner, run: run, schema: schema, staleBefore: staleBefore, at: time)
        database.write([statement]) { result in done(DocumentStore.failure(of: result, otherwise: .conflict)) }
    }

    /// Says that a run lives and how far it is; `done` hears false when the document is no longer the run's: it was cancelled,
    /// deleted, or taken by another.
    package func beat(
        _ id: String, run: String, progress: String, at time: Int64, _ done: @escaping (Result<Bool, DocumentStoreError>) -> Void
    ) {
        database.write([DocumentStore.beat(id, run: run, progress: progress, at: time)]) { result in
            done(result.map { ($0.first?.affected ?? 0) > 0 }.mapError { .storage($0) })
        }
    }

    /// Ends a run; `conflict` when the document is no longer the run's.
    package func end(
        _ id: String, run: String, _ end: DocumentEnd, at time: Int64, _ done: @escaping (DocumentStoreError?) -> Void
    ) {
        database.write(DocumentStore.end(id, run: run, end, at: time)) { result in
            done(DocumentStore.failure(of: result, otherwise: .conflict))
        }
    }

    /// Marks a document whose extraction is under way as cancelled; `conflict` when none is.
    package func cancel(
        _ id: String, _ owner: Owner, at time: Int64, _ done: @escaping (DocumentStoreError?) -> Void
    ) {
        database.write([DocumentStore.cancel(id, owner, at: time)]) { result in
            done(DocumentStore.failure(of: result, otherwise: .conflict))
        }
    }

    /// Marks runs that nobody has heard of since `staleBefore` as failed, `interrupted`: those of instances that died. Gives
    /// their number.
    package func sweep(
        staleBefore: Int64, at time: Int64, _ done: @escaping (Result<Int, DocumentStoreError>) -> Void
    ) {
        database.write([DocumentStore.sweep(staleBefore: staleBefore, at: time)]) { result in
            done(result.map { $0.first?.affected ?? 0 }.mapError { .storage($0) })
        }
    }

    /// Deletes a document with its result.
    package func delete(_ id: String, _ owner: Owner, _ done: @escaping (DocumentStoreError?) -> Void) {
        database.write([DocumentStore.delete(id, owner)]) { result in
            done(DocumentStore.failure(of: result, otherwise: .notFound))
        }
    }

    private static func first<Value>(
        _ result: Result<SQLRows, StorageError>, _ read: ([SQLValue]) -> Value?
    ) -> Result<Value, DocumentStoreError> {
        result.mapError { .storage($0) }.flatMap { rows in
            guard let row = rows.rows.first else { return .failure(.notFound) }
            guard let value = read(row) else { return .failure(.storage(.corrupt("a row of the documents"))) }
            return .success(value)
        }
    }

    private static func failure(
        of result: Result<[SQLRows], StorageError>, otherwise conflict: DocumentStoreError
    ) -> DocumentStoreError? {
        switch result {
        case .success: nil
        case .failure(.conflict): conflict
        case .failure(let error): .storage(error)
        }
    }
}

@available(*, unavailable)
extension DocumentStore: Sendable {}
