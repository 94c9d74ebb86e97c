// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Dialects
internal import HTTPSemantics
package import HTTPServer
internal import Providers
package import Services

/// `POST /v1/chat/completions`: chat in OpenAI's dialect.
package final class ChatDoor: Door {
    /// Where the door is.
    package static let path = "/v1/chat/completions"
    package let methods = ["POST"]
    private let relay: RelayService
    private let admission: AdmissionService
    private let maxBody: Int
    private let buffer = EncodeBuffer()
    /// Whether new requests are turned away because the process is going down.
    package var isDraining = false

    /// A door into `relay` that takes bodies up to `maxBody` bytes from callers whom `admission` admits.
    package init(_ relay: RelayService, _ admission: AdmissionService, maxBody: Int) {
        self.relay = relay
        self.admission = admission
        self.maxBody = maxBody
    }

    package func receive(_ request: ServerRequest, id: String) {
        // On the head alone, before a byte of the body is held for a stranger.
        let key = Credential.key(of: request.head)
        guard let caller = admission.admit(key) else {
            return refuse(key == nil ? ErrorReply.missingKey : ErrorReply.wrongKey, request, id)
        }
        guard !isDraining else { return refuse(ErrorReply.draining, request, id) }
        request.owner = ChatCall(request, id: id, caller: caller, relay, buffer)
        request.collectBody(limit: maxBody)
    }

    private func refuse(_ failure: ChatFailure, _ request: ServerRequest, _ id: String) {
        relay.recordRefusal(
            id: id, door: ChatDoor.path, caller: request.peer, status: failure.status, reason: failure.message)
        ErrorReply.send(failure, requestID: id, to: request.response)
    }
}

@available(*, unavailable)
extension ChatDoor: Sendable {}

/// One request at the chat door: waits for the body, then stands between the client and its exchange.
private final class ChatCall: RequestOwner {
    private unowned let request: ServerRequest
    private let id: String
    private let caller: String
    private let relay: RelayService
    private let buffer: EncodeBuffer
    private var exchange: Exchange?

    init(_ request: ServerRequest, id: String, caller: String, _ relay: RelayService, _ buffer: EncodeBuffer) {
        self.request = request
        self.buffer = buffer
        self.id = id
        self.caller = caller
        self.relay = relay
    }

    func receivedBody(_ body: [UInt8]) {
        let decoded: OpenAIChatRequest
        do {
            decoded = try OpenAIChatRequest(decoding: body.span)
        } catch {
            relay.recordRefusal(
                id: id, door: ChatDoor.path, caller: caller, status: error.status, reason: error.message)
            return ErrorReply.send(error.failure, requestID: id, to: request.response)
        }
        let sink = OpenAIChatSink(request.response, requestID: id, decoded.chat, buffer)
        exchange = relay.begin(
            RelayRequest(
                upstream: .init(body: body, request: decoded), id: id,
                door: ChatDoor.path, caller: caller, received: request.received),
            sink)
    }

    func clientLeft() { exchange?.clientLeft() }

    func drained() { exchange?.drained() }
}

extension DialectError {
    /// The error as a client is told of it.
    var failure: ChatFailure {
        ChatFailure(
            status: status, message: message, type: "invalid_request_error", code: code, parameter: parameter)
    }
}
