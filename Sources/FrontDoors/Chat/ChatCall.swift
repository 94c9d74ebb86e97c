// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Chat
internal import HTTPSemantics
internal import HTTPServer
internal import JSON
internal import Services
internal import Storage

/// How the answer to a message is told.
enum ChatForm {
    /// As one JSON object.
    case whole
    /// As `TokenEvents`.
    case tokens
    /// As `ChunkEvents`; with what the model thinks, and who answered, if the client wants the details.
    case chunks(details: Bool)

    /// Whether the answer is not told before it is whole.
    var isWhole: Bool { if case .whole = self { true } else { false } }
    /// Whether the answer is told as `TokenEvents`.
    var isTokens: Bool { if case .tokens = self { true } else { false } }
    /// Whether the client wants what only `ChunkEvents` tell.
    var hasDetails: Bool { if case .chunks(details: true) = self { true } else { false } }
}

/// One message at a door of the chat: stands between the client and its turn.
final class ChatCall: RequestOwner {
    /// Reads a body into a turn; throws the 400 that it deserves.
    typealias Reader = ([UInt8]) throws(ChatFailure) -> ChatTurnRequest

    private let response: ResponseWriter
    private let visit: ChatVisit
    private let form: ChatForm
    private let read: Reader
    private var turn: ChatTurn?
    private var chunks = ChunkEvents()
    private var thoughts = ChunkEvents()
    private var session = ""
    private var attribution: Attribution?

    /// A call whose body `read` will read.
    init(_ visit: ChatVisit, _ form: ChatForm, _ read: @escaping Reader) {
        self.visit = visit
        self.form = form
        self.read = read
        response = visit.request.response
    }

    func receivedBody(_ body: [UInt8]) { begin(body) }

    /// Begins the turn that a body, or the address alone, asks for.
    func begin(_ body: [UInt8]) {
        let request: ChatTurnRequest
        do throws(ChatFailure) {
            request = try read(body)
        } catch {
            return visit.refuse(error)
        }
        guard visit.gate.gate.isRecorded(visit.request, id: visit.id, door: visit.door, .openAIChat, visit.caller) else {
            return
        }
        turn = visit.gate.service.begin(request, self)
    }

    func clientLeft() {
        turn?.clientLeft()
        turn = nil
    }

    func drained() { turn?.drained() }

    private func addAttribution(to fields: inout HTTPFields) {
        guard let attribution else { return }
        fields.append("X-Sluice-Provider", attribution.provider)
        fields.append("X-Sluice-Model", attribution.model)
        fields.append("X-Sluice-Stream-Id", attribution.streamID)
    }

    private func start() {
        guard !response.hasStarted else { return }
        var fields = HTTPFields()
        fields.append("X-Request-Id", visit.id)
        addAttribution(to: &fields)
        fields.append("Content-Type", "text/event-stream; charset=utf-8")
        fields.append("Cache-Control", "no-cache, no-transform")
        fields.append("X-Accel-Buffering", "no")
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("X-Sluice-Chat-Id", session)
        response.start(status: 200, fields: fields)
    }
}

extension ChatCall: ChatTurnListener {
    var isSaturated: Bool { response.isSaturated }

    func opened(session: String, question: String) {
        self.session = session
        guard case .chunks = form else { return }
        start()
        response.write { $0.append(literal: ChunkEvents.start) }
        response.flush()
    }

    func answering(_ attribution: Attribution) {
        self.attribution = attribution
        if !form.isWhole { start() }
    }

    func reason(_ text: String) {
        guard form.hasDetails else { return }
        start()
        response.write { thoughts.chunk(text, named: "reasoning", into: &$0) }
    }

    func receive(_ text: String) {
        guard !form.isWhole else { return }
        start()
        response.write { bytes in
            if form.isTokens { TokenEvents.token(text, into: &bytes) } else { chunks.chunk(text, into: &bytes) }
        }
    }

    func heartbeat() {
        guard !form.isWhole else { return }
        start()
        // An empty line is an event without data, which no client is told of.
        response.write { $0.append(ASCII.lineFeed) }
        response.flush()
    }

    func flush() { response.flush() }

    func done(_ finished: FinishedTurn) {
        turn = nil
        // Of a whole answer, what is stored is a part only when it is longer than what is kept of any.
        let isCut = finished.answer.answer?.isPartial ?? false
        guard !form.isWhole else { return respond(finished, isCut: isCut) }
        start()
        response.write { bytes in
            if form.isTokens {
                TokenEvents.done(finished.answer.content, isCut: isCut, into: &bytes)
            } else {
                if form.hasDetails, let answer = finished.answer.answer { ChunkEvents.details(answer, into: &bytes) }
                ChunkEvents.done(question: finished.question, answer: finished.answer.id, isCut: isCut, into: &bytes)
            }
        }
        response.finish()
    }

    private func respond(_ finished: FinishedTurn, isCut: Bool) {
        var fields = JSONReply.fields(visit.id)
        addAttribution(to: &fields)
        var body = ByteBuffer()
        body.appendJSON { json in
            json.object { json in
                json.member("chat_id", finished.session)
                json.member("message_id", finished.answer.id)
                json.member("reply", finished.answer.content)
                json.member("created_at", ChatReply.time(finished.answer.createdAt))
                if isCut { json.member("is_partial", true) }
            }
        }
        response.respond(status: 200, fields: fields, body: body.bytes)
    }

    func failed(_ failure: ChatFailure, retryAfter: String?) {
        turn = nil
        guard response.hasStarted else {
            return ChatReply.refuse(failure, retryAfter: retryAfter, requestID: visit.id, to: response)
        }
        response.write { bytes in
            guard form.isTokens else { return ChunkEvents.error(failure, details: form.hasDetails, into: &bytes) }
            bytes.append(literal: "data: ")
            ChatReply.writeError(failure, into: &bytes)
            bytes.append(literal: "\n\n")
        }
        response.finish()
    }
}

@available(*, unavailable)
extension ChatCall: Sendable {}
