// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import HTTPServer
package import Services
internal import Storage

/// What the documents' doors share.
package final class DocumentGate {
    let gate: DoorGate
    let service: ExtractionService?
    private let asksForKeys: Bool

    /// A gate to `service`, `nil` when nothing is stored. Unless `asksForKeys`, clients say themselves who they are.
    package init(_ gate: DoorGate, _ service: ExtractionService?, asksForKeys: Bool) {
        self.gate = gate
        self.service = service
        self.asksForKeys = asksForKeys
    }

    /// Admits a request, as somebody who owns documents; who is turned away has been answered.
    func admit(_ request: ServerRequest, id: String, allowsQuery: Bool) -> DocumentVisit? {
        guard let caller = gate.admit(request, id: id, door: DocumentsDoor.path, .openAIChat) else { return nil }
        guard let service else {
            gate.refuse(DocumentFailures.noStorage, request, id: id, door: DocumentsDoor.path, .openAIChat, caller)
            return nil
        }
        do throws(ChatFailure) {
            let owner = try Owner(caller, request.head, asksForKeys: asksForKeys, allowsQuery: allowsQuery)
            return DocumentVisit(
                gate: gate, service: service, request: request, response: request.response, id: id, caller: caller, owner: owner)
        } catch {
            gate.refuse(error, request, id: id, door: DocumentsDoor.path, .openAIChat, caller)
            return nil
        }
    }
}

@available(*, unavailable)
extension DocumentGate: Sendable {}

/// One admitted request at a door of the documents.
struct DocumentVisit {
    let gate: DoorGate
    let service: ExtractionService
    /// Not to be touched after its client has left.
    unowned let request: ServerRequest
    let response: ResponseWriter
    /// The request's identifier.
    let id: String
    let caller: Caller
    /// Whose documents it may see.
    let owner: Owner

    var store: DocumentStore { service.store }

    /// Answers with a failure, and records that the request went no further.
    func refuse(_ failure: ChatFailure, allow: String? = nil) {
        gate.relay.recordRefusal(failure, id: id, door: DocumentsDoor.path, caller: caller)
        var fields = HTTPFields()
        fields.append("Cache-Control", "no-store")
        if let allow { fields.append("Allow", allow) }
        ErrorReply.send(failure, .openAIChat, requestID: id, fields: fields, to: response)
    }

    /// Answers with what the store gave, or with its failure.
    func answer<Value>(_ result: Result<Value, DocumentStoreError>, _ send: (Value) -> Void) {
        switch result {
        case .success(let value): send(value)
        case .failure(let error): refuse(DocumentFailures.failure(of: error))
        }
    }
}

@available(*, unavailable)
extension DocumentVisit: Sendable {}

/// What clients are told when a document cannot be had.
enum DocumentFailures {
    static let missing = ChatFailure(
        status: 404, message: "There is no such document.", type: "invalid_request_error", code: "not_found")
    static let noResult = ChatFailure(
        status: 404, message: "The document has no result yet.", type: "invalid_request_error", code: "no_result")
    static let noStorage = ChatFailure(
        status: 503, message: "Documents cannot be stored at present.", type: "server_error", code: "storage_unavailable")
    static let notRunning = ChatFailure(
        status: 409, message: "The document is not being extracted.", type: "invalid_request_error", code: "not_extracting")
    static let busy = ChatFailure(
        status: 503, message: "Too many documents are being worked on: try again soon.", type: "server_error",
        code: "too_many_extractions", retryAfter: 5)
    static let otherSchema = ChatFailure(
        status: 409, message: "The document is being extracted with another schema: wait for it, or cancel it.",
        type: "invalid_request_error", code: "extraction_in_progress")

    /// What a failure of the store is to a client.
    static func failure(of error: DocumentStoreError) -> ChatFailure {
        switch error {
        case .notFound: missing
        case .conflict: notRunning
        case .storage: noStorage
        }
    }

    /// What a document that is not taken is to its client.
    static func failure(of error: DocumentError) -> ChatFailure {
        let (status, message, code) =
            switch error {
            case .unsupported(let text): (415, text, "unsupported_document")
            case .unreadable(let text): (422, text, "unreadable_document")
            case .badForm(let text): (400, text, "invalid_document")
            case .tooLarge(let limit): (413, "The document, or its text, has more than \(limit) bytes.", "document_too_large")
            case .cancelled: (499, "The client has left.", "client_left")
            }
        return ChatFailure(status: status, message: message, type: "invalid_request_error", code: code)
    }
}
