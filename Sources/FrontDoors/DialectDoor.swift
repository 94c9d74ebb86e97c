// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

package import Chat
internal import Dialects
package import HTTPSemantics
package import HTTPServer
internal import Providers
internal import Reactor
internal import Services
internal import Storage

/// A door at which clients speak a dialect: chat completions, responses, messages.
package final class DialectDoor: Door {
    package let methods = ["POST"]
    private let gate: DoorGate
    private let dialect: Dialect
    private let path: String

    /// A door at `path`, by which logs and metrics know it.
    package init(_ gate: DoorGate, _ dialect: Dialect, path: String) {
        self.gate = gate
        self.dialect = dialect
        self.path = path
    }

    package func receive(_ request: ServerRequest, id: String) {
        // Clients of one dialect may want the events of another.
        let answer = request.head.fields["x-sluice-dialect"].map { Dialect(rawValue: $0) } ?? dialect
        let isKnown = answer == dialect || (dialect == .openAIChat && answer == .anthropic)
        var terms = DialectCall.Terms(id: id, door: path, dialect: dialect, answer: isKnown ? answer ?? dialect : dialect)
        if !isKnown { terms.fault = DialectDoor.wrongDialect }
        DialectCall.begin(request, gate, terms)
    }

    private static let wrongDialect = ChatFailure(
        status: 400, message: "X-Sluice-Dialect must be 'anthropic', at the chat completions door.",
        type: "invalid_request_error", code: "invalid_value")
}

@available(*, unavailable)
extension DialectDoor: Sendable {}

/// Gemini's doors, where the address names the model and says whether a stream is wanted:
/// `POST /v1beta/models/{model}:generateContent`, `:streamGenerateContent` and `:countTokens`, and the same under `/v1`.
package final class GeminiDoor: Door {
    /// How logs and metrics know the door.
    package static let path = "/v1beta/models"
    package let methods = ["POST"]
    private let gate: DoorGate

    package init(_ gate: DoorGate) {
        self.gate = gate
    }

    package func receive(_ request: ServerRequest, id: String) {
        guard let (model, method) = GeminiDoor.target(of: request.head) else {
            return ErrorReply.send(ErrorReply.notFound, .gemini, requestID: id, to: request.response)
        }
        var terms = DialectCall.Terms(id: id, door: GeminiDoor.path, dialect: .gemini, answer: .gemini)
        if method == "countTokens" { terms.operation = .countTokens }
        terms.address = RequestAddress(model: model, streams: method == "streamGenerateContent")
        // Without `alt=sse` a stream is an array, told element by element.
        terms.wantsArray = request.head.queryParameter("alt") != "sse"
        DialectCall.begin(request, gate, terms)
    }

    /// The model, which may hold slashes, and the method behind its colon.
    package static func target(of head: RequestHead) -> (model: String, method: String)? {
        guard let segments = head.pathSegments, segments.count > 2 else { return nil }
        let name = segments[2...].joined(separator: "/")
        guard let colon = name.lastIndex(of: ":") else { return nil }
        let method = String(name[name.index(after: colon)...])
        var model = String(name[..<colon])
        if model.hasPrefix("models/") { model.removeFirst("models/".count) }
        let methods = ["generateContent", "streamGenerateContent", "countTokens"]
        guard methods.contains(method), !model.isEmpty else { return nil }
        return (model, method)
    }
}

@available(*, unavailable)
extension GeminiDoor: Sendable {}

/// One request at a door: waits for the body, then stands between the client and its exchange.
final class DialectCall: RequestOwner {
    /// What a door knows of a request before its body.
    struct Terms {
        /// The request's identifier.
        var id: String
        /// How logs and metrics know the door.
        var door: String
        /// The dialect of the request.
        var dialect: Dialect
        /// The dialect of the answer.
        var answer: Dialect
        /// What the address says.
        var address = RequestAddress()
        /// Whether a stream is wanted as an array of JSON.
        var wantsArray = false
        /// What is asked of the provider.
        var operation = UpstreamRequest.Operation.chat
        /// What is wrong with the head, which only an admitted caller is told.
        var fault: ChatFailure?
    }

    private unowned let request: ServerRequest
    private let gate: DoorGate
    private let terms: Terms
    private let caller: Caller
    private var exchange: Exchange?
    /// Whether the client has left, after which `request` must not be touched.
    private var isGone = false

