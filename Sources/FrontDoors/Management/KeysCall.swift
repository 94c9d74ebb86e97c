// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPServer
internal import JSON
internal import Services
internal import Storage
internal import Telemetry

/// One request for virtual keys: waits for its body and for the database, and answers.
///
/// A client that has left is written to in vain; what it asked for is done all the same.
final class KeysCall: RequestOwner {
    private let response: ResponseWriter
    private let id: String
    private let caller: Caller
    private let log: Log
    private var perform: ((KeysCall, [UInt8]) throws(KeyProblem) -> Void)?

    init(_ response: ResponseWriter, id: String, by caller: Caller, _ log: Log) {
        self.response = response
        self.id = id
        self.caller = caller
        self.log = log
    }

    /// Takes in the body, up to `limit` bytes, and does something with it.
    func receive(
        _ request: ServerRequest, limit: Int, _ perform: @escaping (KeysCall, [UInt8]) throws(KeyProblem) -> Void
    ) {
        self.perform = perform
        request.owner = self
        request.collectBody(limit: limit)
    }

    func receivedBody(_ body: [UInt8]) {
        let perform = perform
        self.perform = nil
        do {
            try perform?(self, body)
        } catch {
            fail(error)
        }
    }

    func clientLeft() { perform = nil }

    func drained() {}

    /// Answers with a key that was just made: the only time that it is shown.
    func created(_ result: Result<(key: String, row: KeyRow), StorageError>) {
        switch result {
        case .success(let made):
            note("key created", made.row)
            JSONReply.send(status: 201, requestID: id, to: response) { made.row.write(key: made.key, &$0) }
        case .failure(let error): fail(error)
        }
    }

    /// Answers with a key, or that there is none; `event` is what was done to it.
    func show(_ result: Result<KeyRow?, StorageError>, noting event: String? = nil) {
        switch result {
        case .success(let row?):
            if let event { note(event, row) }
            JSONReply.send(requestID: id, to: response) { row.write(&$0) }
        case .success(nil): fail(KeysCall.noKey)
        case .failure(let error): fail(error)
        }
    }

    /// Answers with the first `limit` of the keys, and where to go on when there are more.
    func showList(_ result: Result<[KeyRow], StorageError>, limit: Int) {
        switch result {
        case .success(let rows):
            let page = rows.prefix(limit)
            let next = rows.count > limit ? page.last.map { PageCursor(time: $0.createdAt, id: $0.id).text } : nil
            JSONReply.send(requestID: id, to: response) { json in
                json.object { json in
                    json.member("object", literal: "list")
                    json.member("data", array: { json in for row in page { row.write(&json) } })
                    json.member("next_cursor", next.map { .string($0) } ?? .null)
                }
            }
        case .failure(let error): fail(error)
        }
    }

    func fail(_ problem: KeyProblem) {
        fail(
            ChatFailure(
                status: 400, message: problem.message, type: "invalid_request_error", code: "invalid_value",
                parameter: problem.member))
    }

    func fail(_ failure: ChatFailure) {
        ErrorReply.send(failure, .openAIChat, requestID: id, to: response)
    }

    private func fail(_ error: StorageError) {
        log.warning("the keys cannot be managed", ["id": .text(id), "error": .text("\(error)")])
        fail(KeysCall.noStorage)
    }

    private func note(_ event: String, _ row: KeyRow) {
        log.info(event, ["id": .text(id), "key": .text(row.id), "hint": .text(row.hint), "by": .text(caller.name)])
    }

    private static let noKey = ChatFailure(
        status: 404, message: "There is no key of this identifier.", type: "invalid_request_error", code: "key_not_found")
    private static let noStorage = ChatFailure(
        status: 503, message: "The database cannot be reached or written to; try again later.", type: "server_error",
        code: "storage_unavailable")
}

@available(*, unavailable)
extension KeysCall: Sendable {}
