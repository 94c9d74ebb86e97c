// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Services
internal import Storage

/// `/api/v1/documents` and what is below it: documents, their extraction, their results.
package final class DocumentsDoor: Door {
    /// Where the door is, and how logs and metrics know it.
    package static let path = "/api/v1/documents"
    package let methods = ["GET", "POST", "DELETE"]
    private let gate: DocumentGate

    package init(_ gate: DocumentGate) {
        self.gate = gate
    }

    package func receive(_ request: ServerRequest, id: String) {
        let below = request.head.pathSegments?.dropFirst(3) ?? ["", "", ""]
        let action = below.dropFirst().first ?? ""
        guard let visit = gate.admit(request, id: id, allowsQuery: action == "extract-stream") else { return }
        let method = request.head.method == "HEAD" ? "GET" : request.head.method
        let document = below.first ?? ""
        switch (below.count, action, method) {
        case (0, _, "GET"): list(visit)
        case (0, _, "POST"): DocumentUpload.begin(visit)
        case (0, _, _): visit.refuse(ErrorReply.methodNotAllowed, allow: "GET, HEAD, POST")
        case (1, _, "GET"): find(visit, document)
        case (1, _, "DELETE"): delete(visit, document)
        case (1, _, _): visit.refuse(ErrorReply.methodNotAllowed, allow: "GET, HEAD, DELETE")
        case (2, "result", "GET"): result(visit, document)
        case (2, "content", "GET"): content(visit, document)
        case (2, "result", _), (2, "content", _): visit.refuse(ErrorReply.methodNotAllowed, allow: "GET, HEAD")
        // To ask for the head alone must not begin an extraction.
        case (2, "extract-stream", _) where request.head.method == "GET": ExtractionStream.begin(visit, document)
        case (2, "extract-stream", _): visit.refuse(ErrorReply.methodNotAllowed, allow: "GET")
        case (2, "cancel", "POST"): cancel(visit, document)
        case (2, "cancel", _): visit.refuse(ErrorReply.methodNotAllowed, allow: "POST")
        default: visit.refuse(ErrorReply.notFound)
        }
    }

    private func list(_ visit: DocumentVisit) {
        let head = visit.request.head
        let limit = head.queryParameter("limit").map { Int($0) } ?? 20
        guard let limit, (1...100).contains(limit) else {
            return visit.refuse(BodyFields.wrong("limit", "a whole number from 1 to 100"))
        }
        var before: PageCursor?
        if let text = head.queryParameter("cursor") {
            before = PageCursor(text)
            guard before != nil else {
                return visit.refuse(BodyFields.wrong("cursor", "one that a page of this list gave"))
            }
        }
        // One more than asked for tells whether there is another page.
        visit.store.list(visit.owner, before: before.map { ($0.time, $0.id) }, limit: limit + 1) { result in
            visit.answer(result) { found in
                let page = found.prefix(limit)
                let cursor = found.count > limit ? page.last.map { PageCursor(time: $0.createdAt, id: $0.id) } : nil
                JSONReply.send(requestID: visit.id, to: visit.response) { json in
                    json.object { json in
                        json.member("object", literal: "list")
                        json.key("data")
                        json.array { json in for document in page { DocumentReply.write(document, &json) } }
                        json.member("has_more", cursor != nil)
                        json.member("next_cursor", cursor.map { .string($0.text) } ?? .null)
                    }
                }
            }
        }
    }

    private func find(_ visit: DocumentVisit, _ document: String) {
        visit.store.find(document, visit.owner) { found in
            visit.answer(found) { stored in
                visit.store.result(of: document, visit.owner) { result in
                    visit.answer(result) { text in
                        let body = DocumentReply.body(stored, result: text)
                        visit.response.respond(status: 200, fields: JSONReply.fields(visit.id), body: body.bytes)
                    }
                }
            }
        }
    }

    private func result(_ visit: DocumentVisit, _ document: String) {
        visit.store.result(of: document, visit.owner) { result in
            visit.answer(result) { text in
                guard let text else { return visit.refuse(DocumentFailures.noResult) }
                visit.response.respond(status: 200, fields: JSONReply.fields(visit.id), body: text.utf8.span)
            }
        }
    }

    /// The bytes as they came, for saving only: a page that somebody uploaded must never be shown as one of the gateway's.
    private func content(_ visit: DocumentVisit, _ document: String) {
        visit.store.content(of: document, visit.owner) { result in
            visit.answer(result) { bytes in
                var fields = JSONReply.fields(visit.id, type: "application/octet-stream")
                fields.append("Content-Disposition", "attachment")
                visit.response.respond(status: 200, fields: fields, body: bytes.span)
            }
        }
    }

    private func delete(_ visit: DocumentVisit, _ document: String) {
        visit.store.delete(document, visit.owner) { error in
            visit.answer(error.map { .failure($0) } ?? .success(())) {
                visit.service.deleted(document)
                let nothing: [UInt8] = []
                visit.response.respond(status: 204, fields: JSONReply.fields(visit.id), body: nothing.span)
            }
        }
    }

    private func cancel(_ visit: DocumentVisit, _ document: String) {
        visit.store.find(document, visit.owner) { found in
            visit.answer(found) { _ in
                visit.service.cancel(document, visit.owner) { error in
                    visit.answer(error.map { .failure($0) } ?? .success(())) {
                        JSONReply.send(requestID: visit.id, to: visit.response) { json in
                            json.object { json in
                                json.member("id", document)
                                json.member("status", literal: "cancelled")
                            }
                        }
                    }
                }
            }
        }
    }
}

@available(*, unavailable)
extension DocumentsDoor: Sendable {}
