// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Services
package import Storage

/// `GET /api/v1/audit`, `/api/v1/audit/{id}` and `/api/v1/audit/export`: what is recorded of requests.
///
/// The administrator sees all, a virtual key what its own user of its own organisation did, or without these what it did itself. What
/// belongs to others looks as if it did not exist.
package final class AuditDoor: Door {
    /// Where the door is; `{id}` and `export` stand below.
    package static let path = "/api/v1/audit"
    package let methods = ["GET"]
    private let gate: DoorGate
    private let store: AuditStore
    private static let parameters = [
        "key", "organization", "user", "model", "provider", "door", "outcome", "status", "request_id", "from", "to", "q",
    ]

    package init(_ gate: DoorGate, _ store: AuditStore) {
        self.gate = gate
        self.store = store
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let scope = gate.admitReader(request, id: id, door: AuditDoor.path)?.sight else { return }
        do throws(ChatFailure) {
            // Behind `api`, `v1` and `audit`.
            guard let rest = request.head.pathSegments?.dropFirst(3) else { throw ErrorReply.notFound }
            switch (rest.count, rest.first) {
            case (0, _): try list(request, id, scope)
            case (1, "export"): try export(request, id, scope)
            case (1, let row?): try show(row, request, id, scope)
            default: throw ErrorReply.notFound
            }
        } catch {
            ErrorReply.send(error, .openAIChat, requestID: id, to: request.response)
        }
    }

    private func list(_ request: ServerRequest, _ id: String, _ scope: AuditScope) throws(ChatFailure) {
        let query = try QueryParameters(request.head, allowed: AuditDoor.parameters + ["limit", "cursor", "include"])
        let filter = try filter(query, scope)
        guard query["include"] == nil || query["include"] == "content" else {
            throw QueryParameters.wrong("'include' can only be 'content'.", "include")
        }
        let withTexts = query["include"] != nil
        let limit = try query.integer("limit", 1...(withTexts ? 100 : 1000)) ?? (withTexts ? 20 : 100)
        var place: PageCursor?
        if let cursor = query["cursor"] {
            guard let found = PageCursor(cursor) else {
                throw QueryParameters.wrong("'cursor' is none that was given out: leave it away to begin anew.", "cursor")
            }
            place = found
        }
        AuditStream.begin(request, id, store, gate, filter, .list(after: place, limit: limit, withTexts: withTexts))
    }

    private func export(_ request: ServerRequest, _ id: String, _ scope: AuditScope) throws(ChatFailure) {
        let query = try QueryParameters(request.head, allowed: AuditDoor.parameters)
        AuditStream.begin(request, id, store, gate, try filter(query, scope), .lines)
    }

    private func show(_ row: String, _ request: ServerRequest, _ id: String, _ scope: AuditScope) throws(ChatFailure) {
        _ = try QueryParameters(request.head, allowed: [])
        let response = request.response
        store.row(row, in: scope) { result in
            switch result {
            case .failure: ErrorReply.send(ErrorReply.storageUnavailable, .openAIChat, requestID: id, to: response)
            case .success(nil): ErrorReply.send(ErrorReply.notFound, .openAIChat, requestID: id, to: response)
            case .success(let row?):
                JSONReply.send(requestID: id, to: response) { json in AuditJSON.write(row, withTexts: true, &json) }
            }
        }
    }

    private func filter(_ query: QueryParameters, _ scope: AuditScope) throws(ChatFailure) -> AuditFilter {
        var filter = AuditFilter(scope)
        filter.keyID = query["key"]
        filter.organization = query["organization"]
        filter.user = query["user"]
        filter.model = query["model"]
        filter.provider = query["provider"]
        filter.door = query["door"]
        filter.outcome = query["outcome"]
        filter.status = try query.integer("status", 100...599)
        filter.requestID = query["request_id"]
        filter.from = try query.time("from")
        filter.to = try query.time("to")
        filter.text = query["q"]
        return filter
    }
}

@available(*, unavailable)
extension AuditDoor: Sendable {}
