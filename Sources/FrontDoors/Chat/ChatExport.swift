// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Services
internal import Storage

/// `GET /api/v1/chat/sessions/{id}/export`: a conversation as a file of JSON, read and sent page by page.
///
/// A database that fails in the midst of it cuts the connection, so that half a file does not look whole.
final class ChatExport: RequestOwner {
    private let visit: ChatVisit
    private let store: ChatStore
    private let response: ResponseWriter
    private var session: ChatSession
    private var position = 0
    private var isReading = false
    private var isOver = false

    /// Answers with the conversation, or that there is none.
    static func begin(_ visit: ChatVisit, _ store: ChatStore, _ id: String) {
        store.find(id, visit.owner) { result in
            // Who owns the request of a client that has left would never be told so.
            guard !visit.request.response.isOver else { return }
            visit.answer(result) { session in
                let export = ChatExport(visit, store, session)
                visit.request.owner = export
                export.start()
            }
        }
    }

    private init(_ visit: ChatVisit, _ store: ChatStore, _ session: ChatSession) {
        self.visit = visit
        self.store = store
        self.session = session
        response = visit.request.response
    }

    func receivedBody(_ body: [UInt8]) {}
    func clientLeft() { isOver = true }
    func drained() { readOn() }

    private func start() {
        var fields = JSONReply.fields(visit.id)
        // The identifier is the gateway's own: the title could hold anything.
        fields.append("Content-Disposition", "attachment; filename=\"\(session.id).json\"")
        response.start(status: 200, fields: fields)
        guard visit.request.head.method != "HEAD" else { return end() }
        response.write { bytes in
            bytes.append(literal: "{\"session\":")
            bytes.appendJSON { json in
                ChatReply.write(session, defaultModel: visit.defaultModel, &json)
            }
            bytes.append(literal: ",\"messages\":[")
        }
        response.flush()
        readOn()
    }

    private func readOn() {
        guard !isReading, !isOver, !response.isSaturated else { return }
        isReading = true
        store.messages(session.id, visit.owner, after: position, limit: 200) { [self] result in
            isReading = false
            guard !isOver, !response.isOver else { return }
            switch result {
            case .failure: response.abort()
            case .success(let found): write(found.messages)
            }
        }
    }

    private func write(_ messages: [StoredMessage]) {
        for message in messages where message.position <= session.messageCount {
            response.write { bytes in
                if position > 0 { bytes.append(ASCII.comma) }
                bytes.appendJSON { json in ChatReply.write(message, &json) }
            }
            position = message.position
        }
        // Messages that came after it began are not of it.
        if messages.isEmpty || position >= session.messageCount {
            response.write { $0.append(literal: "]}\n") }
            return end()
        }
        response.flush()
        readOn()
    }

    private func end() {
        isOver = true
        response.finish()
    }
}

@available(*, unavailable)
extension ChatExport: Sendable {}
