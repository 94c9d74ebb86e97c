// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import JSON
internal import Reactor
internal import Services
internal import Storage

/// `/api/v1/chat/sessions` and what is below it: conversations, their messages, their export.
package final class ChatSessionsDoor: Door {
    /// Where the door is, and how logs and metrics know it.
    package static let path = "/api/v1/chat/sessions"
    package let methods = ["GET", "POST", "PATCH", "DELETE"]
    private let gate: ChatGate

    package init(_ gate: ChatGate) {
        self.gate = gate
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let visit = gate.admit(request, id: id, door: ChatSessionsDoor.path), let store = visit.store else { return }
        let below = request.head.pathSegments?.dropFirst(4) ?? ["", "", ""]
        let method = request.head.method == "HEAD" ? "GET" : request.head.method
        let session = below.first ?? ""
        switch (below.count, below.dropFirst().first ?? "", method) {
        case (0, _, "GET"): list(visit, store)
        case (0, _, "POST"): create(visit, store)
        case (0, _, _): refuseMethod(visit, "GET, HEAD, POST")
        case (1, _, "GET"): find(visit, store, session)
        case (1, _, "PATCH"): change(visit, store, session)
        case (1, _, "DELETE"): delete(visit, store, session)
        case (1, _, _): refuseMethod(visit, "GET, HEAD, PATCH, DELETE")
        case (2, "messages", "GET"): messages(visit, store, session)
        case (2, "messages", "POST"): say(visit, session)
        case (2, "messages", _): refuseMethod(visit, "GET, HEAD, POST")
        case (2, "export", "GET"): ChatExport.begin(visit, store, session)
        case (2, "export", _): refuseMethod(visit, "GET, HEAD")
        default: visit.refuse(ErrorReply.notFound)
        }
    }

    private func create(_ visit: ChatVisit, _ store: ChatStore) {
        visit.collect(
            BodyCall { body in
                do throws(ChatFailure) {
                    var fields = try BodyFields(body.isEmpty ? Array("{}".utf8) : body)
                    let title = try ChatSessionsDoor.title(fields.string("title"))
                    let model = try fields.string("model")
                    let system = try fields.system()
                    try fields.end()
                    if let model, !model.isEmpty { try visit.check(model: model) }
                    let session = visit.session(title: title, model: model, system: system)
                    store.create(session, visit.owner) { error in
                        visit.answer(error.map { .failure($0) } ?? .success(session)) { session in
                            JSONReply.send(status: 201, requestID: visit.id, to: visit.request.response) { json in
                                ChatReply.write(session, defaultModel: visit.defaultModel, &json)
                            }
                        }
                    }
                } catch {
                    visit.refuse(error)
                }
            })
    }

    private func list(_ visit: ChatVisit, _ store: ChatStore) {
        do throws(ChatFailure) {
            let limit = try ChatSessionsDoor.limit(visit.request.head)
            let cursor = try ChatSessionsDoor.cursor(visit.request.head)
            store.list(visit.owner, before: cursor, limit: limit) { result in
                visit.answer(result) { page in
                    let next = page.hasMore ? page.sessions.last.map { PageCursor(time: $0.createdAt, id: $0.id) } : nil
                    ChatSessionsDoor.sendPage(visit, next) { json in
                        for session in page.sessions { ChatReply.write(session, defaultModel: visit.defaultModel, &json) }
                    }
                }
            }
        } catch {
            visit.refuse(error)
        }
    }

    private func find(_ visit: ChatVisit, _ store: ChatStore, _ session: String) {
        store.find(session, visit.owner) { [self] result in visit.answer(result) { send($0, visit) } }
    }

    private func change(_ visit: ChatVisit, _ store: ChatStore, _ session: String) {
        visit.collect(
            BodyCall { [self] body in
                do throws(ChatFailure) {
                    let change = try ChatSessionsDoor.change(body)
                    if let model = change.model, !model.isEmpty { try visit.check(model: model) }
                    store.change(session, visit.owner, change, at: wallClockMicroseconds()) { [self] result in
                        visit.answer(result) { send($0, visit) }
                    }
                } catch {
                    visit.refuse(error)
                }
            })
    }

    private func delete(_ visit: ChatVisit, _ store: ChatStore, _ session: String) {
        store.delete(session, visit.owner) { error in
            visit.answer(error.map { .failure($0) } ?? .success(())) {
                ChatReply.sendNothing(status: 204, requestID: visit.id, to: visit.request.response)
            }
        }
    }

    private func messages(_ visit: ChatVisit, _ store: ChatStore, _ session: String) {
        do throws(ChatFailure) {
            let limit = try ChatSessionsDoor.limit(visit.request.head)
            let cursor = try ChatSessionsDoor.cursor(visit.request.head)
            let order = try ChatSessionsDoor.order(visit.request.head)
            // A place among messages is their position, and the conversation's identifier.
            guard cursor.map({ $0.id == session }) ?? true else { throw ChatSessionsDoor.wrongCursor }
            store.messages(session, visit.owner, order, after: cursor.map { Int($0.time) }, limit: limit) { result in
                visit.answer(result) { found in
                    // Positions count from 1 without a gap, so that the last one tells whether more follow.
                    let last = found.messages.last?.position ?? 0
                    let hasMore = order == .oldestFirst ? 0 < last && last < found.session.messageCount : last > 1
                    let next = hasMore ? PageCursor(time: Int64(last), id: session) : nil
                    ChatSessionsDoor.sendPage(visit, next) { json in
                        for message in found.messages { ChatReply.write(message, &json) }
                    }
                }
            }
        } catch {
            visit.refuse(error)
        }
    }

    private func say(_ visit: ChatVisit, _ session: String) {
        let wantsDetails = visit.request.head.queryParameter("details") == "true"
        visit.collect(
            ChatCall(visit, .chunks(details: wantsDetails)) { body throws(ChatFailure) in
                var fields = try BodyFields(body)
                let text = try fields.text("content")
                let model = try fields.string("model")
                let temperature = try fields.number("temperature", in: 0...2)
                let maxTokens = try fields.integer("max_tokens", in: 1...10_000_000)
                try fields.end()
                var turn = try visit.turn(.existing(session), text, model: model, isStream: true)
                turn.temperature = temperature
                turn.maxTokens = maxTokens
                return turn
            })
    }

    private func send(_ session: ChatSession, _ visit: ChatVisit) {
        JSONReply.send(requestID: visit.id, to: visit.request.response) { json in
            ChatReply.write(session, defaultModel: visit.defaultModel, &json)
        }
    }

    private func refuseMethod(_ visit: ChatVisit, _ allowed: String) {
        var fields = JSONReply.fields(visit.id)
        fields.append("Allow", allowed)
        visit.gate.gate.relay.recordRefusal(
            ErrorReply.methodNotAllowed, id: visit.id, door: visit.door, caller: visit.caller)
        ErrorReply.send(
            ErrorReply.methodNotAllowed, .openAIChat, requestID: visit.id, fields: fields, to: visit.request.response)
    }
}

