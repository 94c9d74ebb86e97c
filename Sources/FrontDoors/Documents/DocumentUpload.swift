// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Reactor
internal import Services
internal import Storage

/// One upload: takes in the body, has it read by a thread that may wait, stores it.
final class DocumentUpload: RequestOwner {
    /// Bytes of a form beside the document itself.
    private static let formRoom = 128 << 10
    private let visit: DocumentVisit
    private let contentType: String?
    private let name: String?
    private let schema: String?
    private let cancellation = Cancellation()
    private var isGone = false

    /// Begins to take in a document; answers who is turned away.
    static func begin(_ visit: DocumentVisit) {
        guard !visit.request.head.hasCoding else { return visit.refuse(ErrorReply.compressed) }
        visit.request.owner = DocumentUpload(visit)
        visit.request.collectBody(limit: visit.service.policy.maxBytes + formRoom)
    }

    private init(_ visit: DocumentVisit) {
        self.visit = visit
        let head = visit.request.head
        contentType = head.fields["content-type"]
        name = head.queryParameter("name")
        schema = head.queryParameter("schema")
    }

    func receivedBody(_ body: [UInt8]) {
        let policy = visit.service.policy
        var intake = DocumentIntake(
            body: body, contentType: contentType, name: name, schema: schema, maxBytes: policy.maxBytes,
            maxSeconds: policy.convertSeconds)
        intake.cancellation = cancellation
        let work = intake
        let isTaken = visit.service.workers.submit(for: visit.owner, { work.read() }) { [self] result in
            guard !isGone else { return }
            switch result {
            case .success(let document): store(document)
            case .failure(let error): visit.refuse(DocumentFailures.failure(of: error))
            }
        }
        if !isTaken { visit.refuse(DocumentFailures.busy) }
    }

    func clientLeft() {
        isGone = true
        cancellation.cancel()
    }

    func drained() {}

    private func store(_ new: NewDocument) {
        let document = StoredDocument(
            id: Identifier.make("doc"), name: new.name, mediaType: new.kind.rawValue, bytes: new.content.count,
            schema: new.schema, createdAt: wallClockMicroseconds())
        visit.store.create(document, visit.owner, content: new.content, text: new.text) { [visit] error in
            visit.answer(error.map { .failure($0) } ?? .success(document)) { document in
                JSONReply.send(status: 201, requestID: visit.id, to: visit.response) { json in
                    DocumentReply.write(document, &json)
                }
            }
        }
    }
}

@available(*, unavailable)
extension DocumentUpload: Sendable {}
