// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
package import Services
internal import Storage
package import Telemetry

/// `/admin/keys` and `/admin/keys/{id}`: the virtual keys, for the administrator.
///
/// Whoever else comes is told 401 or 403 whatever the method is.
package final class KeysDoor: Door {
    /// Where the door is; what one key is asked for has its identifier below.
    package static let path = "/admin/keys"
    package let methods = ["GET", "POST", "PATCH", "DELETE"]
    package let takesAnyMethod = true
    private static let bodyLimit = 256 << 10
    private let gate: DoorGate
    private let keys: KeyService?
    private let log: Log

    /// A door to `keys`, which are `nil` without a database.
    package init(_ gate: DoorGate, _ keys: KeyService?, log: Log) {
        self.gate = gate
        self.keys = keys
        self.log = log
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let caller = gate.admitAdmin(request, id: id, door: KeysDoor.path) else { return }
        let call = KeysCall(request.response, id: id, by: caller, log)
        guard let segments = request.head.pathSegments, segments.count == 2 || segments.count == 3 && !segments[2].isEmpty else {
            return call.fail(ErrorReply.notFound)
        }
        let key = segments.count == 3 ? segments[2] : nil
        let allowed = key == nil ? ["GET", "POST"] : ["GET", "PATCH", "DELETE"]
        let method = request.head.method == "HEAD" ? "GET" : request.head.method
        guard allowed.contains(method) else {
            return ErrorReply.refuseMethod(allowed: allowed, .openAIChat, requestID: id, to: request.response)
        }
        guard let keys else { return call.fail(KeysDoor.noDatabase) }
        switch (method, key) {
        case ("POST", _):
            call.receive(request, limit: KeysDoor.bodyLimit) { call, body throws(KeyProblem) in
                keys.create(try KeyBody.draft(body, now: keys.now()), call.created)
            }
        case ("PATCH", let key?):
            call.receive(request, limit: KeysDoor.bodyLimit) { call, body throws(KeyProblem) in
                keys.update(key, try KeyBody.change(body, now: keys.now())) { call.show($0, noting: "key changed") }
            }
        case ("DELETE", let key?): keys.revoke(key) { call.show($0, noting: "key revoked") }
        case (_, let key?): keys.store.find(key) { call.show($0) }
        default: list(keys, request.head, call)
        }
    }

    private func list(_ keys: KeyService, _ head: RequestHead, _ call: KeysCall) {
        do throws(KeyProblem) {
            var limit = 100
            if let text = try KeysDoor.parameter("limit", head) {
                guard let number = Int(text), (1...KeyStore.pageLimit).contains(number) else {
                    throw KeyProblem("limit", "limit must be a whole number from 1 to \(KeyStore.pageLimit).")
                }
                limit = number
            }
            var cursor: PageCursor?
            if let text = try KeysDoor.parameter("cursor", head) {
                cursor = PageCursor(text)
                guard cursor != nil else { throw KeyProblem("cursor", "This is no cursor that a list gave.") }
            }
            let filter = KeyStore.Filter(
                organization: try KeysDoor.parameter("organization", head), user: try KeysDoor.parameter("user", head))
            // One more than is shown tells whether there are more.
            keys.store.list(filter, after: cursor, limit: limit + 1) { call.showList($0, limit: limit) }
        } catch {
            call.fail(error)
        }
    }

    /// A parameter of the query; one that cannot be read is not the same as none, which would show more than was asked for.
    private static func parameter(_ name: String, _ head: RequestHead) throws(KeyProblem) -> String? {
        guard !head.hasUnreadable(name) else { throw KeyProblem(name, "\(name) is no valid percent-encoded text.") }
        return head.queryParameter(name)
    }

    private static let noDatabase = ChatFailure(
        status: 503, message: "Virtual keys need a database: set database_url (SLUICE_DATABASE_URL).", type: "server_error",
        code: "no_database")
}

@available(*, unavailable)
extension KeysDoor: Sendable {}