    /// Admits the caller and begins to take in the body; answers who is turned away.
    static func begin(_ request: ServerRequest, _ gate: DoorGate, _ terms: Terms) {
        guard let caller = gate.admit(request, id: terms.id, door: terms.door, terms.answer) else { return }
        guard gate.isRecorded(request, id: terms.id, door: terms.door, terms.answer, caller) else { return }
        if let fault = terms.fault ?? (request.head.hasCoding ? ErrorReply.compressed : nil) {
            return gate.refuse(fault, request, id: terms.id, door: terms.door, terms.answer, caller)
        }
        request.owner = DialectCall(request, gate, terms, caller)
        request.collectBody(limit: gate.maxBody)
    }

    private init(_ request: ServerRequest, _ gate: DoorGate, _ terms: Terms, _ caller: Caller) {
        self.request = request
        self.gate = gate
        self.terms = terms
        self.caller = caller
    }

    func receivedBody(_ body: [UInt8]) {
        let decoded: DecodedRequest
        do {
            decoded = try decode(body)
        } catch {
            return refuse(error.failure)
        }
        guard caller.mayUse(decoded.chat.model) else { return refuse(ChatFailure.modelNotAllowed(decoded.chat.model)) }
        let upstream = UpstreamRequest(
            body: body, decoded: decoded, dialect: terms.dialect, operation: terms.operation, forwarded: forwarded())
        guard !caller.scopes.isEmpty else { return proceed(upstream, nil, []) }
        gate.relay.limits.admit(caller, upstream) { [self] admission in
            guard
                gate.relay.goesOn(after: admission, isWanted: !isGone, id: terms.id, door: terms.door, caller: caller)
            else { return }
            switch admission {
            case .granted(let lease, let statuses): proceed(upstream, lease, statuses)
            case .refused(let failure, let statuses):
                let fields = LimitFields.fields(of: failure, statuses, terms.answer, now: wallClockSeconds())
                ErrorReply.send(failure, terms.answer, requestID: terms.id, fields: fields, to: request.response)
            }
        }
    }

    private func proceed(_ upstream: UpstreamRequest, _ lease: LimitLease?, _ statuses: [LimitStatus]) {
        let chat = upstream.chat
        let estimate = terms.operation == .countTokens ? chat.estimatedTokens : nil
        // Gemini's own count is not asked for: it would be the only form beside Anthropic's.
        let counts = terms.dialect == .anthropic && gate.relay.countsTokens(chat.model)
        if let estimate, gate.relay.serves(chat.model), !counts {
            if let lease { gate.relay.limits.settle(lease, tokens: 0, cost: .zero) }
            gate.relay.recordAnswer(id: terms.id, door: terms.door, caller: caller, model: chat.model)
            return TokenCountDoor.answer(estimate, terms.answer, terms.id, request.response)
        }
        let fields = statuses.isEmpty ? nil : LimitFields.fields(statuses, terms.answer, now: wallClockSeconds())
        let sink = DialectSink(
            request.response, requestID: terms.id, terms.answer, chat, wantsArray: terms.wantsArray,
            estimate: estimate, limitFields: fields, gate.buffer)
        var relayed = RelayRequest(
            upstream: upstream, id: terms.id, door: terms.door, caller: caller, received: request.received)
        relayed.lease = lease
        relayed.headerText = gate.recordsHeaders ? Redaction.headers(request.head.fields) : ""
        exchange = gate.relay.begin(relayed, sink)
    }

    /// Turns away a caller who may not ask this; the record is short.
    private func refuse(_ failure: ChatFailure) {
        gate.refuse(failure, request, id: terms.id, door: terms.door, terms.answer, caller)
    }

    func clientLeft() {
        isGone = true
        exchange?.clientLeft()
    }

    func drained() { exchange?.drained() }

    private func decode(_ body: [UInt8]) throws(DialectError) -> DecodedRequest {
        switch terms.operation {
        case .chat: try terms.dialect.codec.decodeRequest(body.span, terms.address)
        case .embeddings: try EmbeddingsRequest.decode(body.span)
        case .countTokens: try TokenCountRequest.decode(body.span, terms.dialect, terms.address)
        }
    }

    /// What of the client's head a provider of the same dialect gets too: what selects the dialect's version.
    private func forwarded() -> [(name: String, value: String)] {
        guard terms.dialect == .anthropic else { return [] }
        return ["anthropic-version", "anthropic-beta"].compactMap { name in
            request.head.fields[name].map { (name, $0) }
        }
    }
}

extension DialectError {
    /// The error as a client is told of it.
    var failure: ChatFailure {
        ChatFailure(
            status: status, message: message, type: "invalid_request_error", code: code, parameter: parameter)
    }
}