// What the addresses and bodies say.
extension ChatSessionsDoor {
    private static func title(_ text: String?) throws(ChatFailure) -> String? {
        guard let text, text.utf8.count > 1024 else { return text }
        throw BodyFields.wrong("title", "at most 1024 bytes")
    }

    /// A change: `null` and the empty text stand for what is there when nothing is said.
    private static func change(_ body: [UInt8]) throws(ChatFailure) -> ChatSessionChange {
        var fields = try BodyFields(body)
        func text(_ name: String) throws(ChatFailure) -> String? {
            guard let value = fields.value(name) else { return nil }
            guard let text = value.isNull ? "" : value.string else { throw BodyFields.wrong(name, "a string or null") }
            return text
        }
        let change = ChatSessionChange(
            title: try title(text("title")), model: try text("model"), system: try BodyFields.system(text("system")))
        try fields.end()
        return change
    }

    private static func limit(_ head: RequestHead) throws(ChatFailure) -> Int {
        guard let text = try parameter("limit", head) else { return 50 }
        guard let limit = Int(text), (1...1000).contains(limit) else {
            throw BodyFields.wrong("limit", "a whole number from 1 to 1000")
        }
        return limit
    }

    private static func order(_ head: RequestHead) throws(ChatFailure) -> MessageOrder {
        switch try parameter("order", head) {
        case nil, "asc": return .oldestFirst
        case "desc": return .latestFirst
        default: throw BodyFields.wrong("order", "asc or desc")
        }
    }

    private static func cursor(_ head: RequestHead) throws(ChatFailure) -> PageCursor? {
        guard let text = try parameter("cursor", head) else { return nil }
        guard let cursor = PageCursor(text), cursor.time >= 0 else { throw wrongCursor }
        return cursor
    }

    private static var wrongCursor: ChatFailure {
        BodyFields.wrong("cursor", "the next_cursor of an earlier page of the same list")
    }

    /// A parameter of the query; one that cannot be read is not an absent one.
    private static func parameter(_ name: String, _ head: RequestHead) throws(ChatFailure) -> String? {
        guard !head.hasUnreadable(name) else { throw BodyFields.wrong(name, "valid percent-encoded text") }
        return head.queryParameter(name)
    }

    private static func sendPage(_ visit: ChatVisit, _ next: PageCursor?, _ write: (inout JSONWriter) -> Void) {
        JSONReply.send(requestID: visit.id, to: visit.request.response) { json in
            json.object { json in
                json.key("data")
                json.array { json in write(&json) }
                json.member("next_cursor", next.map { .string($0.text) } ?? .null)
            }
        }
    }
}

@available(*, unavailable)
extension ChatSessionsDoor: Sendable {}

/// A request that has nothing under way but its body.
final class BodyCall: RequestOwner {
    private let receive: ([UInt8]) -> Void

    /// Hands the body to `receive`.
    init(_ receive: @escaping ([UInt8]) -> Void) { self.receive = receive }

    func receivedBody(_ body: [UInt8]) { receive(body) }
    func clientLeft() {}
    func drained() {}
}

@available(*, unavailable)
extension BodyCall: Sendable {}
