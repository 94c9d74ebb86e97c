// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import HTTPServer
internal import Reactor
package import Services
internal import Storage

/// What the chat's doors share.
package final class ChatGate {
    let gate: DoorGate
    let service: ChatService
    private let asksForKeys: Bool

    /// A gate to `service`. Unless `asksForKeys`, clients say themselves who they are.
    package init(_ gate: DoorGate, _ service: ChatService, asksForKeys: Bool) {
        self.gate = gate
        self.service = service
        self.asksForKeys = asksForKeys
    }

    /// Admits a request, as somebody who owns conversations; who is turned away has been answered.
    func admit(_ request: ServerRequest, id: String, door: String, allowsQuery: Bool = false) -> ChatVisit? {
        guard let caller = gate.admit(request, id: id, door: door, .openAIChat) else { return nil }
        var visit = ChatVisit(
            gate: self, request: request, id: id, door: door, caller: caller, owner: Owner(organization: "", user: ""))
        guard service.store != nil else {
            visit.refuse(ChatTurn.storageFailed)
            return nil
        }
        do throws(ChatFailure) {
            visit.owner = try Owner(caller, request.head, asksForKeys: asksForKeys, allowsQuery: allowsQuery)
        } catch {
            visit.refuse(error)
            return nil
        }
        return visit
    }
}

@available(*, unavailable)
extension ChatGate: Sendable {}

/// One admitted request at a door of the chat.
struct ChatVisit {
    let gate: ChatGate
    let request: ServerRequest
    /// The request's identifier.
    let id: String
    /// How logs and metrics know the door.
    let door: String
    let caller: Caller
    /// Whose conversations it may see.
    var owner: Owner

    var store: ChatStore? { gate.service.store }

    /// Takes in the body, then lets `receive` have it; a compressed one is refused.
    func collect(_ owner: any RequestOwner) {
        guard !request.head.hasCoding else { return refuse(ErrorReply.compressed) }
        request.owner = owner
        request.collectBody(limit: gate.gate.maxBody)
    }

    /// Answers with a failure, and records that the request went no further.
    func refuse(_ failure: ChatFailure) {
        gate.gate.relay.recordRefusal(failure, id: id, door: door, caller: caller)
        ChatReply.refuse(failure, requestID: id, to: request.response)
    }

    /// Answers with what the store gave, or with its failure.
    func answer<Value>(_ result: Result<Value, ChatStoreError>, _ send: (Value) -> Void) {
        switch result {
        case .success(let value): send(value)
        case .failure(let error): refuse(ChatReply.failure(of: error))
        }
    }

    /// A turn of this visitor's, on a model that can be asked.
    ///
    /// Throws a 404 when `model`, the one that will be asked as far as it is known, is served by nobody.
    func turn(
        _ destination: ChatDestination, _ text: String, model: String?, isStream: Bool
    ) throws(ChatFailure) -> ChatTurnRequest {
        if let model { try check(model: model) }
        var turn = ChatTurnRequest(
            destination: destination, owner: owner, text: text, isStream: isStream, id: id, door: door, caller: caller,
            received: request.received)
        turn.model = model
        if gate.gate.recordsHeaders { turn.headerText = Redaction.headers(request.head.fields) }
        return turn
    }

    /// A conversation that begins now.
    func session(title: String?, model: String?, system: String?) -> ChatSession {
        ChatSession(
            id: Identifier.make("chat"), title: title ?? "", model: model ?? "", system: system ?? "",
            createdAt: wallClockMicroseconds())
    }

    /// The model of a conversation that names none.
    var defaultModel: String { gate.service.defaultModel(for: caller) }

    /// Throws a 404 when nobody serves a model, a 403 when the key is not for it, and a 400 when its name is too long.
    func check(model: String) throws(ChatFailure) {
        // A provider's prefix lets any name through: what conversations keep is bounded.
        guard model.utf8.count <= 1024 else { throw BodyFields.wrong("model", "at most 1024 bytes") }
        try gate.gate.check(model: model, for: caller)
    }
}

@available(*, unavailable)
extension ChatVisit: Sendable {}
