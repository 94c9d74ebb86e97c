// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
package import HTTPServer
internal import Services
internal import Storage

/// `POST /chat`, answered whole, and `/chat/stream`, answered as a stream: by POST, or by GET for an EventSource.
package final class ChatDoor: Door {
    /// Where answers are whole; how logs and metrics know both.
    package static let path = "/chat"
    /// Where answers are streams.
    package static let streamPath = "/chat/stream"

    package var methods: [String] { streams ? ["GET", "POST"] : ["POST"] }
    private let gate: ChatGate
    private let streams: Bool

    /// A door for whole answers, or for streams.
    package init(_ gate: ChatGate, streams: Bool) {
        self.gate = gate
        self.streams = streams
    }

    package func receive(_ request: ServerRequest, id: String) {
        let isPost = request.head.method == "POST"
        guard let visit = gate.admit(request, id: id, door: ChatDoor.path, allowsQuery: !isPost) else { return }
        guard isPost else { return receiveQuery(visit) }
        visit.collect(
            ChatCall(visit, streams ? .tokens : .whole) { [streams] body throws(ChatFailure) in
                var fields = try BodyFields(body)
                let text = try fields.text("message")
                let chat = try fields.string("chat_id")
                let model = try fields.string("model")
                let system = try fields.system()
                try fields.end()
                return try ChatDoor.turn(visit, text, chat: chat, model: model, system: system, streams: streams)
            })
    }

    private func receiveQuery(_ visit: ChatVisit) {
        let head = visit.request.head
        guard head.method != "HEAD" else {
            // To ask for the head alone must not begin a conversation.
            return ChatReply.sendNothing(
                status: 200, type: "text/event-stream; charset=utf-8", requestID: visit.id, to: visit.request.response)
        }
        let call = ChatCall(visit, .tokens) { (_: [UInt8]) throws(ChatFailure) in
            let text = try BodyFields.checked(head.queryParameter("message") ?? "", "message")
            return try ChatDoor.turn(
                visit, text, chat: head.queryParameter("chat_id"), model: head.queryParameter("model"), system: nil,
                streams: true)
        }
        visit.request.owner = call
        call.begin([])
    }

    private static func turn(
        _ visit: ChatVisit, _ text: String, chat: String?, model: String?, system: String?, streams: Bool
    ) throws(ChatFailure) -> ChatTurnRequest {
        guard let chat else {
            // What will be asked is known, so that it can be refused before anything is stored.
            if model == nil { try visit.check(model: visit.defaultModel) }
            let session = visit.session(title: nil, model: model, system: system)
            return try visit.turn(.new(session), text, model: model, isStream: streams)
        }
        var turn = try visit.turn(.existing(chat), text, model: model, isStream: streams)
        turn.system = system
        return turn
    }
}

@available(*, unavailable)
extension ChatDoor: Sendable {}
